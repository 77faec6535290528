"""Tiles from Prometheus: one query for all active releases of a server, at each tile's end."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

from linnet.adapters.gathering import GATHER_SECONDS, Gathering
from linnet.adapters.prometheus_failures import QueryError
from linnet.adapters.prometheus_history import PrometheusHistory
from linnet.adapters.prometheus_pool import PrometheusPool
from linnet.adapters.prometheus_ranges import (
    WATCHES_A_QUERY,
    Group,
    TileRange,
    parts,
    read_ranges,
    tile_queries,
)
from linnet.adapters.prometheus_reasons import Reasons
from linnet.adapters.prometheus_server import PrometheusServer
from linnet.analysis.queries import Workload
from linnet.analysis.tile_rows import TileRows
from linnet.analysis.watch import Baseline, TileReading, TileSpan, Watch

log = logging.getLogger(__name__)

SETTLE_SECONDS: Final = 1.0
"""How long after its end a tile is asked for: scrapes take a moment. One whose scrapes are not all
there is asked for again after a whole tile, and then taken as it is."""
MAX_TILES: Final = 5_000
"""How far back tiles are caught up."""
ACTIVE_TILES: Final = 3
"""Who has not asked for so many tiles is not asked for any more."""


T = TypeVar("T")


class _Answer(NamedTuple):
    """What became of a tile: read, not complete yet, or (with a sentence) not to be had."""

    reading: TileReading | None
    unavailable: str = ""


_Part = asyncio.Task[dict[Watch, _Answer]]
"""The answers of the releases that share a query, to come."""


@dataclass(slots=True, eq=False)
class _Batch:
    """Releases that ask for one tile. While the batch is open, others can come aboard."""

    task: asyncio.Task[dict[Watch, _Part]] = field(init=False)
    watches: set[Watch] = field(default_factory=set)
    is_open: bool = True


@dataclass(slots=True)
class _Active:
    """The releases of a group that are under way, and what was asked for them last."""

    asked_at: dict[Watch, int] = field(default_factory=dict)
    batches: dict[int, list[_Batch]] = field(default_factory=lambda: defaultdict(list))


class PrometheusTiles:
    """The port `Tiles`, on Prometheus' HTTP API.

    The first release that asks for a tile has it asked for on behalf of all that asked for one of
    the last few tiles, too, in queries of a hundred releases; they find their answers waiting.
    `clock` returns seconds since the epoch. `scrape_interval` in seconds is taken for granted;
    without it, it is found out.
    """

    def __init__(
        self,
        pool: PrometheusPool,
        clock: Callable[[], float],
        scrape_interval: float | None = None,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._history = PrometheusHistory(pool, clock, scrape_interval)
        self._active: dict[Group, _Active] = defaultdict(_Active)
        self._missed: Gathering[Group, tuple[Watch, range], TileRange] = Gathering(self._catch_up)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._reasons = Reasons(pool, clock)

    async def baseline(self, server: str, namespace: str, primary: str) -> Baseline:
        """Return how the tiles of a release are counted, and the primary's tiles until now."""
        return await self._history.baseline(server, namespace, primary)

    async def read(self, watch: Watch, since: float) -> TileSpan:
        """Return each tile of the release that ended after `since` (seconds since the epoch)."""
        try:
            return await self._read(watch, since)
        except QueryError as error:
            unavailable = str(error)
        except Exception:
            log.exception("Reading tiles failed: %s of %s", watch.canary, watch.namespace)
            unavailable = "linnet failed to read the counts; the operator's log says why"
        return TileSpan((), self._clock() + watch.yardstick.seconds, unavailable)

    async def close(self) -> None:
        """Give up all queries."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._missed.close()
        await self._history.close()

    async def _read(self, watch: Watch, since: float) -> TileSpan:
        yardstick = watch.yardstick
        settle = min(SETTLE_SECONDS, yardstick.seconds)
        newest = yardstick.index(self._clock() - settle)
        oldest = max(yardstick.index(since) + 1, newest - MAX_TILES + 1)
        if newest < oldest:
            return TileSpan((), yardstick.end(newest + 1) + settle)
        missed = range(oldest, newest)
        before = await self._missed.get(Group.of(watch), (watch, missed)) if missed else ()
        answer = await self._newest(watch, newest)
        if answer.reading is not None:
            return TileSpan((*before, answer.reading), yardstick.end(newest + 1) + settle)
        # What is missing now is part of the next look's span.
        again = self._clock() if answer.unavailable else yardstick.end(newest)
        return TileSpan(before, again + yardstick.seconds, answer.unavailable)

    async def _catch_up(
        self, group: Group, asked: set[tuple[Watch, range]]
    ) -> dict[tuple[Watch, range], TileRange]:
        wanted: dict[Watch, range] = {}
        for watch, missed in asked:
            known = wanted.get(watch, missed)
            wanted[watch] = range(min(known.start, missed.start), max(known.stop, missed.stop))
        found = await read_ranges(self._pool, group, wanted)
        return {
            (watch, missed): found[watch][missed.start - wanted[watch].start :][: len(missed)]
            for watch, missed in asked
        }

    async def _newest(self, watch: Watch, index: int) -> _Answer:
        group = Group.of(watch)
        active = self._active[group]
        active.asked_at[watch] = index
        batch = next(
            (one for one in active.batches[index] if one.is_open or watch in one.watches), None
        )
        if batch is None:
            for old in [one for one in active.batches if one < index - ACTIVE_TILES]:
                del active.batches[old]
            batch = _Batch()
            batch.task = self._keep(asyncio.create_task(self._begin(group, index, batch)))
            active.batches[index].append(batch)
        batch.watches.add(watch)
        # One who asked may go away; the others still want their answers.
        part = (await asyncio.shield(batch.task))[watch]
        return (await asyncio.shield(part))[watch]

    async def _begin(self, group: Group, index: int, batch: _Batch) -> dict[Watch, _Part]:
        """Send off the queries of a batch; return for each release what will hold its answer."""
        await asyncio.sleep(GATHER_SECONDS)
        active, batch.is_open = self._active[group], False
        gone = [one for one, last in active.asked_at.items() if last < index - ACTIVE_TILES]
        for watch in gone:
            del active.asked_at[watch]
        others = [one for one in active.batches[index] if one is not batch]
        batch.watches |= active.asked_at.keys() - set().union(*(one.watches for one in others))
        server = self._pool.server(group.server)
        in_order = sorted(batch.watches, key=lambda one: one.workloads)
        begun: dict[Watch, _Part] = {}
        for some in parts(in_order, WATCHES_A_QUERY):
            asking = self._ask_for_part(server, group, index, some)
            part = self._keep(asyncio.create_task(asking))
            part.add_done_callback(partial(_to_be_asked_again, batch))
            begun |= dict.fromkeys(some, part)
        return begun

    def _keep(self, task: asyncio.Task[T]) -> asyncio.Task[T]:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _ask_for_part(
        self, server: PrometheusServer, group: Group, index: int, watches: Sequence[Watch]
    ) -> dict[Watch, _Answer]:
        end = group.end(index)
        at = datetime.fromtimestamp(end, UTC)
        deadline = self._pool.deadline(turns=2)
        outcomes, durations = tile_queries(watches, group)
        rows = TileRows(group.seconds)
        asking = [
            asyncio.ensure_future(self._pool.ask(server, "tiles", promql, at, deadline))
            for promql in (outcomes, durations)
            if promql
        ]
        try:
            asked = await asyncio.gather(*asking)
        except QueryError as error:
            return dict.fromkeys(watches, _Answer(None, str(error)))
        finally:
            for one in asking:
                one.cancel()
        rows.add_outcomes(asked[0])
        if rows.late and self._clock() < end + group.seconds:
            return dict.fromkeys(watches, _Answer(None))
        if durations:
            rows.add_durations(asked[1])
        unseen = {one for watch in watches for one in rows.unseen(watch, index)}
        why = await self._reasons.of(server, group, unseen, at)
        return {
            watch: _Answer(_explained(reading, rows.unseen(watch, index), why))
            for watch in watches
            for reading in rows.read(watch, [index])
        }


def _to_be_asked_again(batch: _Batch, part: _Part) -> None:
    """Take those off a batch that it has no reading for."""
    if not part.cancelled() and part.exception() is None:
        batch.watches -= {one for one, answer in part.result().items() if answer.reading is None}


def _explained(
    reading: TileReading, unseen: Iterable[Workload], why: dict[Workload, str]
) -> TileReading:
    sentences = [reading.absent, *(why.get(one, "") for one in unseen)]
    absent = "; ".join(filter(None, sentences))
    return TileReading(reading.end, reading.tile, absent)
