"""`linnet plan`: what people, programs and pull requests get of it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
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


def test_the_articles_manifests_with_a_canary_are_fine() -> None:
    folder = str(ROOT / "examples/reviews")
    found = planned(folder, "--namespace", "production")
    assert [one["severity"] for one in found["findings"]] == ["info", "info"]
    assert set(reasons(found)) == {"ReleaseBegins", "NeedsPolicy"}
    assert found["beginsAtWeight"] == 10
    assert found["creates"] == []
    ((change,),) = [one["fields"] for one in found["changes"]]
    assert change["field"] == "metadata.annotations[linnet.dev/weights]"


def test_warnings_fail_where_they_are_to() -> None:
    paused = BOTH.replace("  service:", "  paused: true\n  service:")
    assert plan("-", stdin=paused).exit_code == 0
    assert plan("-", "--fail-on", "warning", stdin=paused).exit_code == 1


def test_people_see_steps_gates_figures_and_findings() -> None:
    text = plan("-", "--rps", "10", stdin=BOTH).stdout
    assert "create  Deployment       web-primary" in text
    assert "spec.replicas: 0" in text
    assert ["50%", "30s", "1m", "150"] in [line.split() for line in text.splitlines()]
    assert "at the earliest 1m10s" in text
    assert "errors is the least that is noticed" in text
    assert "given by --rps" in text
    assert "OneFailureFails · Canary default/web spec.analysis.metrics[0] · stdin, line 22" in text
    assert max(map(len, text.splitlines())) <= 100
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_a_pull_request_gets_a_comment_that_manifests_cannot_format() -> None:
    text = plan(
        "-", "-o", "markdown", stdin=CANARY.replace("{name: web}", "{name: web-v1.x}", 1)
    ).stdout
    assert text.startswith("### Canary `default/web-v1.x`")
    assert "❌ **" in text
    assert "| 10% | 0s | 30s | 150 |" in text
    assert text.count("<details>") == text.count("</details>") == 3
    marked = CANARY.replace("request-success-rate,", '"<b>|x`", query: vector(1),')
    text = plan("-", "-o", "markdown", stdin=f"{APP}---{marked}").stdout
    assert "\\<b\\>\\|x\\`" in text


def test_the_same_figures_come_each_time() -> None:
    assert plan("-", "-o", "json", stdin=BOTH).stdout == plan("-", "-o", "json", stdin=BOTH).stdout


def test_a_folder_is_read_with_all_that_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps" / "app.yml").write_text(APP)
    (tmp_path / "canary.json").write_text(json.dumps(yaml.safe_load(CANARY), indent="\t"))
    (tmp_path / "values.yaml").write_text("image: web\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "broken.yaml").write_text("{")
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("name: chart\n")
    (chart / "templates" / "app.yaml").write_text("{{ if .Values }}")
    result = plan(str(tmp_path))
    assert result.exit_code == 0, result.output
    assert f"{chart} is a Helm chart, and passed over" in result.stderr


def test_the_items_of_a_list_are_objects() -> None:
    items = [yaml.safe_load(APP), yaml.safe_load(CANARY)]
    found = planned("-", stdin=yaml.safe_dump({"kind": "List", "apiVersion": "v1", "items": items}))
    assert found["name"] == "web"


def test_several_paths_are_read_together(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text(APP)
    (tmp_path / "canary.yaml").write_text(CANARY)
    assert plan(str(tmp_path / "app.yaml"), str(tmp_path / "canary.yaml")).exit_code == 0


def test_one_of_several_canaries_is_chosen_by_its_name() -> None:
    other = CANARY.replace("{name: web}", "{name: api}")
    assert planned("-", "--name", "api", stdin=f"{BOTH}---{other}")["name"] == "api"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "stdin has no Canary and no other object", id="nothing"),
        pytest.param(APP, "stdin has no Canary, only Deployment", id="no Canary"),
        pytest.param("a: [", "stdin, line 1", id="no YAML"),
        pytest.param(
            BOTH.replace("threshold: 2", "treshold: 2"),
            "stdin, line 19: spec.analysis.treshold does not exist: did you mean threshold?",
            id="a field that does not exist",
        ),
        pytest.param(
            BOTH.replace("selector: {matchLabels: {app: web}}", "selector: web"),
            "stdin, line 6: spec.selector of Deployment default/web must be a mapping",
            id="a selector that is none",
        ),
        pytest.param(
            BOTH.replace("metadata: {labels: {app: web}}", "metadata: {}"),
            "spec.template.metadata.labels of Deployment default/web is required",
            id="a template without labels",
        ),
        pytest.param(
            f"{BOTH}---{APP.replace('web:1', 'web:2')}",
            "Deployment default/web is in two places, and they differ: stdin, line 2; stdin, line",
            id="the same object twice, and different",
        ),
        pytest.param(
            BOTH.replace("linnet.dev/v1beta1", "linnet.dev/v2"),
            "apiVersion must be linnet.dev/v1beta1",
            id="another version",
        ),
        pytest.param(
            BOTH.replace("linnet.dev/v1beta1", "flagger.app/v1beta1"),
            "stdin, line 11: a Canary of flagger.app/v1beta1: write apiVersion: linnet.dev/v1beta1",
            id="a Canary of Flagger's",
        ),
        pytest.param(
            f"{BOTH}---{CANARY.replace('{name: web}', '[web]', 1)}",
            "stdin, line 26: metadata.name is required",
            id="a Canary without a name beside another",
        ),
    ],
)
def test_what_cannot_be_read_is_exit_code_2_and_says_where(text: str, said: str) -> None:
    result = plan("-", stdin=text)
    assert result.exit_code == 2
    assert said in result.stderr


def test_the_faults_of_all_canaries_are_named_at_once() -> None:
    other = CANARY.replace("{name: web}", "{name: api}").replace("stepWeights", "stepWeight")
    text = f"{BOTH.replace('threshold: 2', 'treshold: 2')}---{other}"
    result = plan("-", stdin=text)
    assert result.exit_code == 2
    head, first, second = result.stderr.splitlines()
    assert head == "Error: 2 faults:"
    assert "stdin, line 19: spec.analysis.treshold does not exist" in first
    assert "spec.analysis.stepWeight: must be a whole number" in second
    assert "treshold" not in plan("-", "--name", "api", stdin=text).stderr


def test_evidence_without_traffic_is_refused() -> None:
    waits = f"{BOTH}    promotion: {{evidence: true}}\n"
    result = plan("-", "--rps", "0", stdin=waits)
    assert result.exit_code == 2
    assert "Canary web has promotion.evidence, for which there must be requests" in result.stderr
    assert plan("-", "--rps", "5", stdin=waits).exit_code == 0


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        pytest.param(
            ("", ""), ["--rps", "0"], "without requests there is nothing to judge by", id="no users"
        ),
        pytest.param(
            ("    metrics:\n", "    guard: {enabled: false}\n    metrics:\n"),
            ["--rps", "0.01"],
            ": enable the guard\n",
            id="no guard",
        ),
        pytest.param(
            ("30s", "1s"),
            ["--rps", "0.01"],
            ": lengthen analysis.interval, or begin with a higher weight",
            id="hardly any users",
        ),
    ],
)
def test_where_nothing_is_noticed_it_advises_what_is_not_there_yet(
    change: tuple[str, str], options: list[str], said: str
) -> None:
    found = planned("-", *options, stdin=BOTH.replace(*change))
    (message,) = [one["message"] for one in found["findings"] if one["reason"] == "NothingNoticed"]
    assert said in f"{message}\n"


def test_a_chart_is_to_be_rendered_first(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("name: chart\n")
    template = tmp_path / "templates" / "app.yaml"
    template.parent.mkdir()
    template.write_text("{{- if .Values.x }}\nkind: Canary\n{{- end }}\n")
    for path in (tmp_path, template):
        result = plan(str(path))
        assert result.exit_code == 2
        assert f"render it: helm template {tmp_path} | linnet plan -" in result.stderr


def test_a_kustomization_without_a_tool_to_build_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "kustomization.yaml").write_text("resources: []\n")
    result = plan(str(tmp_path))
    assert result.exit_code == 2
    assert "neither kustomize nor kubectl is on PATH" in result.stderr


@pytest.mark.parametrize(
    "resources", [pytest.param("5", id="no list"), pytest.param("[../web]", id="itself")]
)
def test_a_kustomization_that_makes_no_sense_is_left_to_the_tool_that_builds_it(
    resources: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(f"resources: {resources}\n")
    monkeypatch.setenv("PATH", "/nowhere")
    result = plan(str(folder))
    assert result.exit_code == 2
    assert "is a kustomization, and neither kustomize nor kubectl" in result.stderr


def test_a_cluster_to_ask_needs_a_prometheus_in_it() -> None:
    result = plan("-", "--context", "production", stdin=BOTH)
    assert result.exit_code == 2
    assert "spec.metricsServer: say where Prometheus is by --prometheus-url" in result.stderr
