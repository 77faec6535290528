"""The built-in metrics: the query's text, and how its answer is read."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.analysis import absence, queries
from linnet.analysis.measurement import Measurement, seconds
from linnet.analysis.promql import on_whole_seconds, one_of

WINDOW = timedelta(seconds=30)
WEB = ("shop", "web")
AT = datetime(2026, 1, 1, tzinfo=UTC)


def row(value: float, *workload: str, **labels: str) -> dict[str, Any]:
    namespace, name = workload or WEB
    metric = {
        "destination_workload_namespace": namespace,
        "destination_workload": name,
        "reporter": "source",
    }
    return {"metric": metric | labels, "value": [AT.timestamp(), str(value)]}


def code(value: float, code: str, **labels: str) -> dict[str, Any]:
    return row(value, response_code=code, **labels)


def read(rows: list[Any]) -> Measurement:
    return queries.read_success_rate(rows, [WEB], WINDOW)[WEB]


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        pytest.param([code(10, "200")], 100, id="all good"),
        pytest.param([code(10, "500")], 0, id="all bad"),
        pytest.param([code(0, "200"), code(1, "503")], 0, id="the good ones stand still"),
        pytest.param([code(3, "200"), code(1, "599")], 75, id="any 5xx fails"),
        pytest.param([code(3, "200"), code(1, "0")], 75, id="no answer fails"),
        pytest.param([code(1, c) for c in ("101", "302", "404", "429", "499")], 100, id="4xx not"),
        *(
            pytest.param(
                [code(3, "200"), code(1, "200", grpc_response_status=status)],
                75 if fails else 100,
                id=f"gRPC status {status} {'fails' if fails else 'does not fail'}",
            )
            for status, fails in [
                *((str(n), n in (2, 4, 8, 13, 14, 15)) for n in range(1, 17)),
                ("", False),
            ]
        ),
        pytest.param(
            [code(3, "200"), code(9, "500", reporter="destination")],
            100,
            id="the client's side comes before the server's",
        ),
        pytest.param(
            [code(0, "200"), code(1, "500", reporter="destination")],
            0,
            id="a side that saw nothing does not speak",
        ),
        pytest.param([code(1, "200", reporter="waypoint")], 100, id="a waypoint alone"),
    ],
)
def test_success_rate(rows: list[Any], value: float) -> None:
    assert read(rows).value == value


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        pytest.param(
            [],
            "no requests to shop/web were seen by source, destination or waypoint proxies in the"
            " last 30 s; is traffic reaching the canary?",
            id="no rows",
        ),
        pytest.param([code(0, "200")], "no requests to shop/web were seen", id="nothing grew"),
        pytest.param([code(float("nan"), "200")], "no requests to shop/web", id="NaN"),
        pytest.param(
            [row(1)],
            "istio_requests_total for shop/web has no label response_code: is it removed by a"
            " Telemetry with tagOverrides?",
            id="no response code",
        ),
        pytest.param([code(1, "200", reporter="")], "has no label reporter", id="no reporter"),
    ],
)
def test_no_success_rate(rows: list[Any], says: str) -> None:
    measurement = read(rows)
    assert measurement.value is None
    assert says in (measurement.absent or "")


def test_each_workload_reads_its_own_rows() -> None:
    other, silent = ("shop", "web-2"), ("shop-2", "web")
    rows = [code(1, "200"), row(1, *other, response_code="500"), row(1, "x", "y")]
    measurements = queries.read_success_rate(rows, [WEB, other, silent], WINDOW)
    assert {workload: one.value for workload, one in measurements.items()} == {
        WEB: 100,
        other: 0,
        silent: None,
    }
    assert queries.seen_in(rows) == {WEB, other, ("x", "y")}


def bucket(value: float, le: str, reporter: str = "destination") -> dict[str, Any]:
    return row(value, le=le, reporter=reporter)


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        pytest.param([bucket(100, "10"), bucket(100, "+Inf")], 9.9, id="one bucket"),
        pytest.param([bucket(1, "10.0"), bucket(1, "10"), bucket(2, "+Inf")], 9.9, id="10 is 10.0"),
        pytest.param(
            [bucket(1, "10"), bucket(1, "+Inf"), bucket(9, "+Inf", "source")],
            9.9,
            id="the server's side comes before the client's",
        ),
        pytest.param(
            [bucket(1, "10", "source"), bucket(1, "+Inf", "source")], 9.9, id="the client's alone"
        ),
    ],
)
def test_request_duration(rows: list[Any], value: float) -> None:
    measurement = queries.read_request_duration(rows, [WEB], WINDOW)[WEB]
    assert measurement.value == pytest.approx(value)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        pytest.param([], "no requests to shop/web", id="no rows"),
        pytest.param([bucket(0, "10"), bucket(0, "+Inf")], "no requests to shop", id="no growth"),
        pytest.param([row(3)], "has no label le", id="no buckets"),
    ],
)
def test_no_request_duration(rows: list[Any], says: str) -> None:
    measurement = queries.read_request_duration(rows, [WEB], WINDOW)[WEB]
    assert measurement.value is None
    assert says in (measurement.absent or "")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**12),
            st.sampled_from(["200", "404", "500", "503", "0", "", "teapot"]),
            st.sampled_from(["source", "destination", "waypoint", "", "other"]),
            st.sampled_from(["", "0", "5", "14"]),
        )
    )
)
def test_a_rate_is_a_percentage_or_absent_for_a_reason(
    counts: list[tuple[int, str, str, str]],
) -> None:
    measurement = read(
        [code(n, c, reporter=who, grpc_response_status=status) for n, c, who, status in counts]
    )
    assert (measurement.value is None) == bool(measurement.absent)
    assert measurement.value is None or 0 <= measurement.value <= 100


def test_names_are_matched_literally() -> None:
    matcher = one_of("destination_workload", ["web.v1", "web", 'a"} or up or {b="'])
    pattern = re.compile(matcher.partition('"')[2][:-1].replace("\\\\", "\\"))
    assert pattern.fullmatch("web.v1")
    assert not pattern.fullmatch("web-v1")
    assert '"} or up' not in matcher
    assert one_of("a", ["y", "x", "y"]) == 'a=~"x|y"'


@pytest.mark.parametrize("promql", [queries.success_rate_promql, queries.request_duration_promql])
def test_a_query_is_the_same_for_the_same_workloads_in_any_order(promql: Any) -> None:
    pairs = [("a", "x"), ("b", "y"), ("a", "z")]
    assert promql(pairs, WINDOW) == promql(pairs[::-1], WINDOW)
    assert "[30s]" in promql(pairs, WINDOW)


@pytest.mark.parametrize(
    ("at", "window", "start", "end"),
    [
        pytest.param(10.9, 5.0, 5, 10, id="both ends move back"),
        pytest.param(10.0, 5.0, 5, 10, id="whole seconds stay"),
        pytest.param(10.2, 5.5, 4, 10, id="also of an odd window"),
        pytest.param(10.4, 0.3, 10.1, 10.4, id="a window within a second stays"),
        pytest.param(10.1, 0.3, 9, 10, id="a short one across two grows to a second"),
    ],
)
def test_windows_are_moved_to_whole_seconds(
    at: float, window: float, start: float, end: float
) -> None:
    def instant(seconds: float) -> datetime:
        return AT + timedelta(seconds=seconds)

    moved, span = on_whole_seconds(instant(at), timedelta(seconds=window))
    assert (moved - span, moved) == (instant(start), instant(end))


def test_a_window_that_lets_nothing_in_from_before_begins_at_the_next_whole_second() -> None:
    at = AT + timedelta(seconds=9.6)
    moved, span = on_whole_seconds(at, timedelta(seconds=5), within=True)
    assert (moved - span, moved) == (AT + timedelta(seconds=5), AT + timedelta(seconds=9))


SERIES = absence.Series("requests")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        pytest.param([], "there is no requests for namespace shop", id="nothing in the namespace"),
        pytest.param(
            [{"metric": {"destination_workload_namespace": "shop"}, "value": [0, "3"]}],
            "no requests to shop/web were seen by source, destination or waypoint proxies in the"
            " last 5 min",
            id="others in the namespace",
        ),
        pytest.param(
            [{"metric": {"missing": "destination_workload"}, "value": [0, "3"]}],
            "no requests to shop/web are on record, but 3 series of requests have no label"
            " destination_workload",
            id="no label",
        ),
        pytest.param(
            [row(AT.timestamp() - 47)],
            "no new sample of requests for shop/web within the last 30 s; the newest is 47 s old",
            id="an old sample",
        ),
        pytest.param(
            [row(AT.timestamp() - 4)],
            "the counters of requests for shop/web began anew",
            id="a fresh sample that was not counted",
        ),
    ],
)
def test_why_there_is_nothing(rows: list[Any], says: str) -> None:
    assert says in absence.explain(rows, SERIES, [WEB], AT, WINDOW)[WEB]


@pytest.mark.parametrize(
    ("window", "text"),
    [
        pytest.param(30, "30 s", id="whole"),
        pytest.param(1.236789, "1.24 s", id="cut short by the first traffic"),
        pytest.param(5400, "5400 s", id="long"),
    ],
)
def test_spans_are_for_people(window: float, text: str) -> None:
    assert seconds(timedelta(seconds=window)) == text
