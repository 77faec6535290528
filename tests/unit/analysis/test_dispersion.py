"""How much the primary's failures scatter."""

from random import Random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.analysis.dispersion import LARGEST, Dispersion


def after(tiles: list[tuple[float, float]]) -> Dispersion:
    dispersion = Dispersion()
    for requests, bad in tiles:
        dispersion = dispersion.after(requests, bad)
    return dispersion


def clusters(size: int, seed: int) -> list[tuple[float, float]]:
    """Tiles of 400 requests of which about 2% fail, `size` at once."""
    random = Random(seed)
    chance = 0.02 / size
    return [(400, size * sum(random.random() < chance for _ in range(400))) for _ in range(60)]


@pytest.mark.parametrize(
    ("size", "low", "high"),
    [
        pytest.param(1, 1.0, 1.6, id="independent failures are hardly corrected"),
        pytest.param(5, 4.0, 8.0, id="clusters of five count as about one, and a margin"),
    ],
)
def test_scatter_is_the_size_of_clusters(size: int, low: float, high: float) -> None:
    assert low <= mean(after(clusters(size, seed)).value for seed in range(40)) <= high


@pytest.mark.parametrize(
    ("tiles", "value"),
    [
        pytest.param([], 1.0, id="nothing is known"),
        pytest.param([(100, 5), (100, 0)] * 4, 1.0, id="too few tiles to know anything"),
        pytest.param([(100, 0)] * 60, 1.0, id="no failures"),
        pytest.param([(100, 100)] * 60, 1.0, id="nothing but failures"),
        pytest.param([(0, 0)] * 60, 1.0, id="no requests"),
        pytest.param([(900, 0)] * 59 + [(900, 600)], LARGEST, id="one storm"),
    ],
)
def test_scatter_where_it_cannot_be_told(tiles: list[tuple[float, float]], value: float) -> None:
    assert after(tiles).value == value


def test_a_storm_is_forgotten_after_a_while() -> None:
    assert after([(900, 600), *[(900, 5)] * 400]).value < 2


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 1)), max_size=80))
def test_scatter_stays_in_its_bounds(tiles: list[tuple[int, float]]) -> None:
    dispersion = after([(requests, int(requests * share)) for requests, share in tiles])
    assert 1 <= dispersion.value <= LARGEST
    assert dispersion.value <= dispersion.scatter < float("inf")
