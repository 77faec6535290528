"""What Prometheus knows of primaries before their releases: asked for many at once."""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from linnet.adapters.gathering import Gathering
from linnet.adapters.prometheus_failures import QueryError
from linnet.adapters.prometheus_pool import PrometheusPool
from linnet.adapters.prometheus_ranges import WATCHES_A_QUERY, Group, parts, read_ranges
from linnet.adapters.prometheus_server import PrometheusServer
from linnet.analysis import absence, history, queries
from linnet.analysis.measurement import seconds
from linnet.analysis.queries import Workload
from linnet.analysis.watch import Baseline, Watch, Yardstick

log = logging.getLogger(__name__)

HISTORY_TILES: Final = 60
AT_LEAST: Final = timedelta(minutes=5)
"""Over which time the 99th percentile is taken at least."""
DEFAULT_INTERVAL: Final = 15.0
"""What the scrape interval is taken for in seconds when it cannot be found out."""
KEPT_SECONDS: Final = 600.0
"""How long a scrape interval that was found out is taken for granted."""


class PrometheusHistory:
    """Finds out how releases are counted, and what their primaries did until now.

    `clock` returns seconds since the epoch. `scrape_interval` in seconds is taken for granted.
    """

    def __init__(
        self,
        pool: PrometheusPool,
        clock: Callable[[], float],
        scrape_interval: float | None = None,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._scrape_interval = scrape_interval
        self._baselines: Gathering[str, Workload, Baseline] = Gathering(self._ask)
        self._intervals: dict[tuple[str, str], tuple[float, float]] = {}
        self._usual: dict[str, tuple[float, float]] = {}

    async def baseline(self, server: str, namespace: str, primary: str) -> Baseline:
        """Return how the tiles of a release are counted, and the primary's tiles until now."""
        try:
            return await self._baselines.get(server, (namespace, primary))
        except QueryError as error:
            return Baseline(None, absent=str(error))
        except Exception:
            log.exception("Reading the history failed: %s of %s", primary, namespace)
            absent = "linnet failed to read the history; the operator's log says why"
            return Baseline(None, absent=absent)

    async def close(self) -> None:
        """Give up all queries."""
        await self._baselines.close()

    async def _ask(self, url: str, workloads: set[Workload]) -> dict[Workload, Baseline]:
        server = self._pool.server(url)
        found: dict[Workload, Baseline] = {}
        for part in parts(sorted(workloads), WATCHES_A_QUERY):
            found |= await self._ask_for_part(url, server, part)
        return found

    async def _ask_for_part(
        self, url: str, server: PrometheusServer, workloads: Sequence[Workload]
    ) -> dict[Workload, Baseline]:
        rows = await self._query(server, history.sources_promql(workloads))
        sources = history.read_sources(rows)
        none = history.Sources()
        said: dict[Workload, list[str]] = defaultdict(list)
        for workload, why in (await self._why(server, workloads, sources)).items():
            said[workload].append(f"{why} (Prometheus {server.url})")
        jobs = {
            one: sources.get(one, none).jobs[sources.get(one, none).reporter] for one in sources
        }
        intervals = await self._intervals_of(
            server, {job for some in jobs.values() for job in some}
        )
        by_group: dict[Group, list[Workload]] = defaultdict(list)
        for workload in workloads:
            known = [intervals[job] for job in jobs.get(workload, ()) if job in intervals]
            seconds = self._scrape_interval or max(known, default=0.0)
            seconds = seconds or await self._usual_interval(server)
            if not seconds:
                said[workload].append(
                    f"the scrape interval is not known and taken to be {DEFAULT_INTERVAL:g} s:"
                    " --scrape-interval sets it"
                )
            reporter = sources.get(workload, none).reporter
            by_group[Group(url, seconds or DEFAULT_INTERVAL, reporter)].append(workload)
        found: dict[Workload, Baseline] = {}
        for group, members in by_group.items():
            found |= await self._past(server, group, members, said)
        return found

    async def _past(
        self,
        server: PrometheusServer,
        group: Group,
        workloads: Sequence[Workload],
        said: Mapping[Workload, Sequence[str]],
    ) -> dict[Workload, Baseline]:
        """Return the baselines of releases that are counted alike."""
        newest = Yardstick(group.seconds).index(self._clock() - group.seconds)
        edges, too_few = await self._edges(server, group, workloads, newest)
        watches = {
            workload: Watch(
                workload[0],
                "",  # no canary yet
                workload[1],
                Yardstick(group.seconds, group.reporter, edges.get(workload)),
                group.server,
            )
            for workload in workloads
        }
        wanted = range(newest - HISTORY_TILES + 1, newest + 1)
        found = await read_ranges(self._pool, group, dict.fromkeys(watches.values(), wanted))
        return {
            workload: Baseline(
                watch.yardstick,
                found[watch],
                "; ".join([*said[workload], *filter(None, [too_few.get(workload)])]),
            )
            for workload, watch in watches.items()
        }

    async def _edges(
        self, server: PrometheusServer, group: Group, workloads: Sequence[Workload], newest: int
    ) -> tuple[dict[Workload, float], dict[Workload, str]]:
        """Return the bounds above which requests are slow, and why there are none."""
        window = max(AT_LEAST, timedelta(seconds=HISTORY_TILES * group.seconds))
        # From the first scrape on that there is: Prometheus may be younger than the window.
        promql = queries.request_duration_promql(workloads, window, within=True)
        at = datetime.fromtimestamp(group.end(newest), UTC)
        rows = await self._query(server, promql, at)
        edges: dict[Workload, float] = {}
        too_few: dict[Workload, str] = {}
        for workload, by_reporter in queries.histograms(rows).items():
            edge = history.latency_edge(by_reporter.get(group.reporter, {}))
            if edge is not None:
                edges[workload] = edge
        for workload in workloads:
            if workload not in edges:
                too_few[workload] = (
                    f"slow requests are not compared: fewer than {history.ENOUGH_REQUESTS} requests"
                    f" to {'/'.join(workload)} were timed in the last {seconds(window)}"
                )
        return edges, too_few

    async def _intervals_of(
        self, server: PrometheusServer, jobs: Collection[str]
    ) -> dict[str, float]:
        """Return how often jobs are scraped, in seconds, of those for which it can be told."""
        if self._scrape_interval is not None:
            return {}
        now = self._clock()
        known = {
            job: seconds
            for job in jobs
            for told, seconds in [self._intervals.get((server.url, job), (0.0, 0.0))]
            if now - told < KEPT_SECONDS
        }
        asking = set(jobs) - known.keys()
        if not asking:
            return known
        found = await self._read_intervals(server, history.targets_promql(asking))
        for job, interval in found.items():
            self._intervals[server.url, job] = now, interval
        return known | found

    async def _usual_interval(self, server: PrometheusServer) -> float:
        """Return how often others are scraped, in seconds; 0 if that cannot be told either."""
        now = self._clock()
        told, seconds = self._usual.get(server.url, (0.0, 0.0))
        if now - told >= KEPT_SECONDS:
            found = await self._read_intervals(server, history.any_targets_promql())
            seconds = history.usual_interval(found.values())
            if seconds:
                self._usual[server.url] = now, seconds
        return seconds

    async def _read_intervals(self, server: PrometheusServer, promql: str) -> dict[str, float]:
        targets = history.read_targets(await self._query(server, promql))
        if not targets:
            return {}
        return history.read_intervals(await self._query(server, history.scrapes_promql(targets)))

    async def _why(
        self, server: PrometheusServer, workloads: Iterable[Workload], seen: Collection[Workload]
    ) -> dict[Workload, str]:
        """Return a sentence for each workload that nobody reports."""
        unseen = [one for one in workloads if one not in seen]
        if not unseen:
            return {}
        series, now = absence.Series(queries.REQUESTS), datetime.fromtimestamp(self._clock(), UTC)
        rows = await self._query(server, absence.probe_promql(series, unseen), now)
        return absence.explain(rows, series, unseen, now, timedelta(minutes=5))

    async def _query(
        self, server: PrometheusServer, promql: str, at: datetime | None = None
    ) -> Any:
        """Ask for `at`, now if it is left out. Raises QueryError."""
        moment = at or datetime.fromtimestamp(self._clock(), UTC)
        return await self._pool.ask(server, "history", promql, moment, self._pool.deadline())
