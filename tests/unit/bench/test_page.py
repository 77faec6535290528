"""The page and the table that a run ends in."""

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

import bench.__main__ as command
from bench.figures import ROWS, Measured
from bench.page import Results, page, table

FIGURES = {
    "healthy": Measured(52.25, "50 s is the ideal"),
    "failing-100": Measured(251, "Failed"),
    "prometheus-away": Measured(None, "Failed at weight 0"),
}


def results(**changes: object) -> Results:
    values = {
        "date": "2026-11-21",
        "machine": "2 cores",
        "load": (0.4, 1.9),
        "quick": False,
        "figures": FIGURES,
    }
    return Results(**{**values, **changes})  # type: ignore[arg-type]  # tests change any of them


def text(shown: Results) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(table(shown))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_row_has_the_figure_the_budget_the_verdict_and_the_peers() -> None:
    assert "| Healthy release: promoted | 52.2 s | 60 s | met | 83.7 s | 50.1 s |" in page(
        results()
    )


def test_a_missed_budget_is_explained() -> None:
    _, missed = page(results()).split("## Missed")
    assert "- Failing 100 %: failed requests: 251, budget 60. The guard needs two" in missed
    assert "Prometheus away for 90 s: goes on after: Failed at weight 0" in missed
    assert "Healthy" not in missed.split("## Details")[0]


def test_a_part_that_could_not_be_measured_is_named() -> None:
    assert "- `rest` was not measured to its end: no leader" in page(
        results(not_measured={"rest": "no leader"})
    )


def test_only_what_was_measured_is_shown() -> None:
    assert ROWS["create-100"].title not in page(results()) + text(results())


def test_a_quick_run_is_held_against_no_budget() -> None:
    assert "missed" in text(results())
    assert "missed" not in text(results(quick=True))


def test_the_page_can_be_written_from_the_json_of_an_earlier_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "PAGE", tmp_path / "page.md")
    earlier = tmp_path / "earlier.json"
    earlier.write_text(json.dumps(results().to_object()))
    done = CliRunner().invoke(command.main, ["--page-of", str(earlier)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "page.md").read_text() == page(results())
