"""docs/simulate.md shows what the commands really print, and names options that exist."""

import json
import re
from pathlib import Path

from click.testing import CliRunner

from linnet.cli import main
from linnet.cli.replay import replay
from linnet.cli.simulate import simulate

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "simulate.md").read_text(encoding="utf-8")
DECISIONS = (DOCS / "decisions.md").read_text(encoding="utf-8")


def test_the_replay_is_what_the_command_prints() -> None:
    samples = re.findall(r"^\{\"time\": .*\"requests\".*$", DECISIONS, re.MULTILINE)
    result = CliRunner().invoke(main, ["replay", "--samples", "-"], input="\n".join(samples))
    shown = re.findall(r"^\{.*\"verdict\".*$", PAGE, re.MULTILINE)
    assert result.stdout.splitlines() == shown
    assert [json.loads(line)["verdict"] for line in shown] == ["hold", "hold", "rollback"]


def test_each_option_that_is_named_exists() -> None:
    known = {option for command in (simulate, replay) for p in command.params for option in p.opts}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    assert named <= known


def test_each_option_of_simulate_is_named() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    ours = {option for p in simulate.params for option in p.opts if option.startswith("--")}
    assert ours - named == {"--name"}
