"""The demo as a log."""

from dataclasses import replace

from demo.figures import Side
from demo.frame import Act
from demo.lines import Lines
from linnet.api.status import CanaryStatus
from unit.demo.moments import START, decision, frame


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
