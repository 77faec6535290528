"""What the built-in metrics count: a real Prometheus is asked about a past known exactly."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import NamedTuple

import pytest
from prometheus_client import CollectorRegistry

from integration.mesh_past import (
    SCRAPES,
    all_of,
    always,
    buckets,
    changed,
    gap,
    requests,
    steady,
    target,
)
from integration.prometheus_lab import Points, Prometheus, Scene, openmetrics
from linnet.adapters.prometheus import PrometheusMetrics
from linnet.adapters.prometheus_pool import PrometheusPool
from linnet.analysis.measurement import Measurement, MetricKind, Query

WINDOW = timedelta(seconds=10)
"""Holds the two scrapes at -5 and 0; the one at -10 is the last before it."""


class Case(NamedTuple):
    build: Callable[[Scene], object]
    value: float | None = None
    says: str = ""
    kind: MetricKind = MetricKind.SUCCESS_RATE
    window: timedelta = WINDOW
    within: bool = False


CASES = {
    "steady traffic is counted in whole requests": Case(
        all_of(target, lambda s: requests(s, steady(20))), 100, "0 of 40 requests failed"
    ),
    "a few errors": Case(
        all_of(
            target,
            lambda s: requests(s, steady(19)),
            lambda s: requests(s, steady(1), code="503"),
        ),
        95,
        "2 of 40 requests failed, seen by source proxies in 10 s",
    ),
    "the very first error of a series counts": Case(
        all_of(
            target,
            lambda s: requests(s, steady(20)),
            lambda s: requests(s, {-5: 3, 0: 3}, code="500"),
        ),
        100 * 40 / 43,
        "3 of 43 requests failed",
    ),
    "the first requests of a canary count": Case(
        all_of(target, lambda s: requests(s, {-5: 5, 0: 12})), 100, "0 of 12 requests failed"
    ),
    "a canary that fails every request reads 0 %": Case(
        all_of(target, lambda s: requests(s, {-5: 5, 0: 12}, code="500")),
        0,
        "12 of 12 requests failed",
    ),
    "what another revision failed before the window's first scrape is not counted": Case(
        all_of(
            target,
            lambda s: requests(s, {-10: 10, -5: 30, 0: 30}, code="500"),
            lambda s: requests(s, {-10: 100, -5: 100, 0: 120}),
        ),
        100,
        "0 of 20 requests failed",
        within=True,
    ),
    "errors that begin after the window's first scrape count from the first one on": Case(
        all_of(
            target,
            lambda s: requests(s, {0: 7}, code="500"),
            lambda s: requests(s, {-10: 100, -5: 100, 0: 113}),
        ),
        65,
        "7 of 20 requests failed",
        within=True,
    ),
    "requests without an answer failed": Case(
        all_of(
            target,
            lambda s: requests(s, steady(1)),
            lambda s: requests(s, steady(1), code="0"),
        ),
        50,
        "2 of 4",
    ),
    "what the client did wrong is no failure": Case(
        all_of(target, lambda s: requests(s, steady(1), code="404")), 100, "0 of 2"
    ),
    "gRPC calls fail by their status": Case(
        all_of(
            target,
            lambda s: requests(s, steady(5), grpc_response_status="0"),
            lambda s: requests(s, steady(3), grpc_response_status="5"),
            lambda s: requests(s, steady(2), grpc_response_status="14"),
        ),
        80,
        "4 of 20",
    ),
    "reporters are never added up, the client's side comes first": Case(
        all_of(
            target,
            lambda s: requests(s, steady(9)),
            lambda s: requests(s, steady(1), code="503"),
            lambda s: requests(s, steady(9), reporter="destination"),
        ),
        90,
        "2 of 20 requests failed, seen by source proxies",
    ),
    "without the client's side the server's side is read": Case(
        all_of(
            target,
            lambda s: requests(s, steady(0)),
            lambda s: requests(s, steady(4), reporter="destination"),
            lambda s: requests(s, steady(7), reporter="waypoint"),
        ),
        100,
        "0 of 8 requests failed, seen by destination proxies",
    ),
    "waypoints are read when nobody else reports": Case(
        all_of(target, lambda s: requests(s, steady(7), reporter="waypoint")),
        100,
        "seen by waypoint proxies",
    ),
    "several gateways are added up": Case(
        all_of(
            target,
            lambda s: target(s, "gw2"),
            lambda s: requests(s, steady(3)),
            lambda s: requests(s, steady(1), code="500", instance="gw2"),
        ),
        75,
        "2 of 8",
    ),
    "other namespaces and workloads with similar names are others": Case(
        all_of(
            target,
            lambda s: requests(s, steady(1)),
            lambda s: requests(s, steady(9), "500", destination_workload_namespace="shop2"),
            lambda s: requests(s, steady(9), "500", destination_workload="web-primary"),
            lambda s: requests(s, steady(9), "500", destination_workload="my-web"),
        ),
        100,
        "0 of 2",
    ),
    "a counter that stands still is no traffic": Case(
        all_of(target, lambda s: requests(s, steady(0, start=500))),
        says="no requests to shop/web were seen by source, destination or waypoint proxies in the"
        " last 10 s; is traffic reaching the canary?",
    ),
    "a restarted proxy gives no evidence, least of all the one series that grew": Case(
        all_of(
            target,
            lambda s: requests(s, changed(steady(20, start=900), {-5: 10, 0: 50})),
            lambda s: requests(s, changed(steady(0, start=2), {-5: 3, 0: 3}), code="500"),
        ),
        says="began anew",
    ),
    "a proxy that was restarted within the window gives no evidence, though it shows no loss": Case(
        all_of(
            target,
            lambda s: requests(s, {-15: 9, -10: 9, -5: 900, 0: 20}),
            lambda s: requests(s, {-5: 3}, code="500"),
        ),
        says="began anew",
    ),
    "nor does one that soon counts more than before": Case(
        all_of(
            target,
            lambda s: requests(s, {-15: 9, -10: 9, -5: 2, 0: 20}),
            lambda s: requests(s, {-5: 3, 0: 3}, code="500"),
        ),
        says="began anew",
    ),
    "a restarted proxy does not silence the others": Case(
        all_of(
            target,
            lambda s: target(s, "gw2"),
            lambda s: requests(s, changed(steady(20, start=900), {0: 50})),
            lambda s: requests(s, changed(steady(0, start=2), {0: 3}), code="500"),
            lambda s: requests(s, steady(5), instance="gw2"),
        ),
        100,
        "0 of 10",
    ),
    "a Prometheus that lost its data does not take whole lives for a window": Case(
        all_of(
            lambda s: target(s, points={-5: 1, 0: 1}),
            lambda s: requests(s, {-5: 5000, 0: 5010}),
            lambda s: requests(s, {-5: 700, 0: 700}, code="500"),
        ),
        says="there is nothing to compare them with yet",
    ),
    "nor does it when it reads another target first": Case(
        all_of(
            lambda s: target(s, "other", points=always(range(-20, 1, 5))),
            lambda s: target(s, points={-5: 1, 0: 1}),
            lambda s: requests(s, {-5: 700, 0: 700}, code="500"),
        ),
        says="there is nothing to compare them with yet",
    ),
    "a target that is back after long does not bring its past along": Case(
        all_of(
            lambda s: target(s, "other"),
            lambda s: target(s, points={t: float(t > -8) for t in SCRAPES}),
            lambda s: requests(s, {-5: 700, 0: 700}, code="500"),
        ),
        says="there is nothing to compare them with yet",
    ),
    "a new pod counts from its first request": Case(
        all_of(
            lambda s: target(s, "other"),
            lambda s: target(s, points={-5: 1, 0: 1}),
            lambda s: requests(s, {-5: 6, 0: 9}),
            lambda s: requests(s, {-5: 3, 0: 3}, code="500"),
        ),
        75,
        "3 of 12",
    ),
    "the last requests that a pod reported before it went still count": Case(
        all_of(target, lambda s: requests(s, gap(steady(10), -5, 1))), 100, "0 of 10"
    ),
    "after a short gap what was missed is counted": Case(
        all_of(
            lambda s: target(s, points=gap(always(), -60, -5)),
            lambda s: requests(s, gap(steady(1), -60, -5)),
        ),
        100,
        "0 of 12",
    ),
    "the first window after a long gap is no evidence": Case(
        all_of(
            lambda s: target(s, points=gap(always(), -200, -5)),
            lambda s: requests(s, gap(steady(20), -200, -5)),
            lambda s: requests(s, gap(steady(1), -200, -5), code="500"),
        ),
        says="there is nothing to compare them with yet",
    ),
    "nor while only some targets have been read again": Case(
        all_of(
            lambda s: target(s, "other", points=gap(always(), -200, -15)),
            lambda s: target(s, points=gap(always(), -200, -5)),
            lambda s: requests(s, gap(steady(20), -200, -5)),
            lambda s: requests(s, gap(steady(1), -200, -5), code="500"),
        ),
        says="there is nothing to compare them with yet",
    ),
    "a window between two scrapes has no sample": Case(
        all_of(
            lambda s: target(s, points=always(range(-607, -6, 30))),
            lambda s: requests(s, {t: t + 700 for t in range(-607, -6, 30)}),
        ),
        says="no new sample of istio_requests_total for shop/web within the last 5 s; the newest"
        " is 7 s old (the metric's interval must be at least Prometheus' scrape interval)",
        window=timedelta(seconds=5),
    ),
    "nothing on record of a workload whose neighbours are": Case(
        all_of(target, lambda s: requests(s, steady(1), destination_workload="web-primary")),
        says="no requests to shop/web were seen by source, destination or waypoint proxies in the"
        " last 5 min; is traffic reaching the canary?",
    ),
    "nothing on record of a whole namespace": Case(
        all_of(target, lambda s: requests(s, steady(1), destination_workload_namespace="x")),
        says="there is no istio_requests_total for namespace shop: does this Prometheus scrape"
        " Istio's proxies, and is traffic reaching the canary?",
    ),
    "the workload's label is removed": Case(
        all_of(target, lambda s: requests(s, steady(1), destination_workload="")),
        says="no requests to shop/web are on record, but 1 series of istio_requests_total have no"
        " label destination_workload: is it removed by a Telemetry with tagOverrides?",
    ),
    "the reporter's label is removed": Case(
        all_of(target, lambda s: requests(s, steady(1), reporter="")),
        says="has no label reporter",
    ),
    "the response code's label is removed": Case(
        all_of(target, lambda s: requests(s, steady(1), code="")),
        says="has no label response_code: is it removed by a Telemetry with tagOverrides?",
    ),
    "a duration lies within its bucket, in the share of the requests below it": Case(
        all_of(
            target,
            lambda s: buckets(
                s,
                {"100": steady(90), "250": steady(100), "+Inf": steady(100)},
                reporter="destination",
            ),
        ),
        100 + 150 * (198 - 180) / (200 - 180),
        "99th percentile of 200 requests, seen by destination proxies in 10 s",
        MetricKind.DURATION,
    ),
    "durations are read from the server's side, also when the client's is there": Case(
        all_of(
            target,
            lambda s: buckets(s, {"500": steady(9), "+Inf": steady(9)}),
            lambda s: buckets(s, {"100": steady(2), "+Inf": steady(2)}, reporter="destination"),
        ),
        99,
        "seen by destination",
        MetricKind.DURATION,
    ),
    "beyond the last bound a duration is that bound": Case(
        all_of(target, lambda s: buckets(s, {"100": steady(0), "+Inf": steady(2)})),
        100,
        "of 4 requests",
        MetricKind.DURATION,
    ),
    "durations of a restarted proxy are no evidence, of no bucket": Case(
        all_of(
            target,
            lambda s: buckets(
                s,
                {
                    "100": changed(steady(0, start=5), {0: 50}),
                    "+Inf": changed(steady(0, start=100), {0: 60}),
                },
            ),
        ),
        says="the counters of istio_request_duration_milliseconds_bucket for shop/web began anew",
        kind=MetricKind.DURATION,
    ),
    "no durations at all": Case(
        target,
        says="there is no istio_request_duration_milliseconds_bucket for namespace shop",
        kind=MetricKind.DURATION,
    ),
}
SCENES = {name: Scene() for name in CASES}


def counted(scene: Scene) -> list[tuple[int, int]]:
    """Fill a scene with random traffic; returns (good, bad) up to each scrape since the first."""
    chance = random.Random(7)
    target(scene)
    good = bad = 0
    history: list[tuple[int, int]] = []
    points: tuple[Points, Points] = ({}, {})
    for time in range(-600, 1, 5):
        if history:  # the first scrape is what the first window is counted from
            good += chance.choice([0, 0, 1, 2, 17])
            bad += chance.choice([0, 0, 0, 1, 4])
        history.append((good, bad))
        for counter, value in zip(points, (good, bad), strict=True):
            if value:
                counter[time] = value
    requests(scene, points[0])
    requests(scene, points[1], code="503")
    return history


TILED = Scene()


@pytest.fixture(scope="module")
def history() -> list[tuple[int, int]]:
    return counted(TILED)


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[int, int]]
) -> Iterator[Prometheus]:
    for name, case in CASES.items():
        case.build(SCENES[name])
    prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"))
    prometheus.import_history(openmetrics([TILED, *SCENES.values()]))
    with prometheus:
        yield prometheus


async def measure(server: Prometheus, *queries: Query) -> tuple[Measurement, ...]:
    metrics = PrometheusMetrics(PrometheusPool(server.url, registry=CollectorRegistry()))
    try:
        return await metrics.measure(queries)
    finally:
        await metrics.close()
        metrics.pool.close()


def query(
    scene: Scene, kind: MetricKind, window: timedelta, within: bool = False, ago: int = 0
) -> Query:
    at = scene.at - timedelta(seconds=ago)
    return Query(kind.value, kind, "shop", "web", at, window, within=within)


@pytest.mark.parametrize("name", CASES)
async def test_counts(server: Prometheus, name: str) -> None:
    case = CASES[name]
    [measurement] = await measure(server, query(SCENES[name], case.kind, case.window, case.within))
    assert measurement.value == (None if case.value is None else pytest.approx(case.value))
    assert case.says in (measurement.absent or measurement.basis)
    assert (measurement.value is None) == (measurement.absent is not None)


@pytest.mark.parametrize("seconds", [5, 15, 60])
async def test_windows_that_meet_add_up_to_whole_requests(
    server: Prometheus, history: list[tuple[int, int]], seconds: int
) -> None:
    window = timedelta(seconds=seconds)
    asked = [
        query(TILED, MetricKind.SUCCESS_RATE, window, ago=ago) for ago in range(0, 600, seconds)
    ]
    failed = total = 0
    for measurement in await measure(server, *asked):
        if measurement.value is not None:
            words = measurement.basis.split()
            failed += int(words[0])
            total += int(words[2])
    assert (total - failed, failed) == history[-1]
