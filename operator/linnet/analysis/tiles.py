"""Tiles: what both sides of a release served in one and the same span of time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """What one side served in a tile: increments of counters, not totals.

    `errors` and `slow` are parts of `requests`. Slow requests took longer than the latency edge
    that was chosen before the release; None where that was not measured.
    """

    requests: float
    errors: float
    slow: float | None = None


@dataclass(frozen=True, slots=True)
class Tile:
    """The same span on both sides. None is no data, which is not the same as no requests."""

    canary: Counts | None = None
    primary: Counts | None = None
