"""Why workloads have no series: a second, cheap look at Prometheus, and not at every tile."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final

from linnet.adapters.prometheus_failures import QueryError
from linnet.adapters.prometheus_pool import PrometheusPool
from linnet.adapters.prometheus_ranges import Group
from linnet.adapters.prometheus_server import PrometheusServer
from linnet.analysis import absence, queries
from linnet.analysis.queries import Workload

KEPT_SECONDS: Final = 60.0
"""How long a reason is taken for granted."""


class Reasons:
    """Sentences on workloads without a row. `clock` returns seconds since the epoch."""

    def __init__(self, pool: PrometheusPool, clock: Callable[[], float]) -> None:
        self._pool = pool
        self._clock = clock
        self._told: dict[tuple[Group, Workload], tuple[float, str]] = {}

    async def of(
        self,
        server: PrometheusServer,
        group: Group,
        workloads: Collection[Workload],
        at: datetime,
    ) -> dict[Workload, str]:
        """Return a sentence for each workload, if Prometheus can be asked for it; never raises."""
        self._forget()
        unknown = sorted(one for one in workloads if (group, one) not in self._told)
        if unknown:
            series = absence.Series(queries.REQUESTS)
            promql = absence.probe_promql(series, unknown)
            try:
                rows = await self._pool.ask(server, "probe", promql, at, self._pool.deadline())
            except QueryError:
                rows = None
            if rows is not None:
                why = absence.explain(
                    rows,
                    series,
                    unknown,
                    at,
                    timedelta(seconds=group.seconds),
                    reporter=group.reporter,
                    hint=f"the scrape interval is taken to be {group.seconds:g} s:"
                    " --scrape-interval sets it",
                )
                for workload, sentence in why.items():
                    told = f"{sentence} (Prometheus {server.url})"
                    self._told[group, workload] = self._clock(), told
        return {one: self._told[group, one][1] for one in workloads if (group, one) in self._told}

    def _forget(self) -> None:
        before = self._clock() - KEPT_SECONDS
        for key in [key for key, (at, _) in self._told.items() if at <= before]:
            del self._told[key]
