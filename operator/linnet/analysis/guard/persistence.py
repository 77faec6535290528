"""How long a fault must last before it is believed, by how bad it is.

A tile's log evidence is capped at ln(2 · needed) / m, so that at least m bad tiles are needed. A
cap that depends on the tile itself is as valid as a fixed one: it only takes evidence away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log
from typing import Final

_FEW: Final = 2.0
"""Requests without failure that every tile is judged as if it had: few requests are no storm.

With 2, a tile of 8 requests that all fail is of the worst grade. With 4 it takes 16, which the
first tile of a canary, having but a part of it, often lacks. With 1 it takes 4, and too many cold
starts of a few seconds are taken back. Figures: docs/decisions.md.
"""

_MOST_PATIENCE: Final = 3.0
"""How many times as long a fault must last where the primary itself fails in storms."""


@dataclass(frozen=True, slots=True)
class Grade:
    """From which share of bad requests on, for how many seconds, at least how many tiles.

    `calm` is the primary's dispersion up to which that is enough: where the primary itself fails
    in worse storms, the canary's are to be expected, and a longer one is needed.
    """

    share: float
    seconds: float
    calm: float
    tiles: int = 2


ERROR_GRADES: Final = (
    Grade(0.80, seconds=6, calm=50),
    Grade(0.40, seconds=15, calm=8),
    Grade(0.0, seconds=20, calm=8),
)
"""The worst first. Validated by simulation against cold starts, clusters and bursts."""

LATENCY_GRADES: Final = (
    Grade(0.80, seconds=15, calm=50),
    Grade(0.40, seconds=20, calm=8),
    Grade(0.0, seconds=30, calm=8),
)
"""Slower: caches and compilers are cold at first, and slow answers do less harm."""


@dataclass(frozen=True, slots=True)
class Persistence:
    """The caps for tiles of one length, the worst grade first: (share, calm, cap)."""

    caps: tuple[tuple[float, float, float], ...]

    @classmethod
    def of(cls, grades: Sequence[Grade], needed: float, seconds: float) -> "Persistence":
        """Return the caps for tiles of `seconds`, and `needed` evidence."""
        whole = log(2 * needed)
        return cls(
            tuple(
                (
                    grade.share,
                    grade.calm,
                    whole / max(grade.tiles, ceil(grade.seconds / seconds - 1e-9)),
                )
                for grade in grades
            )
        )

    def cap(self, requests: float, bad: float, scatter: float) -> float:
        """Return the most that a tile with these requests may add to a log evidence.

        `scatter` is the primary's dispersion.
        """
        share = bad / (requests + _FEW)
        for least, calm, cap in self.caps:
            if share >= least:
                return cap if scatter <= calm else cap / min(scatter / calm, _MOST_PATIENCE)
        return 0.0
