"""`linnet simulate`: what people and programs get of it."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from linnet.cli import main

CANARY = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
---
apiVersion: linnet.dev/v1beta1
kind: Canary
metadata: {name: web}
spec:
  targetRef: {name: web}
  service: {port: 80}
  analysis:
    interval: 30s
    threshold: 2
    stepWeights: [10, 50]
    metrics:
    - {name: request-success-rate, thresholdRange: {min: 99}}
"""


def simulate(folder: Path, *options: str, manifest: str = CANARY) -> Result:
    """Run the command on a manifest in `folder`."""
    path = folder / "canary.yaml"
    path.write_text(manifest)
    return CliRunner().invoke(main, ["simulate", str(path), "--runs", "30", *options])


def figures(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_programs_get_outcomes_times_and_failed_requests(tmp_path: Path) -> None:
    options = ["--rps", "50", "--primary-errors", "0.005", "--canary-errors", "0.2", "-o", "json"]
    found = figures(simulate(tmp_path, *options))
    assert (found["runs"], found["rolled_back"]) == (30, 30)
    assert (found["promoted"], found["undecided"]) == (0, 0)
    for name in ("seconds_to_rollback", "failed_requests"):
        assert found[name]["p50"] <= found[name]["p99"]
        assert found[name]["mean"] > 0
    weights = found["weight_over_time"]
    assert (weights[0]["seconds"], weights[0]["mean"]) == (0, 10)
    assert weights[-1]["mean"] == 0
    assert sum(found["rollback_reasons"].values()) == 30
    assert found["rollback_reasons"]["GuardTripped"] > 0


def test_a_share_may_be_a_percentage(tmp_path: Path) -> None:
    one = simulate(tmp_path, "--canary-errors", "20%", "-o", "json")
    other = simulate(tmp_path, "--canary-errors", "0.2", "-o", "json")
    assert figures(one) == figures(other)


def test_the_canary_is_as_good_as_the_primary_unless_it_is_said_otherwise(tmp_path: Path) -> None:
    found = figures(simulate(tmp_path, "--primary-errors", "0", "-o", "json"))
    assert (found["promoted"], found["failed_requests"]["mean"]) == (30, 0)
    assert found["seconds_to_rollback"] == {"p50": None, "p99": None, "mean": None}


def test_the_same_seed_gives_the_same_output(tmp_path: Path) -> None:
    options = ["--canary-errors", "3%", "-o", "json", "--traffic", "bursty"]
    first, again = simulate(tmp_path, *options), simulate(tmp_path, *options)
    assert first.stdout == again.stdout
    assert simulate(tmp_path, *options, "--seed", "2").stdout != first.stdout


def test_people_get_words_and_charts(tmp_path: Path) -> None:
    result = simulate(tmp_path, "--canary-errors", "5%", "--compare")
    assert result.exit_code == 0
    assert "30 releases of web" in result.output
    assert "the primary fails 0.5%, the canary 5%" in result.output
    assert "30 rolled back (100%)" in result.output
    assert "by the guard" in result.output
    assert "█" in result.output
    for rule in ("linnet", "Flagger", "Argo Rollouts", "tuned threshold", "z-test"):
        assert rule in result.output


@pytest.mark.parametrize("errors", ["0%", "5%"])
def test_the_picture_is_svg(tmp_path: Path, errors: str) -> None:
    picture = tmp_path / "a & b.svg"
    options = ["--primary-errors", "0", "--canary-errors", errors, "--plot", str(picture)]
    assert simulate(tmp_path, *options, "--compare").exit_code == 0
    root = ET.fromstring(picture.read_text())  # noqa: S314 - written just now
    assert root.tag.endswith("svg")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--traffic", "diurnal"], id="diurnal traffic"),
        pytest.param(["--traffic", "bursty", "--error-clusters", "5"], id="bursts and clusters"),
        pytest.param(["--cold-start", "100%:4s"], id="a cold start"),
        pytest.param(["--late-fault", "50%:40s"], id="a late fault"),
        pytest.param(["--drift", "4:5m"], id="drift"),
        pytest.param(["--lost-data", "10%"], id="lost scrapes"),
        pytest.param(["--canary-latency", "2s"], id="slow answers"),
        pytest.param(["--scrape-interval", "5s", "--for", "1m"], id="another scrape interval"),
        pytest.param(["--rps", "0"], id="no traffic"),
    ],
)
def test_circumstances_make_a_difference(tmp_path: Path, options: list[str]) -> None:
    plain = figures(simulate(tmp_path, "-o", "json"))
    other = figures(simulate(tmp_path, "-o", "json", *options))
    assert other != plain
    assert other["rolled_back"] + other["promoted"] + other["undecided"] == 30


def test_evidence_without_traffic_is_refused(tmp_path: Path) -> None:
    waits = CANARY + "    promotion: {evidence: true}\n"
    result = simulate(tmp_path, "--rps", "0", manifest=waits)
    assert result.exit_code == 2
    assert "Canary web has promotion.evidence, for which there must be requests" in result.stderr
    assert simulate(tmp_path, "--rps", "0").exit_code == 0


def test_a_metric_that_cannot_be_simulated_is_named(tmp_path: Path) -> None:
    metric = "    - {name: queue, query: up, thresholdRange: {max: 1}}\n"
    found = figures(simulate(tmp_path, "-o", "json", manifest=CANARY + metric))
    assert "queue" in found["notes"][0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param(["--canary-errors", "5"], "5 is no share of requests", id="a share above 1"),
        pytest.param(["--canary-errors", "nan"], "nan is no share", id="NaN"),
        pytest.param(["--rps", "-1"], "--rps", id="negative traffic"),
        pytest.param(["--rps", "inf"], "--rps", id="endless traffic"),
        pytest.param(["--runs", "0"], "--runs", id="no runs"),
        pytest.param(["--seed", "-1"], "--seed", id="a negative seed"),
        pytest.param(["--cold-start", "20%"], "such as 20%:10s", id="half a pair"),
        pytest.param(["--late-fault", "5%:3"], "is no duration", id="a time without unit"),
        pytest.param(["--scrape-interval", "1ms"], "out of bounds", id="too short an interval"),
        pytest.param(["--plot", "x.gif"], "must end in .svg", id="a picture of another kind"),
        pytest.param(["--name", "api"], "has no Canary api: there is web", id="another name"),
    ],
)
def test_bad_options_are_refused_with_a_sentence(
    tmp_path: Path, options: list[str], says: str
) -> None:
    result = simulate(tmp_path, *options)
    assert result.exit_code != 0
    assert says in result.output
    assert "Traceback" not in result.output


def test_the_help_has_examples() -> None:
    result = CliRunner().invoke(main, ["simulate", "--help"])
    assert result.exit_code == 0
    assert "linnet simulate canary.yaml --rps 50" in result.output
