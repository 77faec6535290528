"""`linnet plan`: what people, programs and pull requests get of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from linnet.cli import main

ROOT = Path(__file__).parents[2]

APP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "web:1"}]}
"""
CANARY = """
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
    - {name: request-success-rate, thresholdRange: {min: 97}}
"""
BOTH = f"{APP}---{CANARY}"


def plan(*arguments: str, stdin: str | None = None) -> Result:
    """Run the command, with as few releases as it lets one ask for."""
    return CliRunner().invoke(main, ["plan", *arguments, "--runs", "10"], input=stdin)


def planned(*arguments: str, stdin: str | None = None) -> dict[str, Any]:
    """Return the plan of the only Canary."""
    result = plan(*arguments, "-o", "json", stdin=stdin)
    (canary,) = json.loads(result.stdout)["canaries"]
    found: dict[str, Any] = canary
    return found


def reasons(found: dict[str, Any]) -> list[str]:
    return [one["reason"] for one in found["findings"]]


def test_programs_get_what_is_made_when_it_steps_and_what_is_noticed() -> None:
    found = planned("-", stdin=BOTH)
    assert {(one["kind"], one["name"]) for one in found["creates"]} == {
        ("Deployment", "web-primary"),
        ("Service", "web"),
        ("Service", "web-primary"),
        ("Service", "web-canary"),
        ("DestinationRule", "web-primary"),
        ("DestinationRule", "web-canary"),
        ("VirtualService", "web"),
    }
    (change,) = found["changes"]
    assert change["name"] == "web"
    assert {"field": "spec.replicas", "before": None, "after": 0} in change["fields"]
    schedule = found["schedule"]
    assert [(s["weight"], s["fromSeconds"], s["requests"]) for s in schedule["steps"]] == [
        (10, 0, 150),
        (50, 30, 750),
    ]
    assert (schedule["acceptedAfterSeconds"], schedule["requests"]) == (60, 900)
    assert found["notice"]["smallest"]["rolledBack"] >= 0.95
    assert [row["errors"] for row in found["notice"]["table"]] == [0.02, 0.05, 0.2, 1.0]
    assert found["assumed"]["rps"] == 50
    assert reasons(found) == []


def test_all_is_well_is_exit_code_0_and_a_target_that_is_missing_is_1() -> None:
    assert plan("-", stdin=BOTH).exit_code == 0
    result = plan("-", stdin=CANARY)
    assert result.exit_code == 1
    assert "TargetNotFound" in result.stdout
    assert "stdin, line 6" in result.stdout


@pytest.mark.parametrize("name", ["podinfo", "two-deployments", "from-flagger", "gateway"])
def test_the_examples_can_be_planned(name: str) -> None:
    result = plan(str(ROOT / f"examples/{name}.yaml"))
    assert result.exit_code in (0, 1), result.output
    assert "A healthy release" in result.stdout
