"""The demo as a log."""

from dataclasses import replace

import pytest

from demo.figures import Side
from demo.frame import Act
from demo.lines import Lines
from linnet.api.status import CanaryStatus
from unit.demo.moments import START, decision, frame, timestamp


def test_a_line_is_printed_for_what_changed_and_only_then() -> None:
    said: list[str] = []
    lines = Lines(said.append)
    first = frame(status={"phase": "Progressing", "canaryWeight": 0})
    for _ in range(3):
        lines.show(first)
    before = len(said)
    assert any("Release 1 of 2" in line for line in said)
    assert any("phase: Progressing" in line for line in said)
    status = {"decisions": [decision(31, "weight 10 → 25: all is well")]}
    decisions = CanaryStatus.from_object(status).decisions
    for _ in range(3):
        lines.show(replace(first, now=START + 31, decisions=decisions))
    assert said[before:] == ["[ 31.0 s] linnet: check passed: weight 10 → 25: all is well"]


@pytest.mark.parametrize("started", [0, 11], ids=["later", "before the first look"])
def test_each_release_is_announced_before_what_linnet_does(started: int) -> None:
    said: list[str] = []
    lines = Lines(said.append)
    for act, at in ((Act.GOOD, 12), (Act.GOOD, 20), (Act.BAD, 30)):
        status = {"phase": "Progressing", "startedAt": timestamp(started)}
        decisions = CanaryStatus.from_object(
            {"decisions": [decision(at, "new revision")]}
        ).decisions
        lines.show(frame(act, at=at, status=status, decisions=decisions))
    found = [n for n, line in enumerate(said) if "Somebody releases version" in line]
    assert [said[n - 1].split("== ")[1][:14] for n in found] == ["Release 1 of 2", "Release 2 of 2"]
    assert "1.2.0-errors-20" in said[found[1]]


def test_figures_come_every_few_seconds() -> None:
    said: list[str] = []
    lines = Lines(said.append)
    sides = (Side("primary", "1.0.0", 90, 0.9, 1.0, 0.002, 0.004), Side("canary", "1.1.0"))
    for quarter in range(80):
        lines.show(frame(Act.STEADY, at=quarter / 4, sides=sides, sent=quarter))
    figures = [line for line in said if "requests:" in line]
    assert len(figures) == 4
    assert "primary 1.0.0 90.0 % of them, 100.0 % succeeded, p99 4 ms" in figures[0]
    assert "canary" not in figures[0], "a side without requests has no figures"
