"""The yardstick of a release: its grid of tiles, and how it is remembered."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.analysis.watch import Yardstick

NOW = 1_800_000_000.0
LENGTHS = st.sampled_from([0.1, 0.2, 0.5, 1.0, 1.5, 5.0, 7.0, 15.0, 30.0, 60.0])
TIMES = st.floats(min_value=NOW, max_value=NOW + 1e6)


@given(LENGTHS, TIMES)
def test_a_tile_is_over_before_it_is_read_and_the_next_one_is_not(
    seconds: float, at: float
) -> None:
    yardstick = Yardstick(seconds)
    index = yardstick.index(at)
    assert yardstick.end(index) <= at + 0.001
    assert yardstick.end(index + 1) > at - 0.001


@given(LENGTHS, TIMES)
def test_the_end_of_a_tile_belongs_to_it(seconds: float, at: float) -> None:
    yardstick = Yardstick(seconds)
    index = yardstick.index(at)
    assert yardstick.index(yardstick.end(index)) == index


@given(LENGTHS, TIMES)
def test_all_releases_have_the_same_grid(seconds: float, at: float) -> None:
    one, other = Yardstick(seconds, "source", 250), Yardstick(seconds)
    assert one.end(one.index(at)) == other.end(other.index(at))
    if float(seconds).is_integer():
        assert one.end(one.index(at)) % seconds == 0


@pytest.mark.parametrize(
    "yardstick",
    [Yardstick(5, "source", 250.0), Yardstick(0.2), Yardstick(15, "destination", None)],
)
def test_it_is_remembered(yardstick: Yardstick) -> None:
    memory = json.loads(json.dumps(yardstick.memory()))
    assert Yardstick.resume(memory) == yardstick


@pytest.mark.parametrize(
    "memory",
    [
        {},
        {"seconds": 0, "reporter": "source"},
        {"seconds": -5, "reporter": "source"},
        {"seconds": "5", "reporter": "source"},
        {"seconds": True, "reporter": "source"},
        {"seconds": float("inf"), "reporter": "source"},
        {"seconds": 5},
    ],
)
def test_what_is_no_memory_is_none(memory: dict[str, Any]) -> None:
    assert Yardstick.resume(memory) is None
