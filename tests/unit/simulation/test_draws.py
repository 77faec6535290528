"""Random counts have the distribution that they claim."""

import math
from random import Random

import pytest

from linnet.simulation.draws import poisson


def cumulative(mean: float, up_to: int) -> list[float]:
    """Return the exact probabilities of at most 0, 1, 2 …"""
    total, found = 0.0, []
    for count in range(up_to):
        total += math.exp(-mean + count * math.log(mean) - math.lgamma(count + 1))
        found.append(total)
    return found


@pytest.mark.parametrize("mean", [0.3, 5.0, 11.99, 12.0, 75.0, 675.0])
def test_a_quantile_is_the_exact_one_or_next_to_it(mean: float) -> None:
    exact = cumulative(mean, int(mean + 12 * math.sqrt(mean) + 20))
    random, wrong = Random(1), 0
    for _ in range(3000):
        uniform = random.random()
        expected = next(count for count, p in enumerate(exact) if p >= uniform)
        found = poisson(mean, uniform)
        assert abs(found - expected) <= 1
        wrong += found != expected
    assert wrong <= 3000 / 100


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2**-53])
@pytest.mark.parametrize("mean", [0.0, 1e-9, 3.0, 1e6])
def test_the_ends_of_the_range_are_counts_like_any_other(mean: float, uniform: float) -> None:
    assert 0 <= poisson(mean, uniform) <= mean + 12 * math.sqrt(mean) + 40


def test_more_traffic_never_means_fewer_requests_in_the_same_luck() -> None:
    random = Random(2)
    for _ in range(500):
        uniform, mean = random.random(), random.uniform(0, 60)
        assert poisson(mean, uniform) <= poisson(mean * 1.5, uniform)
