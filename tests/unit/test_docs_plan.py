"""docs/plan.md shows what the command really prints, and names what exists."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from linnet.cli import main
from linnet.cli.plan import plan

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/plan.md").read_text(encoding="utf-8")
FINDINGS = ROOT / "operator/linnet/planning/findings"


def test_the_plan_is_what_the_command_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(main, ["plan", "examples/podinfo.yaml"])
    shown = re.search(r"^```\n(Canary .*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert result.stdout == shown[1]


def test_each_option_is_named_and_each_that_is_named_exists() -> None:
    known = {option for p in plan.params for option in p.opts if option.startswith("--")}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    assert named - {"--body-file"} == known - {"--name"}


def test_each_finding_has_a_row() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in FINDINGS.glob("*.py"))
    reasons = set(re.findall(r'^ +"([A-Z][A-Za-z]+)",$', source, re.MULTILINE))
    assert len(reasons) > 20
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in PAGE] == []
