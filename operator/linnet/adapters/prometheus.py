"""Measurements from Prometheus: as few queries as can be, and never an exception."""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar

from linnet.adapters.prometheus_failures import QueryError
from linnet.adapters.prometheus_pool import PrometheusPool
from linnet.adapters.prometheus_server import PrometheusServer
from linnet.analysis import absence, queries
from linnet.analysis.measurement import Measurement, MetricKind, Query
from linnet.analysis.promql import on_whole_seconds, rows_of, told_apart
from linnet.analysis.queries import Workload
from linnet.analysis.samples import single_value

log = logging.getLogger(__name__)

_T = TypeVar("_T")

GATHER_SECONDS: Final = 0.02
"""How long a query for many workloads waits for more of them."""
WORKLOADS_A_QUERY: Final = 200
"""Below the 256 values up to which Prometheus looks a regular expression up as a set."""


@dataclass(frozen=True, slots=True)
class _BuiltIn:
    """How one built-in metric is asked for and read."""

    promql: Callable[..., str]
    read: Callable[[Iterable[Any], Collection[Workload], timedelta], dict[Workload, Measurement]]
    series: absence.Series


_BUILT_IN: Final = {
    MetricKind.SUCCESS_RATE: _BuiltIn(
        queries.success_rate_promql, queries.read_success_rate, absence.Series(queries.REQUESTS)
    ),
    MetricKind.DURATION: _BuiltIn(
        queries.request_duration_promql,
        queries.read_request_duration,
        absence.Series(queries.BUCKETS, queries.ALL_REQUESTS),
    ),
}


class _Batch(NamedTuple):
    """What queries that go out as one have in common."""

    server: PrometheusServer
    kind: MetricKind
    at: datetime


class _Span(NamedTuple):
    """How far a measurement reaches back; canaries at their first checks differ in this."""

    window: timedelta
    within: bool

    @property
    def tag(self) -> str:
        """What tells the rows of one span from those of another."""
        return f"{self.window.total_seconds():g}s{' within' if self.within else ''}"


_Asked = tuple[_Span, Workload]


