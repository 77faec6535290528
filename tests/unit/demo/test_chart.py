"""The weight over time as characters."""

import pytest

from demo.chart import bars, chart, columns
from demo.frame import Act
from unit.demo.moments import START, frame


@pytest.mark.parametrize(
    ("steps", "now", "expected"),
    [
        pytest.param([], 10, [0] * 5, id="nothing was said"),
        pytest.param([(0, 0), (4, 10)], 10, [0, 10, 10, 10, 10], id="a value holds"),
        pytest.param([(0, 10)], 5, [10, 10, 10, None, None], id="the future is empty"),
        pytest.param(
            [(0, 0), (4.5, 50), (5, 0)], 10, [0, 0, 50, 0, 0], id="a short peak is not lost"
        ),
        pytest.param([(0, 0), (7, 50)], 6.5, [0, 0, 0, 0, None], id="what is yet to come is not"),
    ],
)
def test_each_column_has_the_highest_value_of_its_time(
    steps: list[tuple[float, int]], now: float, expected: list[int | None]
) -> None:
    assert columns(steps, began=0, seconds=10, now=now, width=5) == expected


@pytest.mark.parametrize(
    ("height", "expected"),
    [
        (1, [" ▁▄█ "]),
        (2, ["   █ ", " ▁██ "]),
    ],
)
def test_the_top_fills_a_column_and_a_little_can_be_seen(height: int, expected: list[str]) -> None:
    assert bars([0, 1, 50, 100, None], top=100, height=height) == expected


def test_a_bad_release_has_a_colour_of_its_own() -> None:
    moment = frame(
        Act.BAD,
        at=60,
        weights=((START, 0), (START + 10, 50), (START + 20, 0), (START + 40, 10)),
        releases=((START + 10, "1.1.0", False), (START + 40, "1.2.0-errors-20", True)),
    )
    *rows, markers = chart(moment, width=76, height=3)
    lowest = rows[-1]
    colours = {lowest.plain[span.start]: str(span.style) for span in lowest.spans}
    assert (colours["█"], colours["▅"], colours["▁"]) == ("green", "red", "dim")
    first, second = markers.plain.index("↑ 1.1.0"), markers.plain.index("↑ 1.2.0-errors-20")
    assert lowest.plain[first + 1] == "█"
    assert lowest.plain[second + 1] == "▅"
