"""What a primary's past says: whose counts to take, how often, and what is slow."""

import math
from typing import Any

import pytest

from linnet.analysis.history import (
    Sources,
    latency_edge,
    read_intervals,
    read_sources,
)


@pytest.mark.parametrize(
    ("requests", "reporter"),
    [
        pytest.param({}, "", id="nobody"),
        pytest.param({"source": 100.0, "destination": 100.0}, "source", id="callers first"),
        pytest.param({"source": 0.0, "destination": 0.0}, "source", id="also without traffic"),
        pytest.param(
            {"source": 60.0, "destination": 100.0}, "source", id="though not all have a proxy"
        ),
        pytest.param(
            {"source": 40.0, "destination": 100.0}, "destination", id="unless most have none"
        ),
        pytest.param({"waypoint": 5.0}, "waypoint", id="a waypoint where there is no other"),
        pytest.param({"": 5.0}, "", id="a label that was removed is nobody"),
    ],
)
def test_whose_counts_are_taken(requests: dict[str, float], reporter: str) -> None:
    assert Sources(requests).reporter == reporter


def test_sources_are_read_by_workload_reporter_and_job() -> None:
    def row(workload: str, reporter: str, job: str, value: str) -> dict[str, Any]:
        labels = {"destination_workload_namespace": "shop", "destination_workload": workload}
        return {"metric": {**labels, "reporter": reporter, "job": job}, "value": [0, value]}

    found = read_sources(
        [
            row("web", "source", "gateways", "3.5"),
            row("web", "source", "pods", "2"),
            row("web", "destination", "pods", "7"),
            row("other", "source", "gateways", "1"),
            row("web", "waypoint", "pods", "NaN"),
        ]
    )
    assert found["shop", "web"].requests == {"source": 5.5, "destination": 7}
    assert found["shop", "web"].jobs == {"source": {"gateways", "pods"}, "destination": {"pods"}}
    assert found["shop", "other"].jobs == {"source": {"gateways"}}


def scrapes(job: str, *times: float) -> dict[str, Any]:
    return {"metric": {"job": job}, "values": [[time, "1"] for time in times]}


@pytest.mark.parametrize(
    ("rows", "intervals"),
    [
        pytest.param([scrapes("pods", 0, 15, 30, 45)], {"pods": 15}, id="regular scrapes"),
        pytest.param([scrapes("pods", 0, 4.998, 10.003)], {"pods": 5}, id="some ms early or late"),
        pytest.param([scrapes("pods", 0, 5, 10, 60, 65)], {"pods": 5}, id="a gap"),
        pytest.param([scrapes("pods", 0, 0.2, 0.4, 0.6)], {"pods": 0.2}, id="below a second"),
        pytest.param(
            [scrapes("pods", 0, 90), scrapes("pods", 0, 30, 60)],
            {"pods": 30},
            id="the target that is known best",
        ),
        pytest.param([scrapes("pods", 0)], {}, id="a single scrape tells nothing"),
        pytest.param(
            [scrapes("a", 0, 5, 10), scrapes("b", 0, 30, 60)], {"a": 5, "b": 30}, id="by job"
        ),
        pytest.param([{"metric": {"job": "pods"}, "value": [0, "1"]}, None], {}, id="no ranges"),
    ],
)
def test_how_often_is_scraped(rows: list[Any], intervals: dict[str, float]) -> None:
    assert read_intervals(rows) == pytest.approx(intervals)


@pytest.mark.parametrize(
    ("buckets", "edge"),
    [
        pytest.param(
            {100: 900, 250: 1000, 500: 1000, math.inf: 1000}, 250, id="the bound just above"
        ),
        pytest.param(
            {100: 988, 1000: 1000, 10000: 1000, math.inf: 1000}, 100, id="the bound just below"
        ),
        pytest.param(
            {100: 0, 250: 0, 1000: 1000, 10000: 1000, math.inf: 1000},
            1000,
            id="nearest by ratio",
        ),
        pytest.param({100: 0, 250: 10, math.inf: 1000}, 250, id="beyond the last bound: the last"),
        pytest.param({100: 90, 250: 99, math.inf: 99}, None, id="too few requests"),
        pytest.param({100: 900, 250: 1000}, None, id="no bucket for all"),
        pytest.param({math.inf: 1000}, None, id="no finite bound"),
        pytest.param({}, None, id="no histogram"),
    ],
)
def test_the_latency_edge(buckets: dict[float, float], edge: float | None) -> None:
    assert latency_edge(buckets) == edge
