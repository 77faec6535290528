"""What has been seen so far in one release, to be looked at over any span up to now."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from linnet.analysis.tiles import Tile


@dataclass(frozen=True, slots=True)
class Totals:
    """What was counted over a span; `durations` has the canary's requests by category."""

    requests: float
    errors: float
    primary_requests: float
    primary_errors: float
    durations: tuple[float, ...] = ()


@dataclass(slots=True)
class History:
    """The tiles of one release, each `seconds` long, as running totals.

    A side without data in a tile adds nothing.
    """

    seconds: float
    _sums: list[tuple[float, float, float, float]] = field(default_factory=lambda: [(0, 0, 0, 0)])
    _durations: list[Sequence[float]] = field(default_factory=list)

    @property
    def age(self) -> float:
        """How many seconds it covers."""
        return (len(self._sums) - 1) * self.seconds

    def add(self, tile: Tile, durations: Sequence[float] = ()) -> None:
        """Append the next tile, and how the canary's requests were spread over durations."""
        n, e, m, f = self._sums[-1]
        if tile.canary is not None:
            n, e = n + tile.canary.requests, e + tile.canary.errors
        if tile.primary is not None:
            m, f = m + tile.primary.requests, f + tile.primary.errors
        self._sums.append((n, e, m, f))
        if durations:
            self._durations.append(durations)

    def over(self, span: float | None = None) -> Totals:
        """Return what the last `span` seconds have counted; None: all since the beginning."""
        tiles = len(self._sums) - 1
        if span is not None:
            tiles = min(tiles, max(1, round(span / self.seconds)))
        now, then = self._sums[-1], self._sums[-1 - tiles]
        recent = self._durations[-tiles:] if tiles else []
        return Totals(
            now[0] - then[0],
            now[1] - then[1],
            now[2] - then[2],
            now[3] - then[3],
            tuple(map(sum, zip(*recent, strict=True))),
        )
