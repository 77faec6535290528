"""How long a fault must last before it is believed, by how bad it is.

A tile's log evidence is capped at ln(2 · needed) / m, so that at least m bad tiles are needed. A
cap that depends on the tile itself is as valid as a fixed one: it only takes evidence away.
"""

from dataclasses import dataclass
from math import ceil, log
from typing import Final

_FEW: Final = 4.0
"""Requests without failure that every tile is judged as if it had: few requests are no storm."""


@dataclass(frozen=True, slots=True)
class Grade:
    """From which share of bad requests on, for how many seconds, at least how many tiles."""

    share: float
    seconds: float
    tiles: int = 2


GRADES: Final = (
    Grade(0.80, seconds=6),
    Grade(0.40, seconds=15),
    Grade(0.0, seconds=20),
)
"""The worst first. Validated by simulation against cold starts and bursts."""


@dataclass(frozen=True, slots=True)
class Persistence:
    """The caps for tiles of one length: pairs of a share and the cap from there on."""

    caps: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, needed: float, seconds: float) -> "Persistence":
        """Return the caps for tiles of `seconds`, and `needed` evidence."""
        whole = log(2 * needed)
        return cls(
            tuple(
                (grade.share, whole / max(grade.tiles, ceil(grade.seconds / seconds - 1e-9)))
                for grade in GRADES
            )
        )

    def cap(self, requests: float, bad: float) -> float:
        """Return the most that a tile with these requests may add to a log evidence."""
        share = bad / (requests + _FEW)
        return next(cap for least, cap in self.caps if share >= least)
