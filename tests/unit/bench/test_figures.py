"""What a measured figure says against its budget."""

import pytest

from bench.figures import ROWS, Measured, Row, quantity, verdict

LIMIT = Row("seconds until it is back", "s", budget=12)


@pytest.mark.parametrize(
    ("row", "measured", "said"),
    [
        pytest.param(LIMIT, Measured(11.9), "met", id="below the budget is met"),
        pytest.param(LIMIT, Measured(12), "met", id="the budget itself is met"),
        pytest.param(
            LIMIT,
            Measured(51.3),
            "**missed** by 39.3 s (4.3 times the budget)",
            id="above it is missed, by how much in the unit and as a ratio",
        ),
        pytest.param(
            LIMIT, Measured(None, "promoted"), "**missed**", id="what did not happen is missed"
        ),
        pytest.param(
            Row("failed", budget=0), Measured(3), "**missed** by 3", id="of nothing is no ratio"
        ),
        pytest.param(
            Row("memory", "MB", 150, budget_text="150 MB, with 1,000", for_more=True),
            Measured(104),
            "below it, with fewer",
            id="with fewer Canaries than the budget is for, none is called met",
        ),
        pytest.param(Row("memory", "MB"), Measured(80), "", id="no budget, no verdict"),
        pytest.param(
            Row("goes on", "s", budget_text="holds, goes on"),
            Measured(8.2),
            "met",
            id="a budget in words is met by any value",
        ),
        pytest.param(
            Row("goes on", "s", budget_text="holds, goes on"),
            Measured(None, "Failed at weight 0"),
            "**missed**",
            id="a budget in words is missed without one",
        ),
    ],
)
def test_verdicts(row: Row, measured: Measured, said: str) -> None:
    assert verdict(row, measured) == said


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        pytest.param(0.0, "", "0", id="nothing is 0"),
        pytest.param(0.0166, "", "0.017", id="three digits behind the point below 2"),
        pytest.param(300, "", "300", id="no point where nothing is behind it"),
        pytest.param(1043.2, "s", "1,043.2 s", id="thousands are told apart"),
    ],
)
def test_figures_are_rounded_for_people(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


def test_titles_are_told_apart() -> None:
    assert len({row.title for row in ROWS.values()}) == len(ROWS)
