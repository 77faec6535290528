"""Behaviour and traffic are what their fields say."""

from random import Random

import pytest

from linnet.simulation.behaviour import Behaviour, Change
from linnet.simulation.durations import nearest
from linnet.simulation.traffic import Traffic


@pytest.mark.parametrize(
    ("behaviour", "start", "end", "rate"),
    [
        pytest.param(Behaviour(0.01), 0, 15, 0.01, id="a plain rate holds all along"),
        pytest.param(
            Behaviour(0.01, (Change(0.2, end=10),)), 0, 10, 0.2, id="a cold start at first"
        ),
        pytest.param(
            Behaviour(0.01, (Change(0.2, end=10),)), 10, 15, 0.01, id="and no longer after it"
        ),
        pytest.param(
            Behaviour(0.0, (Change(0.3, end=5),)), 0, 15, 0.1, id="a tile has its mean rate"
        ),
        pytest.param(
            Behaviour(0.01, (Change(0.05, start=180),)), 180, 195, 0.05, id="a late fault"
        ),
        pytest.param(
            Behaviour(0.01, (Change(0.05, 0, 60), Change(0.5, 30, 60))),
            30,
            45,
            0.5,
            id="of two changes the worse one holds",
        ),
        pytest.param(
            Behaviour(0.01, drift=3.0, drift_seconds=100), 45, 55, 0.02, id="half way of a drift"
        ),
        pytest.param(
            Behaviour(0.5, drift=10.0, drift_seconds=10), 100, 110, 1.0, id="never above 1"
        ),
        pytest.param(Behaviour(0.5, drift=0.0, drift_seconds=10), 100, 110, 0.0, id="nor below 0"),
    ],
)
def test_the_error_rate(behaviour: Behaviour, start: float, end: float, rate: float) -> None:
    assert behaviour.error_rate(start, end) == pytest.approx(rate)


def test_one_percent_of_the_answers_take_longer_than_the_99th_percentile() -> None:
    assert Behaviour(p99=200).slower_than(200) == pytest.approx(0.01)
    assert Behaviour(p99=800).slower_than(200) > 0.2


@pytest.mark.parametrize(("p99", "edge"), [(90, 100), (200, 250), (3, 5), (0.01, 0.5)])
def test_slow_begins_at_the_nearest_bound_of_istios_histogram(p99: float, edge: float) -> None:
    assert nearest(p99) == edge


def test_bursts_bring_more_requests_but_no_fewer() -> None:
    expected = Traffic(10, burst=5).expected(Random(3), 400, 5)
    assert min(expected) == 50
    assert max(expected) == pytest.approx(250)
    assert 1.2 < sum(expected) / (400 * 50) < 2.2


def test_diurnal_traffic_swings_around_its_mean() -> None:
    expected = Traffic(10, swing=0.6).expected(Random(4), 5760, 15)
    assert sum(expected) / 5760 == pytest.approx(150, rel=1e-6)
    assert min(expected) == pytest.approx(60, rel=0.01)
    assert max(expected) == pytest.approx(240, rel=0.01)
