"""docs/decisions.md takes its tables from the figures, and keeps the rest as it is."""

import itertools
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from decisions.cells import FAULTS, RATES, RULES, cells
from decisions.figures import Figures
from decisions.page import Results, page, pictures, table
from decisions.sizes import releases

PAGE = (Path(__file__).parents[3] / "docs" / "decisions.md").read_text(encoding="utf-8")


def figures(rolled_back: int = 100, excess: float = 10.0) -> Figures:
    return Figures(1000, rolled_back, 1000 - rolled_back, 45.0, 90.0, excess)


RESULTS = Results({cell.key: figures(number % 1001) for number, cell in enumerate(cells())})


def test_what_is_written_stands_between_the_markers_and_nothing_else_changes() -> None:
    once = page(PAGE, RESULTS)
    assert page(once, RESULTS) == once
    assert once.partition("## False rollbacks")[0] == PAGE.partition("## False rollbacks")[0]
    for rule in RULES:
        assert f"| {rule} |" in once


def test_a_page_without_a_marker_is_refused() -> None:
    with pytest.raises(ValueError, match="must have the markers"):
        page(PAGE.replace("<!-- gain: begin", "<!-- gone: begin"), RESULTS)


def test_the_pictures_are_svg() -> None:
    for text in pictures(RESULTS).values():
        assert ET.fromstring(text).tag.endswith("svg")  # noqa: S314 - made just now


def test_where_another_rule_does_less_damage_is_said() -> None:
    found = dict(RESULTS.figures)
    found["detect/z-test/0.05/50"] = figures(excess=3.0)
    found["detect/z-test/0.005/50"] = figures(rolled_back=107)
    row = next(
        line
        for line in table(Results(found)).splitlines()
        if line.startswith("| 50 requests a second, 5% fail")
    )
    assert "z-test 3 (10%; 11%)" in row


def test_no_cell_is_there_twice_and_each_rule_meets_each_fault() -> None:
    keys = [cell.key for cell in cells()]
    assert len(set(keys)) == len(keys)
    for rule, fault, rps in itertools.product(RULES, FAULTS, RATES):
        assert f"detect/{rule}/{fault:g}/{rps}" in keys


def test_false_rollbacks_are_counted_over_ten_thousand_releases() -> None:
    sizes = [releases(cell, quick=False) for cell in cells() if cell.table == "false"]
    assert sizes.count(10_000) >= 18


@pytest.mark.parametrize(
    ("rolled_back", "below"),
    [
        pytest.param(0, 0.007, id="none of a thousand is below 0.7%"),
        pytest.param(50, 0.072, id="5% of a thousand are below 7.2%"),
    ],
)
def test_the_confidence(rolled_back: int, below: float) -> None:
    assert figures(rolled_back).rate < figures(rolled_back).upper() < below
