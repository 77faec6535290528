"""`linnet replay --prometheus`: past releases in a real Prometheus, whose requests are known."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from integration.mesh_past import SCRAPES, buckets, requests, steady, target
from integration.prometheus_lab import Points, Prometheus, Scene, openmetrics
from linnet.cli import main

CANARY = """
apiVersion: linnet.dev/v1beta1
kind: Canary
metadata: {name: web, namespace: shop}
spec:
  targetRef: {name: web}
  service: {port: 80}
  analysis:
    interval: 30s
    threshold: 5
    stepWeights: [10, 20, 30, 40, 50]
"""
PRIMARY = "web-primary"
BAD = range(-850, -600)
HEALTHY = range(-400, -100)


def during(*spans: range, per_scrape: float) -> Points:
    """A counter that grows in these seconds only, from its first request on."""
    points: Points = {}
    total = 0.0
    for time in SCRAPES:
        total += per_scrape * any(time in span for span in spans)
        if total:
            points[time] = total
    return points


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    scene = target(Scene())
    requests(scene, during(BAD, HEALTHY, per_scrape=24))
    requests(scene, during(BAD, per_scrape=3), code="503")
    requests(scene, steady(224), destination_workload=PRIMARY)
    requests(scene, steady(1), code="500", destination_workload=PRIMARY)
    buckets(scene, {"100": steady(224), "250": steady(225), "+Inf": steady(225)})
    server = Prometheus(tmp_path_factory.mktemp("prometheus"))
    server.import_history(openmetrics([scene]))
    with server:
        yield server


@pytest.fixture
def canary(tmp_path: Path) -> str:
    path = tmp_path / "canary.yaml"
    path.write_text(CANARY)
    return str(path)


def replay(prometheus: Prometheus, canary: str, *options: str) -> Result:
    past = ["--from", "2025-12-31T23:40:00Z", "--to", "2026-01-01T00:00:00Z"]
    source = ["--prometheus", prometheus.url, "--canary", canary]
    return CliRunner().invoke(main, ["replay", *source, *past, *options])


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_release_is_found_and_judged(prometheus: Prometheus, canary: str) -> None:
    found = lines(replay(prometheus, canary))
    releases: dict[str, list[dict[str, Any]]] = {}
    for line in found:
        releases.setdefault(line["release"], []).append(line)
    bad, healthy = releases.values()
    assert list(releases) == ["2025-12-31T23:45:45Z", "2025-12-31T23:53:15Z"]
    assert bad[-1]["verdict"] == "rollback"
    judged = [line for line in bad if "before the first traffic" not in line["message"]]
    assert len(judged) == 5  # scrapes of 5 s, a ninth of the requests failing
    assert healthy[-1]["verdict"] == "promote"


def test_the_summary_says_what_would_have_been(prometheus: Prometheus, canary: str) -> None:
    [summary] = lines(replay(prometheus, canary, "--summary"))
    assert (summary["releases"], summary["caught"], summary["passed"]) == (2, 1, 1)
    # 50 scrapes of 3: all that failed, and what came after some 25 s was spared.
    assert summary["failed_requests"] == 150
    assert 100 < summary["failed_requests_spared"] < 150


def test_a_workload_without_a_past_is_said_to_have_none(
    prometheus: Prometheus, canary: str
) -> None:
    result = replay(prometheus, canary, "--namespace", "elsewhere")
    assert result.exit_code == 1
    assert "remembers no requests to elsewhere/web between" in result.output
