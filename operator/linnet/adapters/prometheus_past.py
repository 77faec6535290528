"""Past releases of a workload, as Prometheus remembers them, tile by tile."""

from typing import Final

from linnet.adapters.prometheus_failures import QueryError
from linnet.adapters.prometheus_history import PrometheusHistory
from linnet.adapters.prometheus_pool import PrometheusPool
from linnet.adapters.prometheus_ranges import Group, TileRange, read_ranges
from linnet.analysis.tiles import Tile
from linnet.analysis.watch import Watch, Yardstick
from linnet.errors import UnavailableError
from linnet.simulation.recording import Recorded, Recording

COARSE: Final = 60.0
"""Seconds of the tiles that releases are looked for in."""
PAUSE: Final = 3
"""So many of these without a request end a release."""
BEFORE: Final = 60
"""How many tiles of the primary are read from before a release."""
LONGEST: Final = 30 * 86_400.0
MAX_TILES: Final = 20_000
"""A release that has more tiles than this is cut off there."""


class PrometheusPast:
    """Finds releases of one workload and reads them as recordings.

    `canary` and `primary` are the names of the two workloads in `namespace`. A scrape interval in
    seconds is taken for granted; without it, it is found out. Raises UnavailableError, with a
    sentence, where Prometheus does not answer.
    """

    def __init__(
        self,
        pool: PrometheusPool,
        namespace: str,
        canary: str,
        primary: str,
        scrape_interval: float | None = None,
    ) -> None:
        self._pool = pool
        self._namespace, self._canary, self._primary = namespace, canary, primary
        self._scrape_interval = scrape_interval

    async def releases(self, start: float, end: float) -> list[Recording]:
        """Return what was recorded of each release between two times, in seconds since 1970."""
        try:
            spans = await self._spans(start, end)
            return [await self._recording(first, last) for first, last in spans]
        except QueryError as error:
            raise UnavailableError(str(error)) from error

    async def _spans(self, start: float, end: float) -> list[tuple[float, float]]:
        """Return when the canary got requests: where there is a pause another release begins."""
        yardstick = Yardstick(COARSE)
        watch = Watch(self._namespace, self._canary, "", yardstick)
        wanted = range(yardstick.index(start) + 1, yardstick.index(end) + 1)
        if not wanted:
            return []
        tiles = (await read_ranges(self._pool, Group.of(watch), {watch: wanted}))[watch]
        return busy(tiles)

    async def _recording(self, start: float, end: float) -> Recording:
        # At its end more is known of how often there are scrapes; what is slow is fixed before.
        seconds = self._scrape_interval or (await self._yardstick(end, None)).seconds
        yardstick = await self._yardstick(start, seconds)
        watch = Watch(self._namespace, self._canary, self._primary, yardstick)
        first, last = yardstick.index(start) - BEFORE + 1, yardstick.index(end)
        wanted = range(first, min(last, first + MAX_TILES) + 1)
        tiles = (await read_ranges(self._pool, Group.of(watch), {watch: wanted}))[watch]
        intervals = tuple(
            # What a canary did before is another release's.
            Recorded(one.end, Tile(one.tile.canary if one.end > start else None, one.tile.primary))
            for one in tiles
        )
        return Recording(yardstick.seconds, intervals, yardstick.edge or 0.0)

    async def _yardstick(self, at: float, seconds: float | None) -> Yardstick:
        """Return how a release that began at `at` would have been counted."""
        history = PrometheusHistory(self._pool, lambda: at, seconds)
        try:
            baseline = await history.baseline("", self._namespace, self._primary)
        finally:
            await history.close()
        if baseline.yardstick is None:
            raise UnavailableError(baseline.absent)
        return baseline.yardstick


def busy(tiles: TileRange) -> list[tuple[float, float]]:
    """Return the spans in which the canary got requests, pauses of a few tiles included."""
    spans: list[tuple[float, float]] = []
    for reading in tiles:
        side = reading.tile.canary
        if side is None or side.requests <= 0:
            continue
        begins = reading.end - COARSE
        if spans and begins - spans[-1][1] < PAUSE * COARSE:
            spans[-1] = spans[-1][0], reading.end
        else:
            spans.append((begins, reading.end))
    return spans
