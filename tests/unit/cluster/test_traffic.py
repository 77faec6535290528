from collections import Counter

import pytest

from cluster.traffic import Counts, Request, Requests


def request(at: float, status: int = 200, version: str = "1", seconds: float = 0.1) -> Request:
    reason = "" if 0 < status < 400 else f"{status}: because"
    return Request(at, seconds, status, version if status != 404 else "", "pod", reason)


# Ended in another order than sent.
REQUESTS = Requests(
    [
        request(3, version="2", seconds=0.4),
        request(1, seconds=0.1),
        request(4, status=404, seconds=0.3),
        request(2, status=500, version="2", seconds=0.2),
        request(5, status=0, version="", seconds=10),
        request(6, status=302),
    ]
)


def test_counts_say_how_many_ended_how() -> None:
    assert REQUESTS.counts() == Counts(
        sent=6,
        ok=3,
        failed=3,
        statuses=Counter({200: 2, 404: 1, 500: 1, 0: 1, 302: 1}),
        reasons=Counter({"500: because": 1, "404: because": 1, "0: because": 1}),
    )


def test_failures_are_listed_in_the_order_they_were_sent() -> None:
    assert [(failure.at, failure.status) for failure in REQUESTS.failed()] == [
        (2, 500),
        (4, 404),
        (5, 0),
    ]


@pytest.mark.parametrize(
    ("start", "end", "sent"),
    [
        pytest.param(2, 4, [2, 3], id="the start is included, the end is not"),
        pytest.param(4, float("inf"), [4, 5, 6], id="without an end"),
        pytest.param(2.5, 2.6, [], id="a stretch without requests"),
    ],
)
def test_a_stretch_of_time_goes_by_when_requests_were_sent(
    start: float, end: float, sent: list[float]
) -> None:
    assert [found.at for found in REQUESTS.between(start, end)] == sent


def test_versions_are_counted_by_their_answers_good_or_bad() -> None:
    assert REQUESTS.by_version() == {"1": 2, "2": 2}
    assert REQUESTS.share("2") == 0.5
    assert REQUESTS.share("3") == 0
    assert [found.at for found in REQUESTS.of("2")] == [2, 3]


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no pod answered any of 1 requests"):
        REQUESTS.between(5, 6).share("1")


@pytest.mark.parametrize(
    ("quantile", "seconds"),
    [
        pytest.param(0.0, 0.1, id="the smallest"),
        pytest.param(0.5, 0.2, id="the median"),
        pytest.param(0.99, 10, id="near the end"),
        pytest.param(1.0, 10, id="the largest"),
    ],
)
def test_latency_is_the_nearest_rank(quantile: float, seconds: float) -> None:
    assert REQUESTS.latency(quantile) == seconds


def test_a_quantile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no requests"):
        Requests().latency(0.5)
