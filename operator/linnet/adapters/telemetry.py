"""What linnet tells of itself at /metrics."""

import asyncio
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace

from aiohttp import (
    ClientSession,
    TraceConfig,
    TraceRequestEndParams,
    TraceRequestExceptionParams,
)
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from yarl import URL

from linnet import __version__
from linnet.adapters.kinds import parse
from linnet.api.objects import ObjectRef
from linnet.api.status import CanaryStatus, Phase
from linnet.engine.announcement import ending
from linnet.engine.progress import Progress

RUNNING, SUCCEEDED, FAILED = 0, 1, 2
STATUS: Mapping[str, int] = {
    Phase.INITIALIZED: SUCCEEDED,
    Phase.SUCCEEDED: SUCCEEDED,
    Phase.FAILED: FAILED,
}
OUTCOMES = ("promoted", "rolled_back", "reverted")
LAG_EVERY = 0.5
"""Seconds between two looks at how late the event loop is."""


@dataclass(frozen=True, slots=True)
class CanarySummary:
    """A Canary in one line; `phase` is empty before the first status."""

    ref: ObjectRef
    phase: str
    weight: int


class Telemetry:
    """The operator's own metrics, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        Gauge(
            "linnet_build_info",
            "Always 1; the label tells the version that runs.",
            ["version"],
            registry=self.registry,
        ).labels(__version__).set(1)
        self.leader = Gauge(
            "linnet_leader",
            "1 while this instance may act, 0 while it stands by.",
            registry=self.registry,
        )
        self.releases = Counter(
            "linnet_canary_releases",
            "Releases that came to an end: promoted, rolled_back, or reverted by the user.",
            ["namespace", "name", "outcome"],
            registry=self.registry,
        )
        self.reconcile_seconds = Histogram(
            "linnet_reconcile_seconds",
            "Seconds from looking at a Canary until all that follows from it is written.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        self.reconcile_errors = Counter(
            "linnet_reconcile_errors",
            "Reconciles that ended early: conflict, unavailable, refused or bug.",
            ["kind"],
            registry=self.registry,
        )
        self.restorations = Counter(
            "linnet_restorations",
            "Objects put back after somebody else had changed or deleted them.",
            ["kind"],
            registry=self.registry,
        )
        self.events_dropped = Counter(
            "linnet_events_dropped",
            "Kubernetes Events that could not be posted.",
            registry=self.registry,
        )
        self.outcomes = Counter(
            "linnet_outcomes",
            "Outcomes of releases for the webhook: delivered or dropped.",
            ["result"],
            registry=self.registry,
        )
        self.api_requests = Counter(
            "linnet_api_requests",
            "Requests to the Kubernetes API; code is empty where there was no answer.",
            ["verb", "resource", "code"],
            registry=self.registry,
        )
        self.api_seconds = Histogram(
            "linnet_api_request_seconds",
            "Seconds until the Kubernetes API answered; for a watch, until it began.",
            ["verb"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        self.loop_lag = Histogram(
            "linnet_loop_lag_seconds",
            "How much later than planned the event loop came to its work.",
            buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
            registry=self.registry,
        )

        self._judged: dict[ObjectRef, Progress] = {}
        self.registry.register(_Judgements(self._judged))

    def tell_canaries(self, source: Callable[[], Iterable[CanarySummary]]) -> None:
        """Have all Canaries that `source` knows told at each scrape."""
        self.registry.register(_Canaries(source))

    def judged(self, ref: ObjectRef, progress: Progress | None) -> None:
        """Have the evidence of a release told; it stays until the next one, or until forgotten."""
        if progress is not None:
            self._judged[ref] = progress

    def forget(self, ref: ObjectRef) -> None:
        """Tell nothing more of a Canary that is gone."""
        self._judged.pop(ref, None)
        for outcome in OUTCOMES:
            with suppress(KeyError):
                self.releases.remove(ref.namespace, ref.name, outcome)

    def count_release(self, ref: ObjectRef, before: CanaryStatus, after: CanaryStatus) -> None:
        """Count a release if this change of status ends one."""
        if outcome := ending(before, after):
            self.releases.labels(ref.namespace, ref.name, outcome).inc()

    def request_traces(self) -> TraceConfig:
        """Return the hook that counts a session's requests."""
        trace = TraceConfig()
        trace.on_request_start.append(_start)
        trace.on_request_end.append(self._ended)
        trace.on_request_exception.append(self._broken)
        return trace

    async def watch_loop(self) -> None:
        """Measure the event loop's lag, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_EVERY
            await asyncio.sleep(LAG_EVERY)
            self.loop_lag.observe(max(0.0, loop.time() - due))

    async def _ended(
        self, session: ClientSession, context: SimpleNamespace, params: TraceRequestEndParams
    ) -> None:
        self._count(context, params.method, params.url, str(params.response.status))

    async def _broken(
        self, session: ClientSession, context: SimpleNamespace, params: TraceRequestExceptionParams
    ) -> None:
        self._count(context, params.method, params.url, "")

    def _count(self, context: SimpleNamespace, method: str, url: URL, code: str) -> None:
        verb, resource = describe(method, url)
        self.api_requests.labels(verb, resource, code).inc()
        self.api_seconds.labels(verb).observe(asyncio.get_running_loop().time() - context.started)


async def _start(session: ClientSession, context: SimpleNamespace, params: object) -> None:
    context.started = asyncio.get_running_loop().time()


def describe(method: str, url: URL) -> tuple[str, str]:
    """Return a request's verb and resource, in the words of RBAC."""
    address = parse(url.path)
    if address is None:
        return "get", "discovery"
    resource = "/".join(filter(None, (address.plural, address.subresource)))
    if method == "GET":
        if "watch" in url.query:
            return "watch", resource
        return ("get" if address.name else "list"), resource
    verbs = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
    return verbs.get(method, method.lower()), resource


