"""`linnet replay`: what people and programs get of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from linnet.cli import main
from unit.test_cli_simulate import CANARY

WORSE = (
    '{"time": %d, "canary": {"requests": 75, "errors": 4},'
    ' "primary": {"requests": 675, "errors": 3}}'
)
SAMPLES = "\n".join(WORSE % (15 * k) for k in range(1, 11))


def replay(*options: str, stdin: str = SAMPLES) -> Result:
    return CliRunner().invoke(main, ["replay", *options], input=stdin)


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def canary(tmp_path: Path) -> str:
    path = tmp_path / "canary.yaml"
    path.write_text(CANARY)
    return str(path)


def test_the_worked_example_line_by_line() -> None:
    found = lines(replay("--samples", "-"))
    assert [line["time"] for line in found] == [15, 30, 45]
    assert [line["verdict"] for line in found] == ["hold", "hold", "rollback"]
    assert [f"{line['evidence']['relative']:.2g}" for line in found] == ["2.8", "14", "85"]
    assert all(line["evidence"]["absolute"] > 1 for line in found)
    assert [line["weight"] for line in found] == [10, 10, 0]
    assert found[-1]["reason"] == "GuardTripped"
    assert "12 of 225" in found[-1]["message"]


def test_the_samples_may_be_a_file(tmp_path: Path, canary: str) -> None:
    path = tmp_path / "release.jsonl"
    path.write_text(SAMPLES)
    found = lines(replay("--samples", str(path), "--canary", canary))
    assert found[0]["weight"] == 10
    assert any(line["reason"] == "CheckFailed" for line in found)


def test_analyses_are_compared_side_by_side(tmp_path: Path, canary: str) -> None:
    lenient = tmp_path / "lenient.yaml"
    lenient.write_text("analysis:\n  stepWeight: 10\n  guard: {floor: 20}\n")
    options = ["--samples", "-", "--canary", canary, "--policy", str(lenient)]
    found = lines(replay(*options))
    ends = {line["policy"]: line["verdict"] for line in found}
    assert ends["web"] == "rollback"
    assert ends["lenient"] != "rollback"
    summaries = {line["policy"]: line for line in lines(replay(*options, "--summary"))}
    assert summaries["web"]["caught"] == 1
    assert summaries["lenient"]["missed"] == 1
    shown = replay(*options, "--summary", "-o", "text").output
    assert "web: caught" in shown
    assert "lenient: missed" in shown


def test_the_summary_says_what_would_have_been_spared() -> None:
    [summary] = lines(replay("--samples", "-", "--summary"))
    assert (summary["caught"], summary["missed"], summary["false_alarms"]) == (1, 0, 0)
    assert summary["failed_requests"] == 40
    assert summary["failed_requests_spared"] == pytest.approx(25.7, abs=0.1)


def test_the_user_may_say_what_the_canary_was() -> None:
    [summary] = lines(replay("--samples", "-", "--summary", "--canary-was", "good"))
    assert summary["false_alarms"] == 1


def test_people_get_a_table() -> None:
    shown = replay("--samples", "-", "-o", "text").output
    assert "rollback" in shown
    assert "RELATIVE" in shown


def test_a_metric_that_was_not_recorded_is_named(tmp_path: Path) -> None:
    path = tmp_path / "canary.yaml"
    metric = "    - {name: request-duration, thresholdRange: {max: 500}}\n"
    path.write_text(CANARY + metric)
    result = replay("--samples", "-", "--canary", str(path))
    assert "request-duration is not among what was recorded" in result.stderr
    assert len(lines(result)) == 3


@pytest.mark.parametrize(
    ("options", "stdin", "says"),
    [
        pytest.param([], "", "say what to replay", id="nothing to replay"),
        pytest.param(["--samples", "nope"], "", "nope cannot be read", id="no such file"),
        pytest.param(["--samples", "-"], "", "stdin is empty", id="an empty stdin"),
        pytest.param(
            ["--samples", "-"],
            f"{WORSE % 15}\n{WORSE % 30}\n{WORSE % 60}",
            "stdin, line 3: time is 60, but 45",
            id="a gap",
        ),
        pytest.param(["--samples", "-", "--canary", "-"], SAMPLES, "only one", id="two stdins"),
        pytest.param(
            ["--samples", "-", "--canary", "nope.yaml"], SAMPLES, "nope.yaml cannot be read", id="x"
        ),
    ],
)
def test_bad_input_is_refused_with_a_sentence(options: list[str], stdin: str, says: str) -> None:
    result = replay(*options, stdin=stdin)
    assert result.exit_code != 0
    assert says in result.output
    assert "Traceback" not in result.output


def test_the_help_has_examples() -> None:
    result = CliRunner().invoke(main, ["replay", "--help"])
    assert result.exit_code == 0
    assert "linnet replay --samples release.jsonl" in result.output
