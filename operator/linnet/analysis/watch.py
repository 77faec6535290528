"""Which requests a release is judged by, and in which measure: fixed before it begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from linnet.analysis.tiles import Tile

REPORTERS: Final = ("source", "destination", "waypoint")
"""Whose counts are taken, the best first: only the caller's side sees connections that fail."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """How the tiles of one release are counted.

    `seconds` is the length of a tile, no shorter than the scrape interval. Tiles end at whole
    multiples of it since the epoch. `reporter` is the side whose counts are taken for both
    workloads; empty where nobody had seen a request yet: then the best in each tile. `edge` is the
    bucket bound in ms above which a request is slow; None: slow requests are not counted.
    """

    seconds: float
    reporter: str = ""
    edge: float | None = None

    def memory(self) -> dict[str, Any]:
        """Return it in JSON, to be kept with the release."""
        return {"seconds": self.seconds, "reporter": self.reporter, "edge": self.edge}

    @classmethod
    def resume(cls, memory: Mapping[str, Any]) -> Self | None:
        """Return what `memory` gave; None for anything else."""
        match memory:
            case {"seconds": float() | int() as seconds, "reporter": str() as reporter} if (
                0.001 <= seconds <= 3600 and seconds is not True
            ):
                edge = memory.get("edge")
                return cls(seconds, reporter, edge if isinstance(edge, float | int) else None)
        return None

    def index(self, at: float) -> int:
        """Return the number of the last tile that was over at `at` (seconds since the epoch)."""
        return _milliseconds(at) // _milliseconds(self.seconds)

    def end(self, index: int) -> float:
        """Return when the tile of this number ends, in seconds since the epoch."""
        return index * _milliseconds(self.seconds) / 1000


def _milliseconds(seconds: float) -> int:
    """Whole ones: a time on the grid that became a float is on the grid still."""
    return round(seconds * 1000)


@dataclass(frozen=True, slots=True)
class Watch:
    """The two workloads of one release. `server` is a Prometheus' URL, empty for the default."""

    namespace: str
    canary: str
    primary: str
    yardstick: Yardstick
    server: str = ""

    @property
    def workloads(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """Namespace and name of the canary and of the primary."""
        return (self.namespace, self.canary), (self.namespace, self.primary)


@dataclass(frozen=True, slots=True)
class TileReading:
    """A tile that ended at `end` (seconds since the epoch), and why a side of it has no data."""

    end: float
    tile: Tile
    absent: str = ""


@dataclass(frozen=True, slots=True)
class TileSpan:
    """The tiles that have become known since the last look, in the order of time.

    `next_at` is when to ask again (seconds since the epoch). `unavailable` says why Prometheus did
    not answer; the tiles it did not tell come later.
    """

    readings: tuple[TileReading, ...]
    next_at: float
    unavailable: str = ""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is known of the primary before a release.

    `yardstick` is None while Prometheus does not answer: ask again. `readings` are the primary's
    last tiles, in the order of time, without a canary. `absent` says what is not known, and why.
    """

    yardstick: Yardstick | None
    readings: tuple[TileReading, ...] = ()
    absent: str = ""
