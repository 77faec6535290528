"""How long a fault must last before it is believed."""

from collections.abc import Sequence
from math import exp, log

import pytest

from linnet.analysis.guard.persistence import (
    ERROR_GRADES,
    LATENCY_GRADES,
    Grade,
    Persistence,
)

NEEDED = 20.0


def least_tiles(
    requests: float,
    bad: float,
    seconds: float,
    scatter: float = 1.0,
    grades: Sequence[Grade] = ERROR_GRADES,
) -> int:
    """How many tiles like this one it takes at least, were each as bad as can be."""
    cap = Persistence.of(grades, NEEDED, seconds).cap(requests, bad, scatter)
    return round(log(2 * NEEDED) / cap + 0.49)


@pytest.mark.parametrize(
    ("requests", "bad", "seconds", "tiles"),
    [
        pytest.param(100, 100, 5, 2, id="everything fails: two scrapes"),
        pytest.param(100, 100, 15, 2, id="everything fails, at 15 s: two scrapes"),
        pytest.param(100, 100, 1, 6, id="everything fails, at 1 s: no less than 6 s"),
        pytest.param(100, 50, 5, 3, id="half fails: 15 s"),
        pytest.param(100, 5, 5, 4, id="a few percent: 20 s"),
        pytest.param(100, 5, 10, 2, id="a few percent, at 10 s: 20 s"),
        pytest.param(100, 5, 15, 2, id="a few percent, at 15 s: 30 s"),
        pytest.param(100, 5, 60, 2, id="never on one scrape alone"),
        pytest.param(1, 1, 5, 4, id="one of one is no storm"),
        pytest.param(2, 2, 5, 3, id="two of two may be one: 15 s"),
        pytest.param(7, 7, 5, 3, id="seven of seven, too"),
        pytest.param(8, 8, 5, 2, id="eight of eight are one: two scrapes"),
        pytest.param(12, 11, 5, 3, id="one good one among twelve: 15 s"),
    ],
)
def test_the_worse_the_sooner(requests: float, bad: float, seconds: float, tiles: int) -> None:
    assert least_tiles(requests, bad, seconds) == tiles


@pytest.mark.parametrize(
    ("bad", "scatter", "tiles"),
    [
        pytest.param(5, 8, 4, id="failures in small clusters are corrected for elsewhere"),
        pytest.param(5, 16, 8, id="where the primary fails in storms, twice as long"),
        pytest.param(5, 1e6, 12, id="but no more than three times as long"),
        pytest.param(100, 30, 2, id="a total failure is not what storms are like"),
        pytest.param(100, 100, 4, id="unless the primary's are as bad"),
    ],
)
def test_storms_of_the_primary_ask_for_patience(bad: float, scatter: float, tiles: int) -> None:
    assert least_tiles(100, bad, 5, scatter) == tiles


def test_slow_answers_are_given_more_time_than_failures() -> None:
    for bad in (5, 50, 100):
        slow = least_tiles(100, bad, 5, grades=LATENCY_GRADES)
        assert slow > least_tiles(100, bad, 5)
        assert slow <= 6  # 30 s


def test_a_worse_tile_never_adds_less() -> None:
    persistence = Persistence.of(ERROR_GRADES, NEEDED, 5)
    caps = [exp(persistence.cap(100, bad, 1.0)) for bad in range(101)]
    assert caps == sorted(caps)
