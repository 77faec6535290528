"""What an answer of Prometheus' API means."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.analysis.quantile import quantile
from linnet.analysis.samples import Sample, samples, single_value

NOW = 1767225600.0
NAN = "the query returned NaN: a division 0/0, as without any request?"


def row(value: str, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [NOW, value]}


@pytest.mark.parametrize(
    ("result", "value"),
    [
        pytest.param([row("0.25", a="b")], 0.25, id="a vector of one"),
        pytest.param([NOW, "12"], 12, id="a scalar"),
        pytest.param([], "the query returned no series", id="an empty vector"),
        pytest.param(None, "the query returned no series", id="nothing"),
        pytest.param([row("NaN")], NAN, id="NaN"),
        pytest.param([NOW, "NaN"], NAN, id="the scalar NaN"),
        pytest.param([row("+Inf")], "the query returned +inf: a division by 0?", id="infinity"),
        pytest.param([NOW, "-Inf"], "the query returned -inf: a division by 0?", id="-infinity"),
        pytest.param([NOW, "high"], "the query returned 'high', which is no number", id="a string"),
        pytest.param(
            [row("1", pod="a", zone="x"), row("2", pod="b", zone="x")],
            "the query returned more than one series (pod is 'a', and 'b'); aggregate them to one,"
            " for example with sum()",
            id="two series",
        ),
        pytest.param(
            [{"metric": {}, "values": [[NOW, "1"]]}],
            "the query returned a range of samples; wrap it in a function such as rate() or"
            " last_over_time()",
            id="a matrix",
        ),
        pytest.param(
            [{"metric": {}, "histogram": [NOW, {"count": "1"}]}],
            "the query returned a histogram; take a figure out of it, such as histogram_quantile",
            id="a native histogram",
        ),
    ],
)
def test_an_inline_query_has_one_value_or_a_reason(result: Any, value: float | str) -> None:
    assert single_value(result) == value


def test_elements_that_hold_no_finite_number_are_left_out() -> None:
    rows = [row("1", a="b"), row("NaN"), row("+Inf"), NOW, "x", {"metric": {}}, row("x")]
    assert list(samples(rows)) == [Sample({"a": "b"}, 1)]


BUCKETS = {5.0: 10.0, 10.0: 30.0, 25.0: 30.0, math.inf: 40.0}


@pytest.mark.parametrize(
    ("q", "buckets", "value"),
    [
        pytest.param(0.125, BUCKETS, 2.5, id="the first bucket begins at 0"),
        pytest.param(0.25, BUCKETS, 5, id="at a bound"),
        pytest.param(0.5, BUCKETS, 7.5, id="half way through a bucket"),
        pytest.param(0.99, BUCKETS, 25, id="beyond the last bound it is that bound"),
        pytest.param(0.5, {1.0: 4.0, 2.0: 3.0, math.inf: 4.0}, 0.5, id="a bucket that shrank"),
        pytest.param(0.5, {1.0: 0.0, math.inf: 0.0}, None, id="no observations"),
        pytest.param(0.5, {1.0: 1.0, 2.0: 2.0}, None, id="no infinite bucket"),
        pytest.param(0.5, {math.inf: 2.0}, None, id="no finite bucket"),
        pytest.param(0.5, {}, None, id="no buckets"),
    ],
)
def test_quantile(q: float, buckets: dict[float, float], value: float | None) -> None:
    assert quantile(q, buckets) == value


@given(
    st.dictionaries(st.floats(0.1, 1e6), st.integers(0, 10**9), min_size=1),
    st.integers(0, 10**9),
    st.floats(0.001, 1),
)
def test_a_quantile_lies_within_the_bounds(counts: dict[float, int], more: int, q: float) -> None:
    total, cumulative = 0.0, {}
    for bound in sorted(counts):
        total += counts[bound]
        cumulative[bound] = total
    cumulative[math.inf] = total + more
    value = quantile(q, cumulative)
    assert (value is None) == (cumulative[math.inf] == 0)
    assert value is None or 0 <= value <= max(counts)
