"""Recorded traffic is read as it was, or refused with the line that is wrong."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.analysis.tiles import Counts, Tile
from linnet.errors import SpecError
from linnet.simulation.recording import Recorded, Recording, read, write

GOOD = '{"time": 15, "canary": {"requests": 75, "errors": 4}, "primary": {"requests": 9}}'


def line(time: float, **sides: object) -> str:
    """Return a line for an interval that ends at `time`."""
    canary = {"requests": 75, "errors": 4}
    return json.dumps({"time": time, "canary": canary, "primary": canary, **sides})


def test_counts_are_read_as_they_are_written() -> None:
    canary = {"requests": 75, "errors": 4, "slow": 1.5}
    first = json.dumps({"time": 15, "canary": canary, "primary": {"requests": 675, "errors": 3}})
    lines = [first, "", '{"time": 30, "primary": null}']
    recording = read(lines, "x")
    assert recording.seconds == 15
    assert recording.intervals == (
        Recorded(15, Tile(Counts(75, 4, 1.5), Counts(675, 3))),
        Recorded(30, Tile(None, None)),
    )


def test_times_may_jitter_a_little() -> None:
    assert len(read([line(15), line(30), line(45.1), line(60)], "x").intervals) == 4


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        pytest.param([], "x is empty", id="nothing at all"),
        pytest.param(["\n", "  "], "x is empty", id="only blank lines"),
        pytest.param([line(15), "{"], "x, line 2: this is no JSON", id="no JSON"),
        pytest.param(["[" * 100_000], "x, line 1: this is no JSON", id="JSON nested too deeply"),
        pytest.param(["[1]"], "x, line 1: this is no object", id="a list"),
        pytest.param(['{"time": 15'], "x, line 1", id="a line cut off"),
        pytest.param(['{"canary": null}'], "x, line 1: time is missing", id="no time"),
        pytest.param(['{"time": "15"}'], 'time must be a number, not "15"', id="a time in quotes"),
        pytest.param(['{"time": true}'], "time must be a number, not true", id="true as a time"),
        pytest.param(
            [line(15), line(30), line(60)],
            "x, line 3: time is 60, but 45 comes 15 s after 30: intervals must be equally long,"
            ' without a gap; write {"time": 45} for one without data',
            id="a gap",
        ),
        pytest.param(
            [line(15), line(30), line(35)], "x, line 3: time is 35, but 45", id="too short a step"
        ),
        pytest.param(
            [line(15), "", line(15)], "x, line 3: time 15 comes after time 15", id="a time twice"
        ),
        pytest.param([line(30), line(15)], "x, line 2: time 15 comes after", id="wrong order"),
        pytest.param(
            ['{"time": NaN}'], "x, line 1: NaN is no number to judge by", id="NaN as a time"
        ),
        pytest.param(
            [line(15), line(30).replace("75", "NaN")], "x, line 2: NaN is no number", id="NaN"
        ),
        pytest.param([line(15).replace("75", "Infinity")], "x, line 1: Infinity", id="infinity"),
        pytest.param([line(15).replace("75", "1e400")], "x, line 1: canary", id="beyond a float"),
        pytest.param(
            [line(15, canary={"requests": 75, "errors": -4})],
            "x, line 1: canary.errors is -4: counts are increments, and never negative",
            id="a negative count",
        ),
        pytest.param(
            [line(15, primary={"requests": 3, "errors": 4})],
            "x, line 1: primary.errors is 4, more than the 3 requests it is a part of",
            id="more errors than requests",
        ),
        pytest.param(
            [line(15, primary={"requests": 3, "errors": 0, "slow": 4})],
            "x, line 1: primary.slow is 4, more than the 3",
            id="more slow requests than requests",
        ),
        pytest.param([GOOD], "x, line 1: primary.errors is missing", id="no count of errors"),
        pytest.param(
            [line(15, canary={"requests": "75", "errors": 0})],
            'x, line 1: canary.requests must be a number, not "75"',
            id="a count in quotes",
        ),
        pytest.param([line(15, canary=75)], "x, line 1: canary must be an object", id="no counts"),
        pytest.param(
            [line(15, canray={})],
            "x, line 1: canray is not known: there are time, canary, primary",
            id="a side misspelt",
        ),
        pytest.param(
            [line(15, canary={"requests": 7, "errors": 0, "slows": 1})],
            "x, line 1: canary.slows is not known",
            id="a count misspelt",
        ),
        pytest.param(['{"time": 15, "time": 30}'], "x, line 1: time is there twice", id="twice"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_line(lines: list[str], says: str) -> None:
    with pytest.raises(SpecError) as refused:
        read(lines, "x")
    assert says in str(refused.value)


COUNTS = st.integers(0, 10_000).flatmap(
    lambda n: st.builds(
        Counts,
        st.just(float(n)),
        st.integers(0, n).map(float),
        st.none() | st.integers(0, n).map(float),
    )
)
TILES = st.builds(Tile, st.none() | COUNTS, st.none() | COUNTS)


@given(st.lists(TILES, min_size=1, max_size=6), st.sampled_from([1.0, 5.0, 15.0]))
def test_what_is_written_is_read_back(tiles: list[Tile], seconds: float) -> None:
    seconds = seconds if len(tiles) > 1 else 15.0
    intervals = tuple(Recorded(seconds * k, tile) for k, tile in enumerate(tiles, start=1))
    recording = Recording(seconds, intervals)
    assert read(write(recording), "x") == recording


@given(st.text(max_size=60))
def test_no_text_crashes_the_reader(text: str) -> None:
    with suppress(SpecError):
        read(text.splitlines(), "x")
