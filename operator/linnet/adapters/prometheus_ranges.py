"""Tiles of the past from Prometheus: the same queries as for the newest tile, over a range."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from linnet.adapters.prometheus_pool import PrometheusPool
from linnet.analysis.tile_promql import durations_promql, outcomes_promql
from linnet.analysis.tile_rows import TileRows
from linnet.analysis.watch import TileReading, Watch, Yardstick

WATCHES_A_QUERY: Final = 100
"""Two workloads each: below the 256 values that Prometheus looks a matcher up as a set."""
TILES_A_QUERY: Final = 1_000
POINTS_A_QUERY: Final = 2_000
"""How many releases, times tiles, a range query asks for: an answer may be 2 MiB long."""

T = TypeVar("T")
TileRange = tuple[TileReading, ...]


class Group(NamedTuple):
    """What releases have in common that are asked for together."""

    server: str
    seconds: float
    reporter: str

    @classmethod
    def of(cls, watch: Watch) -> "Group":
        """Return the group that a release belongs to."""
        return cls(watch.server, watch.yardstick.seconds, watch.yardstick.reporter)

    def end(self, index: int) -> float:
        """Return when the tile of this number ends."""
        return Yardstick(self.seconds).end(index)


def tile_queries(watches: Sequence[Watch], group: Group) -> tuple[str, str]:
    """Return the queries for outcomes and for durations; no second one if nobody needs it."""
    workloads = [one for watch in watches for one in watch.workloads if one[1]]
    outcomes = outcomes_promql(workloads, group.seconds, group.reporter)
    timed = [watch for watch in watches if watch.yardstick.edge is not None]
    if not timed:
        return outcomes, ""
    edges = {watch.yardstick.edge for watch in timed if watch.yardstick.edge is not None}
    workloads = [one for watch in timed for one in watch.workloads if one[1]]
    return outcomes, durations_promql(workloads, edges, group.seconds, group.reporter)


async def read_ranges(
    pool: PrometheusPool, group: Group, wanted: Mapping[Watch, range]
) -> dict[Watch, TileRange]:
    """Return the tiles of these numbers, for each release of a group. Raises QueryError."""
    readings: dict[Watch, list[TileReading]] = {watch: [] for watch in wanted}
    for watches, indices in _parts_of(wanted):
        rows = await _ask(pool, group, watches, indices)
        for watch in watches:
            mine = range(
                max(indices.start, wanted[watch].start), min(indices.stop, wanted[watch].stop)
            )
            readings[watch] += rows.read(watch, mine)
    return {watch: tuple(found) for watch, found in readings.items()}


async def _ask(
    pool: PrometheusPool, group: Group, watches: Sequence[Watch], indices: range
) -> TileRows:
    rows = TileRows(group.seconds)
    server, deadline = pool.server(group.server), pool.deadline()
    span = group.end(indices.start), group.end(indices.stop - 1)
    outcomes, durations = tile_queries(watches, group)
    for add, promql in ((rows.add_outcomes, outcomes), (rows.add_durations, durations)):
        if promql:
            add(await pool.ask_range(server, "tiles", promql, span, group.seconds, deadline))
    return rows


def _parts_of(wanted: Mapping[Watch, range]) -> Iterator[tuple[Sequence[Watch], range]]:
    """Yield what goes into one query each: releases that miss about the same tiles, oldest first.

    The tiles of each release come in the order of time.
    """
    missing = sorted((one for one in wanted if wanted[one]), key=lambda one: wanted[one].start)
    for watches in parts(missing, WATCHES_A_QUERY):
        start = min(wanted[one].start for one in watches)
        stop = max(wanted[one].stop for one in watches)
        size = min(TILES_A_QUERY, max(1, POINTS_A_QUERY // len(watches)))
        for begin in range(start, stop, size):
            yield watches, range(begin, min(begin + size, stop))


def parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces of at most this size."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
