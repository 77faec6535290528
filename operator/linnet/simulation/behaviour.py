"""How a version answers: how often with an error, how slowly."""

import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Final

_NORMAL: Final = NormalDist()
_Z99: Final = _NORMAL.inv_cdf(0.99)
SPREAD: Final = 0.8
"""Standard deviation of the logarithm of a duration: p99 is 6.4 times the median."""


@dataclass(frozen=True, slots=True)
class Change:
    """An error rate that holds for a while: `rate` from second `start` to second `end`."""

    rate: float
    start: float = 0.0
    end: float = math.inf


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How one side of a release answers. Times are seconds since the canary's first traffic.

    - `errors`: the probability that a request fails, 0 to 1.
    - `changes`: other error rates for a while, such as a cold start or a late fault; where two
      overlap, the higher one holds.
    - `drift`: the error rate grows evenly, to so many times itself after `drift_seconds`, and goes
      on so; below 1 it falls, and 0 is where it stays.
    - `cluster`: errors come so many at once; 1: each by itself.
    - `p99`: 99% of the answers take no longer, in milliseconds. Durations are log-normal with
      standard deviation `SPREAD`.
    """

    errors: float = 0.0
    changes: tuple[Change, ...] = ()
    drift: float = 1.0
    drift_seconds: float = 600.0
    cluster: int = 1
    p99: float = 100.0

    def error_rate(self, start: float, end: float) -> float:
        """Return the mean error rate from second `start` to second `end`."""
        middle = (start + end) / 2
        factor = max(0.0, 1.0 + (self.drift - 1.0) * middle / self.drift_seconds)
        edges = sorted(
            {start, end} | {at for c in self.changes for at in (c.start, c.end) if start < at < end}
        )
        total = 0.0
        for low, high in pairwise(edges):
            rates = [c.rate for c in self.changes if c.start <= low and high <= c.end]
            total += max(rates, default=self.errors * factor) * (high - low)
        return min(1.0, total / (end - start))

    def slower_than(self, milliseconds: float) -> float:
        """Return the probability that an answer takes longer than `milliseconds`."""
        if math.isinf(milliseconds):
            return 0.0
        z = math.log(milliseconds / self.p99) / SPREAD + _Z99
        return 1.0 - _NORMAL.cdf(z)