class PrometheusMetrics:
    """The port `Metrics`, on Prometheus' HTTP API.

    Built-in metrics that are asked for at about the same time go out as one query for all
    workloads, whatever their windows; equal inline queries go out once. Instants and windows are
    moved to whole seconds for this. A server that is slow or away keeps nobody waiting but those
    who ask it, and those no longer than the pool's time-out.
    """

    def __init__(self, pool: PrometheusPool) -> None:
        self.pool = pool
        self._gathering: dict[_Batch, set[_Asked]] = {}
        self._running: dict[Hashable, asyncio.Task[Any]] = {}

    async def measure(self, queries: Sequence[Query]) -> tuple[Measurement, ...]:
        """Return one measurement for each query, in order; never raises: absence says why."""
        return tuple(await asyncio.gather(*(self._measure(query) for query in queries)))

    async def close(self) -> None:
        """Give up all queries."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _measure(self, query: Query) -> Measurement:
        try:
            server = self.pool.server(query.server)
            at, window = on_whole_seconds(query.at, query.window, within=query.within)
            if query.kind is MetricKind.INLINE:
                return await self._inline(server, query, at)
            asked = _Span(window, query.within), (query.namespace, query.workload)
            return await self._built_in(_Batch(server, query.kind, at), asked)
        except QueryError as error:
            return Measurement(query.metric, absent=str(error))
        except Exception:
            log.exception("A measurement failed: %s of %s", query.metric, query.workload)
            absent = "linnet failed to measure it; the operator's log says why"
            return Measurement(query.metric, absent=absent)

    async def _inline(self, server: PrometheusServer, query: Query, at: datetime) -> Measurement:
        promql = query.promql or ""

        async def ask() -> float | str:
            try:
                # The second series only proves that there are too many.
                rows = await self.pool.ask(
                    server, "inline", promql, at, self.pool.deadline(), limit=2
                )
            except QueryError as error:
                return str(error)
            value = single_value(rows)
            return f"{value} (Prometheus {server.url})" if isinstance(value, str) else value

        result: float | str = await self._shared((server, at, promql), ask)
        if isinstance(result, str):
            return Measurement(query.metric, absent=result)
        return Measurement(query.metric, value=result)

    async def _built_in(self, batch: _Batch, asked: _Asked) -> Measurement:
        key = (batch, asked)
        if key in self._running:
            running = self._running[key]
        elif batch in self._gathering:
            self._gathering[batch].add(asked)
            running = self._keep(key, self._running[batch])
        else:
            self._gathering[batch] = {asked}
            running = self._keep(key, asyncio.create_task(self._ask_for_many(batch)))
            self._keep(batch, running)
        measurements: dict[_Asked, Measurement] = await asyncio.shield(running)
        return measurements[asked]

    async def _ask_for_many(self, batch: _Batch) -> dict[_Asked, Measurement]:
        deadline = self.pool.deadline()
        try:
            await asyncio.sleep(GATHER_SECONDS)
            # While others keep the server busy, more workloads can come aboard.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await batch.server.wait_for_slot()
        finally:
            asked = self._gathering.pop(batch)
            self._running.pop(batch)
        parts = _parts(sorted(asked))
        answers = await asyncio.gather(
            *(self._ask_for_part(batch, part, deadline) for part in parts)
        )
        return {one: measurement for answer in answers for one, measurement in answer.items()}

    async def _ask_for_part(
        self, batch: _Batch, asked: Sequence[_Asked], deadline: float
    ) -> dict[_Asked, Measurement]:
        server, kind, at = batch
        built_in = _BUILT_IN[kind]
        by_span: dict[_Span, list[Workload]] = defaultdict(list)
        for span, workload in asked:
            by_span[span].append(workload)
        promql = told_apart(
            (span.tag, built_in.promql(workloads, span.window, within=span.within))
            for span, workloads in by_span.items()
        )
        try:
            rows = await self.pool.ask(server, kind.value, promql, at, deadline)
        except QueryError as error:
            return {one: Measurement(kind.value, absent=str(error)) for one in asked}
        measurements: dict[_Asked, Measurement] = {}
        unseen: list[_Asked] = []
        for span, workloads in by_span.items():
            mine = rows_of(rows, span.tag)
            read, seen = built_in.read(mine, workloads, span.window), queries.seen_in(mine)
            measurements |= {(span, workload): one for workload, one in read.items()}
            unseen += [(span, workload) for workload in workloads if workload not in seen]
        if unseen:
            why = await self._why_unseen(batch, unseen, deadline)
            measurements |= {
                one: Measurement(kind.value, absent=f"{sentence} (Prometheus {server.url})")
                for one, sentence in why.items()
            }
        return measurements

    async def _why_unseen(
        self, batch: _Batch, asked: Sequence[_Asked], deadline: float
    ) -> dict[_Asked, str]:
        server, kind, at = batch
        series = _BUILT_IN[kind].series
        promql = absence.probe_promql(series, {workload for _, workload in asked})
        try:
            rows = await self.pool.ask(server, "probe", promql, at, deadline)
        except QueryError:
            return {}
        return {
            (span, workload): sentence
            for span, workload in asked
            for sentence in absence.explain(rows, series, [workload], at, span.window).values()
        }

    async def _shared(self, key: Hashable, ask: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """Await the run of `ask` for this key that is under way, or begin one."""
        running = self._running.get(key) or self._keep(key, asyncio.create_task(ask()))
        # The one who began it may go away; the others still want the answer.
        result: _T = await asyncio.shield(running)
        return result

    def _keep(self, key: Hashable, task: asyncio.Task[Any]) -> asyncio.Task[Any]:
        self._running[key] = task

        def forget(done: asyncio.Task[Any]) -> None:
            # Another may have begun under the same key meanwhile.
            if self._running.get(key) is done:
                del self._running[key]

        task.add_done_callback(forget)
        return task


def _parts(asked: Sequence[_Asked]) -> Iterator[Sequence[_Asked]]:
    for start in range(0, len(asked), WORKLOADS_A_QUERY):
        yield asked[start : start + WORKLOADS_A_QUERY]
