"""Measuring with Prometheus: how many queries, how long, and what is said when it fails."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from linnet.adapters import prometheus
from linnet.adapters.prometheus import GATHER_SECONDS, PrometheusMetrics
from linnet.adapters.prometheus_pool import PrometheusPool
from linnet.adapters.prometheus_url import Credentials
from linnet.analysis.measurement import Measurement, MetricKind, Query
from unit.adapters.prometheus_stub import Answer, Request, Stub, body, hang_up, result, value

AT = datetime(2026, 1, 1, 12, 0, 0, 300_000, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SOON = 0.5
"""The time-out in tests that wait for it."""


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as stub:
        yield stub


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def metrics(stub: Stub, registry: CollectorRegistry) -> AsyncIterator[PrometheusMetrics]:
    metrics = PrometheusMetrics(PrometheusPool(stub.url, timeout=20, registry=registry))
    yield metrics
    stub.release.set()
    await metrics.close()
    metrics.pool.close()


@pytest.fixture
async def hasty(stub: Stub) -> AsyncIterator[PrometheusMetrics]:
    metrics = PrometheusMetrics(
        PrometheusPool(stub.url, timeout=SOON, registry=CollectorRegistry())
    )
    yield metrics
    stub.release.set()
    await metrics.close()
    metrics.pool.close()


def inline(promql: str = "up", **changes: Any) -> Query:
    fields = {"metric": "mine", "kind": MetricKind.INLINE, "namespace": "shop", "workload": "web"}
    return Query(**{**fields, "at": AT, "window": MINUTE, "promql": promql, **changes})


def success_rate(workload: str, **changes: Any) -> Query:
    kind = MetricKind.SUCCESS_RATE
    fields = {"metric": kind.value, "kind": kind, "namespace": "shop", "workload": workload}
    return Query(**{**fields, "at": AT, "window": MINUTE, **changes})


def requests(**good: int) -> Answer:
    """Answer with 100 requests to each workload, so many of them good, whatever is asked."""
    labels = {"destination_workload_namespace": "shop", "reporter": "source"}
    return result(
        [
            {
                "metric": {**labels, "destination_workload": name, "response_code": code},
                "value": [0, str(number)],
            }
            for name, count in good.items()
            for code, number in (("200", count), ("500", 100 - count))
        ]
    )


def hang(stub: Stub) -> Answer:
    def answer(request: Request, handler: BaseHTTPRequestHandler) -> None:
        stub.release.wait(20)
        value(1)(request, handler)

    return answer


async def test_canaries_that_ask_at_about_the_same_time_share_one_query(
    metrics: PrometheusMetrics, stub: Stub
) -> None:
    stub.answer = requests(a=100, b=50, c=0)
    later = AT + timedelta(seconds=0.6)
    answers = await asyncio.gather(
        metrics.measure([success_rate("a"), success_rate("b")]),
        metrics.measure([success_rate("c", at=later)]),
        metrics.measure([success_rate("a")]),
    )
    assert [[one.value for one in answer] for answer in answers] == [[100, 50], [0], [100]]
    assert len(stub.asked) == 1
    assert stub.asked[0].parameters["time"] == "1767268800.000"


async def test_other_instants_and_servers_are_other_queries(
    metrics: PrometheusMetrics, stub: Stub
) -> None:
    with Stub() as other:
        stub.answer = other.answer = requests(a=1)
        await metrics.measure(
            [
                success_rate("a"),
                success_rate("a", at=AT + MINUTE),
                success_rate("a", server=other.url),
            ]
        )
        assert (len(stub.asked), len(other.asked)) == (2, 1)


async def test_canaries_that_began_at_different_times_share_one_query_all_the_same(
    metrics: PrometheusMetrics, stub: Stub
) -> None:
    def rows(*answers: tuple[str, int]) -> Answer:
        labels = {
            "destination_workload_namespace": "shop",
            "destination_workload": "a",
            "reporter": "source",
        }
        return result(
            [
                {
                    "metric": {**labels, "response_code": code, "linnet_tag": tag},
                    "value": [0, str(count)],
                }
                for tag, good in answers
                for code, count in (("200", good), ("500", 100 - good))
            ]
        )

    stub.answer = rows(("60s", 50), ("120s", 75), ("119s within", 100))
    answers = await metrics.measure(
        [
            success_rate("a"),
            success_rate("a", window=2 * MINUTE),
            success_rate("a", window=2 * MINUTE, within=True),
        ]
    )
    assert [one.value for one in answers] == [50, 75, 100]
    assert len(stub.asked) == 1


async def test_a_busy_server_is_asked_for_all_who_came_meanwhile_at_once(
    metrics: PrometheusMetrics, stub: Stub
) -> None:
    stub.answer = hang(stub)
    busy = [asyncio.create_task(metrics.measure([inline(f"slow{n}")])) for n in range(4)]
    await stub.was_asked(len(busy))
    stub.answer = requests(a=1, b=2, c=3)
    first = asyncio.create_task(metrics.measure([success_rate("a")]))
    await asyncio.sleep(3 * GATHER_SECONDS)  # longer than an idle server would be waited for
    second = asyncio.create_task(metrics.measure([success_rate("b"), success_rate("c")]))
    await asyncio.sleep(0)
    stub.release.set()
    assert [one.value for task in (first, second) for one in await task] == [1, 2, 3]
    assert len(stub.asked) == len(busy) + 1
    await asyncio.gather(*busy)


async def test_those_who_come_while_the_answer_is_under_way_get_one_too(
    metrics: PrometheusMetrics, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.answer = hang(stub)
    first = asyncio.create_task(metrics.measure([success_rate("a")]))
    await stub.was_asked(1)
    stub.answer = requests(b=2, c=3)
    monkeypatch.setattr(prometheus, "GATHER_SECONDS", 0.3)  # the second wave outlasts the first
    second = asyncio.create_task(metrics.measure([success_rate("b")]))
    stub.release.set()
    await first
    third = await metrics.measure([success_rate("c")])
    assert [one.value for one in (*await second, *third)] == [2, 3]


async def test_equal_inline_queries_go_out_once(metrics: PrometheusMetrics, stub: Stub) -> None:
    answers = await metrics.measure([inline("a"), inline("a", metric="same"), inline("b")])
    assert answers == (
        Measurement("mine", 1),
        Measurement("same", 1),
        Measurement("mine", 1),
    )
    assert sorted(request.query for request in stub.asked) == ["a", "b"]


async def test_workloads_without_any_sample_are_looked_up_once(
    metrics: PrometheusMetrics, stub: Stub, registry: CollectorRegistry
) -> None:
    def answer(request: Request, handler: BaseHTTPRequestHandler) -> None:
        (result([]) if "label_replace" in request.query else requests(a=100))(request, handler)

    stub.answer = answer
    seen, *unseen = await metrics.measure([success_rate(name) for name in ("a", "b", "c")])
    assert seen.value == 100
    for one in unseen:
        assert "there is no istio_requests_total for namespace shop" in (one.absent or "")
        assert (one.absent or "").endswith(f"(Prometheus {stub.url})")
    assert len(stub.asked) == 2
    assert registry.get_sample_value("linnet_prometheus_queries_total", {"kind": "probe"}) == 1


async def test_one_who_gives_up_does_not_take_the_answer_from_others(
    metrics: PrometheusMetrics, stub: Stub
) -> None:
    stub.answer = requests(a=1)
    for query, expected in ((success_rate("a"), 1), (inline(), None)):
        impatient = asyncio.create_task(metrics.measure([query]))
        patient = asyncio.create_task(metrics.measure([query]))
        await asyncio.sleep(0)
        impatient.cancel()
        [measurement] = await patient
        assert measurement.value == expected
        assert impatient.cancelled()


async def test_connections_are_kept(metrics: PrometheusMetrics, stub: Stub) -> None:
    for number in range(30):
        await metrics.measure([inline(f"{number}")])
    assert len(stub.asked) == 30
    assert len({request.connection for request in stub.asked}) <= 4, "one for each thread"


async def test_a_server_that_hangs_delays_nobody_else(
    metrics: PrometheusMetrics, stub: Stub
) -> None:
    with Stub() as slow:
        slow.answer = hang(slow)
        queries = [inline(f"{n}", server=slow.url) for n in range(50)]
        waiting = asyncio.create_task(metrics.measure(queries))
        await slow.was_asked(1)
        assert await metrics.measure([inline()]) == (Measurement("mine", 1),)
        assert not waiting.done()
        slow.release.set()
        assert {one.value for one in await waiting} == {1}


async def test_what_nobody_waits_for_any_more_is_not_sent(
    hasty: PrometheusMetrics, stub: Stub
) -> None:
    stub.answer = hang(stub)
    measurements = await hasty.measure([inline(f"{n}") for n in range(50)])
    sentence = f"Prometheus {stub.url} did not answer within 0.5 s"
    assert {one.absent for one in measurements} == {sentence}
    assert len(stub.asked) <= 8


@pytest.mark.parametrize("step", [0.02, 2 * SOON], ids=["drips without end", "stops in mid-answer"])
async def test_an_answer_must_end_in_time(
    hasty: PrometheusMetrics, stub: Stub, step: float
) -> None:
    def drip(_: Request, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not stub.release.wait(step):
            handler.wfile.write(b" ")

    stub.answer = drip
    [measurement] = await hasty.measure([inline()])
    assert measurement.absent == f"Prometheus {stub.url} did not answer within 0.5 s"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(
            body(b'{"status":"error","errorType":"timeout","error":"query timed out"}', 503),
            "refused the query: 503 Service Unavailable: timeout: query timed out",
            id="Prometheus' own words",
        ),
        pytest.param(body(b"<b>secret</b>", 502), "answered 502 Bad Gateway", id="a proxy's page"),
        pytest.param(body(b"", 401), "refused the credentials: 401 Unauthorized", id="no login"),
        pytest.param(body(b"", 404), "has no /api/v1/query: 404 Not Found", id="another program"),
        pytest.param(
            body(b"", 302, Location="https://login.example/?token=secret"),
            "redirects to https://login.example; use the URL it redirects to",
            id="a redirect",
        ),
        pytest.param(body(b"<html>"), "answered with what is no result of a query", id="a page"),
        pytest.param(body(b'{"data":{}}'), "answered with what is no result", id="no result"),
        pytest.param(body(b'{"data":[]}'), "answered with what is no result", id="a list"),
        pytest.param(body(b"[]"), "answered with what is no result", id="another shape"),
        pytest.param(
            body(b"[" * 100_000), "answered with what is no result", id="a bottomless pit"
        ),
        pytest.param(
            result([], warnings=["a store did not answer"]),
            "warned: a store did not answer",
            id="a warning",
        ),
        pytest.param(
            hang_up,
            "cannot be reached: it closed the connection without an answer",
            id="a closed connection",
        ),
        pytest.param(
            body(b"{" + b" " * (2 << 20)), "answered with more than 1 MiB", id="too long an answer"
        ),
    ],
)
async def test_failures_become_sentences(
    metrics: PrometheusMetrics,
    stub: Stub,
    registry: CollectorRegistry,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    says: str,
) -> None:
    monkeypatch.setattr("linnet.adapters.prometheus_pool.MAX_BYTES", 1 << 20)
    stub.answer = answer
    measurements = await metrics.measure([inline(), success_rate("web")])
    for measurement in measurements:
        assert measurement.value is None
        assert (measurement.absent or "").startswith(f"Prometheus {stub.url} {says}")
        assert "secret" not in (measurement.absent or "")
    errors = [
        sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "linnet_prometheus_query_errors_total"
    ]
    assert errors == [1, 1]


async def test_information_is_no_warning(metrics: PrometheusMetrics, stub: Stub) -> None:
    rows = [{"metric": {"a": '"warnings"'}, "value": [0, "2"]}]
    stub.answer = result(rows, warnings=["PromQL info: might not be a counter"], infos=["x"])
    assert await metrics.measure([inline()]) == (Measurement("mine", 2),)


async def test_a_bug_is_logged_and_counts_as_no_value(
    metrics: PrometheusMetrics, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(_: object) -> float:
        raise ZeroDivisionError

    monkeypatch.setattr("linnet.adapters.prometheus.single_value", bug)
    [measurement] = await metrics.measure([inline()])
    assert measurement.absent == "linnet failed to measure it; the operator's log says why"
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("server", "says"),
    [
        pytest.param("", "no Prometheus is known: set spec.metricsServer", id="none"),
        pytest.param("ftp://x", "spec.metricsServer cannot be asked: the URL must", id="ftp"),
        pytest.param(
            "http://no.invalid",
            "Prometheus http://no.invalid cannot be reached: its host name does not resolve",
            id="an unknown host",
        ),
        pytest.param(
            "http://127.0.0.1:1",
            "Prometheus http://127.0.0.1:1 cannot be reached: connection refused; is it running?",
            id="nobody listens",
        ),
    ],
)
async def test_servers_that_cannot_be_asked(server: str, says: str) -> None:
    metrics = PrometheusMetrics(PrometheusPool("", registry=CollectorRegistry()))
    [measurement] = await metrics.measure([inline(server=server)])
    assert (measurement.absent or "").startswith(says)
    assert await metrics.pool.check(server) == measurement.absent
    await metrics.close()
    metrics.pool.close()


async def test_a_server_without_tls_is_not_trusted(metrics: PrometheusMetrics, stub: Stub) -> None:
    url = stub.url.replace("http:", "https:")
    assert await metrics.pool.check(url) == (
        f"Prometheus {url} cannot be trusted: the TLS handshake fails; does it speak https?"
    )


async def test_the_operators_credentials_are_for_its_own_server_only(
    stub: Stub, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    metrics = PrometheusMetrics(
        PrometheusPool(
            stub.url, credentials=Credentials(token_file=token), registry=CollectorRegistry()
        )
    )
    with Stub() as foreign:
        await metrics.measure([inline("1"), inline("2", server=foreign.url)])
        token.write_text("second\n")
        await metrics.measure([inline("3"), inline("4", server=f"{stub.url}/")])
        token.unlink()
        [unread] = await metrics.measure([inline("5")])
        await metrics.close()
        metrics.pool.close()
        assert {request.query: request.authorization for request in stub.asked} == {
            "1": "Bearer first",
            "3": "Bearer second",
            "4": "Bearer second",
        }
        assert [request.authorization for request in foreign.asked] == [None]
    assert unread.absent == (
        f"Prometheus {stub.url} was not asked: {token} cannot be read: No such file or directory"
    )


async def test_a_password_in_the_url_is_used_and_never_shown(
    stub: Stub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = re.sub("//", "//me:pa%3Ass@", stub.url)
    metrics = PrometheusMetrics(PrometheusPool(url, registry=CollectorRegistry()))
    assert await metrics.pool.check() is None
    assert stub.asked[0].authorization == "Basic bWU6cGE6c3M="
    stub.answer = body(b"", 500)
    assert await metrics.pool.check() == f"Prometheus {stub.url} answered 500 Internal Server Error"
    stub.answer = hang_up
    assert stub.url in (await metrics.pool.check() or "")
    await metrics.close()
    metrics.pool.close()
    assert "pa" not in re.sub("Prometheus|operator|pass", "", caplog.text)


async def test_it_is_logged_once_that_a_server_is_away_and_once_that_it_is_back(
    metrics: PrometheusMetrics, stub: Stub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="linnet")
    stub.answer = hang_up
    for _ in range(3):
        await metrics.pool.check()
    stub.answer = value(1)
    for _ in range(3):
        await metrics.pool.check()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_servers_that_nobody_asks_any_more_are_forgotten(
    metrics: PrometheusMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linnet.adapters.prometheus_pool.KEPT_SERVERS", 2)
    monkeypatch.setattr("linnet.adapters.prometheus_pool.IDLE_SECONDS", -1.0)
    stubs = [Stub() for _ in range(4)]
    for one in stubs:
        with one:
            assert await metrics.pool.check(one.url) is None
    assert len(metrics.pool.servers) == 2
