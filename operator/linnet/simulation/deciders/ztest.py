"""A test of two proportions, repeated at every scrape as if each time were the only one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from linnet.analysis.tiles import Tile
from linnet.simulation.deciders.ladder import Climb, Rule


@dataclass(frozen=True, slots=True)
class ZTest(Rule):
    """One-sided, pooled, on all that was counted since the canary's first traffic.

    `level` is the probability of a false alarm that a single look has.
    """

    level: float = 0.01
    name: str = "z-test"

    def start(self, before: Sequence[Tile] = ()) -> "_Trial":
        """Begin a release."""
        return _Trial(self)


class _Trial(Climb):
    def __init__(self, rule: ZTest) -> None:
        super().__init__(rule)
        self.critical = NormalDist().inv_cdf(1.0 - rule.level)

    def look(self, at: float) -> None:
        seen = self.history.over()
        n, m = seen.requests, seen.primary_requests
        errors = seen.errors + seen.primary_errors
        if n and m and 0 < errors < n + m:
            pooled = errors / (n + m)
            spread = math.sqrt(pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m))
            if (seen.errors / n - seen.primary_errors / m) / spread > self.critical:
                self.roll_back()
                return
        if self.is_due(at, self.ladder.interval):
            self.advance()
