"""The adapter on a real Prometheus that scrapes while it is asked."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from integration.prometheus_lab import Prometheus, Proxy, series, wait_for
from linnet.adapters.prometheus import PrometheusMetrics
from linnet.adapters.prometheus_pool import PrometheusPool
from linnet.analysis.measurement import Measurement, MetricKind, Query

WORKLOADS = 500


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as proxy:
        yield proxy


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory, proxy: Proxy) -> Iterator[Prometheus]:
    """A Prometheus that has scraped the proxy for some seconds, before any request."""
    with Prometheus(tmp_path_factory.mktemp("prometheus"), {"mesh": proxy.port}) as prometheus:
        # A window may begin up to a second early, and the proxy must be known before it.
        wait_for(lambda: proxy.scrapes > 8, "the first scrapes")
        yield prometheus


@pytest.fixture(scope="module")
def idle_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has no data."""
    with Prometheus(tmp_path_factory.mktemp("prometheus")) as prometheus:
        yield prometheus


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def metrics(
    server: Prometheus, registry: CollectorRegistry
) -> AsyncIterator[PrometheusMetrics]:
    metrics = PrometheusMetrics(PrometheusPool(server.url, registry=registry))
    yield metrics
    await metrics.close()
    metrics.pool.close()


def requests(workload: str, code: str) -> str:
    return series(
        "istio_requests_total",
        reporter="source",
        destination_workload_namespace="shop",
        destination_workload=workload,
        response_code=code,
    )


def success_rate(workload: str, since: datetime) -> Query:
    now = datetime.now(UTC)
    kind = MetricKind.SUCCESS_RATE
    return Query(kind.value, kind, "shop", workload, now, now - since)


def inline(promql: str) -> Query:
    now, minute = datetime.now(UTC), timedelta(minutes=1)
    return Query("mine", MetricKind.INLINE, "shop", "web", now, minute, promql=promql)


async def until(metrics: PrometheusMetrics, since: datetime, says: str) -> Measurement:
    """Measure shop/web since an instant until the answer says so; fails after a minute."""
    deadline = datetime.now(UTC) + timedelta(seconds=60)
    while True:
        [measurement] = await metrics.measure([success_rate("web", since)])
        if says in (measurement.absent or measurement.basis):
            return measurement
        assert datetime.now(UTC) < deadline, measurement


def queries_sent(registry: CollectorRegistry, kind: str) -> float:
    return registry.get_sample_value("linnet_prometheus_queries_total", {"kind": kind}) or 0


async def test_requests_are_counted_from_the_first_one_on(
    metrics: PrometheusMetrics, proxy: Proxy
) -> None:
    since = datetime.now(UTC)
    await until(metrics, since, "does this Prometheus scrape Istio's proxies")
    proxy.counters = {requests("web", "200"): 7}
    await until(metrics, since, "0 of 7 requests failed")
    proxy.counters |= {requests("web", "503"): 1}
    assert (await until(metrics, since, "1 of 8 requests failed")).value == 87.5
    proxy.counters = {requests("web", "200"): 2}
    await until(metrics, since, "began anew")


async def test_500_workloads_are_measured_with_three_queries(
    metrics: PrometheusMetrics, proxy: Proxy, registry: CollectorRegistry
) -> None:
    since = datetime.now(UTC)
    proxy.counters = {
        requests(f"app.{number}", code): count
        for number in range(WORKLOADS)
        for code, count in (("200", 1000 - number), ("500", number))
        if number != 3  # which has no traffic
    } | {requests("web", "200"): 1}
    await until(metrics, since, "0 of 1")
    before = queries_sent(registry, "request-success-rate")
    now = datetime.now(UTC)
    kind = MetricKind.SUCCESS_RATE
    measurements = await metrics.measure(
        [
            Query(kind.value, kind, "shop", f"app.{number}", now, now - since)
            for number in range(WORKLOADS)
        ]
    )
    assert queries_sent(registry, "request-success-rate") - before == 3
    assert "no requests to shop/app.3" in (measurements[3].absent or "")
    assert [one.value for one in measurements if one.value is not None] == [
        pytest.approx(100 - number / 10) for number in range(WORKLOADS) if number != 3
    ]


