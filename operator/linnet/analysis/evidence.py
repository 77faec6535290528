"""E-processes: evidence that may be looked at after every tile, however often.

A process starts at 1 and is expected not to grow while its null hypothesis holds, whatever came
before. By Ville's inequality it ever reaches 1/alpha with a chance of alpha at most.

The mixture over target ratios makes it grow at any size of a fault; the change point keeps a long
healthy history from hiding a late one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Final

RATIOS: Final = (1.5, 2.0, 3.0, 5.0, 10.0, 25.0, 100.0, 400.0)
"""How many times as often as allowed the canary may fail: what the mixture is on the watch for."""

_J: Final = len(RATIOS)
_PAIRS: Final = tuple((ratio - 1, log(ratio)) for ratio in RATIOS)
_START: Final = 0.5
_HAZARD: Final = 1 / 40
_SLOWER_BELOW: Final = 0.25
_LARGEST: Final = 300.0
_MAX_RATE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Mixture:
    """The state of one e-process: a share per ratio, and what is not yet on any of them.

    `value` is their sum, the evidence: 1 is none; 1/alpha is enough for a chance of alpha to be
    wrong.
    """

    shares: tuple[float, ...] = (_START / _J,) * _J
    reserve: float = 1 - _START
    value: float = 1.0

    @classmethod
    def of(cls, shares: Sequence[float], reserve: float) -> "Mixture":
        """Return the state with these shares, one per ratio."""
        return cls(tuple(shares), reserve, sum(shares) + reserve)

    def after(
        self,
        increments: Sequence[float],
        cap: float = _LARGEST,
        dispersion: float = 1.0,
        ceiling: float = 1e150,
    ) -> "Mixture":
        """Return the process after one tile.

        `increments` are the log e-values of the tile, one per ratio, or empty where the tile tells
        nothing. They are divided by `dispersion`, then capped at `cap`. Evidence above `ceiling` is
        forgotten beforehand: what was too much long ago must not stand in for what is lacking now.
        All of it keeps the expectation at 1 or below: e^(1/φ) is concave in e for φ >= 1, the rest
        only takes away, and may depend on the tile.

        Of the reserve 1/40 is handed out at first, and less and less once half of it is gone, so
        that a fault after an hour is found nearly as fast as one after a minute.
        """
        reserve, shares = self.reserve, self.shares
        moved = _HAZARD * reserve * min(1.0, reserve / _SLOWER_BELOW)
        each = moved / _J
        if self.value > ceiling:
            kept = ceiling / self.value
            shares = tuple([share * kept for share in shares])
        left = reserve - moved
        if not increments:
            return Mixture.of([share + each for share in shares], left)
        cap = min(cap, _LARGEST)
        most = exp(cap)
        return Mixture.of(
            [
                (share + each) * (exp(x) if (x := step / dispersion) < cap else most)
                for share, step in zip(shares, increments, strict=True)
            ],
            left,
        )


def relative(
    canary: float, canary_bad: float, primary: float, primary_bad: float, ratio: float
) -> list[float]:
    """Return the log e-values against: the canary's rate is at most `ratio` times the primary's.

    Each argument but the last is a number of requests in one and the same tile. The primary's rate
    may be anything, and change from tile to tile. Empty where that tells nothing: without a bad
    request, or without requests on both sides.
    """
    bad = canary_bad + primary_bad
    if bad <= 0 or canary <= 0 or primary <= 0:
        return []
    share = ratio * canary / (ratio * canary + primary)
    return [canary_bad * ln - bad * log(1 + share * over) for over, ln in _PAIRS]


@dataclass(frozen=True, slots=True)
class Floor:
    """A rate that is always tolerated, ready to be tested against."""

    rate: float
    gains: tuple[float, ...]
    losses: tuple[float, ...]

    @classmethod
    def at(cls, rate: float) -> "Floor":
        """Return the floor at `rate`, a fraction above 0 and below 0.95."""
        higher = [min(ratio * rate, _MAX_RATE) for ratio in RATIOS]
        return cls(
            rate,
            tuple(log(other / rate) for other in higher),
            tuple(log((1 - other) / (1 - rate)) for other in higher),
        )


def absolute(canary: float, canary_bad: float, floor: Floor) -> list[float]:
    """Return the log e-values against: the canary's rate is at most the floor."""
    good = canary - canary_bad
    return [
        canary_bad * gain + good * loss
        for gain, loss in zip(floor.gains, floor.losses, strict=True)
    ]