class _Judgements(Collector):
    """Gauges of each release that was compared with its primary, made when they are asked for."""

    def __init__(self, judged: Mapping[ObjectRef, Progress]) -> None:
        self._judged = judged

    def collect(self) -> Iterator[Metric]:
        canary = ["namespace", "name"]
        evidence = GaugeMetricFamily(
            "linnet_canary_evidence",
            "The evidence against the canary; it is taken back when both, relative (worse than the"
            " primary) and absolute (worse than the floor), reach the threshold. 1 is none.",
            labels=[*canary, "process", "against"],
        )
        threshold = GaugeMetricFamily(
            "linnet_canary_evidence_threshold",
            "The evidence at which the canary is taken back.",
            labels=canary,
        )
        requests = GaugeMetricFamily(
            "linnet_canary_exposure_requests",
            "Requests that the canary has served in its last release.",
            labels=canary,
        )
        failed = GaugeMetricFamily(
            "linnet_canary_exposure_failed_requests",
            "How many of them failed.",
            labels=canary,
        )
        for ref, progress in self._judged.items():
            labels = (ref.namespace, ref.name)
            found = progress.evidence
            for one in found:
                evidence.add_metric((*labels, one.process, "primary"), one.relative)
                evidence.add_metric((*labels, one.process, "floor"), one.absolute)
            if found:
                threshold.add_metric(labels, found[0].needed)
                requests.add_metric(labels, progress.state.comparison.requests)
                failed.add_metric(labels, progress.state.comparison.failed)
        yield from (evidence, threshold, requests, failed)


class _Canaries(Collector):
    """Gauges of each Canary, made when they are asked for."""

    def __init__(self, source: Callable[[], Iterable[CanarySummary]]) -> None:
        self._source = source

    def collect(self) -> Iterator[Metric]:
        status = GaugeMetricFamily(
            "linnet_canary_status",
            "How the last release stands: 0 under way, 1 succeeded, 2 failed.",
            labels=["namespace", "name"],
        )
        weight = GaugeMetricFamily(
            "linnet_canary_weight",
            "The canary's share of the traffic, in percent.",
            labels=["namespace", "name"],
        )
        total = GaugeMetricFamily(
            "linnet_canaries", "Canaries by phase.", labels=["namespace", "phase"]
        )
        tally: Tally[tuple[str, str]] = Tally()
        for canary in self._source():
            labels = (canary.ref.namespace, canary.ref.name)
            status.add_metric(labels, STATUS.get(canary.phase, RUNNING))
            weight.add_metric(labels, canary.weight)
            tally[canary.ref.namespace, canary.phase] += 1
        for labels, count in tally.items():
            total.add_metric(labels, count)
        yield from (status, weight, total)