async def test_windows_of_several_lengths_are_measured_with_one_query(
    metrics: PrometheusMetrics, proxy: Proxy, registry: CollectorRegistry
) -> None:
    since = datetime.now(UTC)
    proxy.counters = {requests("web", "200"): 3, requests("app", "200"): 8}
    await until(metrics, since, "0 of 3")
    proxy.counters = {requests("web", "200"): 5, requests("app", "200"): 9}
    await until(metrics, since, "0 of 5")
    # Windows shorter than this are not all moved to whole seconds.
    long_enough = since + timedelta(seconds=2)
    await asyncio.to_thread(wait_for, lambda: datetime.now(UTC) > long_enough, "a long window")
    before = queries_sent(registry, "request-success-rate")
    now, kind = datetime.now(UTC), MetricKind.SUCCESS_RATE
    long, short = now - since, timedelta(seconds=1)
    spans = [("web", long), ("app", long), ("app", short)]
    answers = await metrics.measure(
        [Query(kind.value, kind, "shop", name, now, window) for name, window in spans]
    )
    assert queries_sent(registry, "request-success-rate") - before == 1
    assert [one.basis.partition(",")[0] for one in answers[:2]] == [
        "0 of 5 requests failed",
        "0 of 9 requests failed",
    ]
    assert "1 s" in (answers[2].basis or answers[2].absent or "")


async def test_a_prometheus_that_goes_away_and_comes_back(
    metrics: PrometheusMetrics, proxy: Proxy, server: Prometheus
) -> None:
    since = datetime.now(UTC)
    proxy.counters = {requests("web", "200"): 3}
    await until(metrics, since, "0 of 3")
    server.stop()
    sentence = f"Prometheus {server.url} cannot be reached: connection refused; is it running?"
    [gone] = await metrics.measure([success_rate("web", since)])
    assert gone == Measurement("request-success-rate", absent=sentence)
    assert await metrics.pool.check() == sentence
    proxy.counters = {requests("web", "200"): 5}
    server.start()
    await until(metrics, since, "0 of 5 requests failed")
    assert await metrics.pool.check() is None


@pytest.mark.parametrize(
    ("promql", "value", "says"),
    [
        pytest.param("vector(3) * 2", 6, "", id="a vector of one"),
        pytest.param("1.5e3", 1500, "", id="a scalar"),
        pytest.param("-0.5", -0.5, "", id="a negative number"),
        pytest.param("no_such_metric", None, "the query returned no series", id="nothing"),
        pytest.param("vector(0) / 0", None, "returned NaN: a division 0/0", id="NaN"),
        pytest.param("scalar(no_such_metric)", None, "returned NaN", id="the scalar of nothing"),
        pytest.param("vector(-1) / 0", None, "returned -inf: a division by 0", id="infinity"),
        pytest.param(
            'vector(1) or label_replace(vector(2), "pod", "b", "", "")',
            None,
            "the query returned more than one series (pod is '', and 'b'); aggregate them",
            id="several series",
        ),
        pytest.param(
            "vector(1)[1m:10s]", None, "returned a range of samples; wrap it", id="a range"
        ),
        pytest.param('"high"', None, "returned 'high', which is no number", id="a string"),
        pytest.param(
            "sum(up",
            None,
            'refused the query: 400 Bad Request: bad_data: invalid parameter "query": 1:7:'
            " parse error: unclosed left parenthesis",
            id="a syntax error",
        ),
        pytest.param(
            'histogram_quantile(0.9, label_replace(vector(1), "le", "x", "", ""))',
            None,
            "warned: PromQL warning: bucket label",
            id="a warning",
        ),
    ],
)
async def test_inline_queries(
    idle_server: Prometheus, promql: str, value: float | None, says: str
) -> None:
    metrics = PrometheusMetrics(PrometheusPool(idle_server.url, registry=CollectorRegistry()))
    [measurement] = await metrics.measure([inline(promql)])
    await metrics.close()
    metrics.pool.close()
    assert measurement.value == value
    assert says in (measurement.absent or "")
    assert value is not None or idle_server.url in (measurement.absent or "")
