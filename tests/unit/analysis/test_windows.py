"""What one side served lately, and whether it misses its objective."""

import pytest

from linnet.analysis.windows import Window


def after(*tiles: tuple[float, float]) -> Window:
    window = Window()
    for requests, errors in tiles:
        window = window.after(5, requests, errors)
    return window


@pytest.mark.parametrize(
    ("tiles", "meets", "misses"),
    [
        pytest.param([(500, 2)] * 20, True, False, id="well within its objective"),
        pytest.param([(500, 6)] * 20, False, False, id="just above it may be chance"),
        pytest.param([(500, 25)] * 20, False, True, id="five times what is allowed"),
        pytest.param([(3, 3)], False, False, id="three failures are too few to tell"),
        pytest.param([], True, False, id="nothing known"),
    ],
)
def test_an_objective_of_99(tiles: list[tuple[float, float]], meets: bool, misses: bool) -> None:
    window = after(*tiles)
    assert (window.meets(0.01), window.misses(0.01)) == (meets, misses)


def test_sums_that_do_not_fade() -> None:
    window = Window()
    for _ in range(100):
        window = window.plus(5, 10, 1)
    assert window == Window(500, 1000, 100)


def test_rates_are_those_of_lately() -> None:
    window = after(*[(500, 500)] * 20, *[(50, 0)] * 120)
    assert window.rate == pytest.approx(10, rel=0.01)
    assert window.error_rate < 0.001
    assert Window().rate == Window().error_rate == 0
