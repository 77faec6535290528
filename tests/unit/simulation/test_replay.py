"""Replaying recorded traffic: what the policy would have decided, and what that would have been."""

import pytest

from linnet.analysis.policy import RulingVerdict
from linnet.analysis.tiles import Counts, Tile
from linnet.api.guard import Guard
from linnet.simulation.hindsight import Judgement, Truth, reckon
from linnet.simulation.recording import Recorded, Recording
from linnet.simulation.replay import Candidate, Judged, replay
from unit.simulation.worlds import analysis

ALONE = Candidate("default guard")
CHECKED = Candidate("checked", analysis())

HEALTHY = Tile(Counts(75, 0), Counts(675, 3))
WORSE = Tile(Counts(75, 4), Counts(675, 3))
BOTH_FAIL = Tile(Counts(75, 30), Counts(675, 270))
NO_CANARY = Tile(None, Counts(750, 3))
NO_PRIMARY = Tile(Counts(75, 0), None)
NOTHING = Tile(None, None)


def recorded(*tiles: Tile, seconds: float = 15.0, start: float = 0.0) -> Recording:
    """Return these tiles, one after the other."""
    return Recording(
        seconds,
        tuple(Recorded(start + seconds * k, tile) for k, tile in enumerate(tiles, start=1)),
    )


def decisions(candidate: Candidate, *tiles: Tile) -> list[Judged]:
    return list(replay(candidate, recorded(*tiles)))


def verdicts(candidate: Candidate, *tiles: Tile) -> list[str]:
    return [judged.verdict.value for judged in decisions(candidate, *tiles)]


def test_the_worked_example_comes_out_to_its_digits() -> None:
    found = decisions(ALONE, WORSE, WORSE, WORSE)
    relative = [judged.evidence[0].relative for judged in found]
    assert [float(f"{value:.2g}") for value in relative] == [2.8, 14, 85]
    assert [judged.verdict.value for judged in found] == ["hold", "hold", "rollback"]
    assert [judged.weight for judged in found] == [10, 10, 0]


@pytest.mark.parametrize(
    ("tiles", "ends"),
    [
        pytest.param([HEALTHY] * 200, "hold", id="a healthy canary is left alone, for ever"),
        pytest.param(
            [*[HEALTHY] * 200, *[WORSE] * 8], "rollback", id="a late fault is noticed all the same"
        ),
        pytest.param([BOTH_FAIL] * 20, "freeze", id="while both sides fail nobody is blamed"),
        pytest.param([NOTHING] * 20, "hold", id="no data is no verdict"),
        pytest.param([NO_CANARY] * 20, "hold", id="a release that never began is none"),
        pytest.param(
            [*[NO_CANARY] * 5, *[WORSE] * 4], "rollback", id="the release begins in mid-recording"
        ),
    ],
)
def test_the_guard_alone(tiles: list[Tile], ends: str) -> None:
    assert verdicts(ALONE, *tiles)[-1] == ends


def test_a_ladder_is_climbed_and_ends_the_replay() -> None:
    found = decisions(CHECKED, *[HEALTHY] * 20)
    steps = [(j.at, j.verdict.value, j.weight) for j in found if j.verdict.value != "hold"]
    assert steps == [(60, "advance", 50), (120, "promote", 50)]
    assert len(found) == 8


def test_checks_are_measured_from_the_recording() -> None:
    unguarded = Candidate("x", analysis(guard={"enabled": False}))
    found = decisions(unguarded, *[WORSE] * 20)
    assert [j.at for j in found if j.reason in ("CheckFailed", "AnalysisFailed")] == [60, 120]
    assert found[-1].verdict is RulingVerdict.ROLLBACK
    assert "94.6" in found[-1].message


def test_intervals_before_the_release_tell_about_the_primary() -> None:
    clustered = [Tile(None, Counts(750, 40 if k % 10 == 0 else 0)) for k in range(60)]
    plain = decisions(ALONE, WORSE, WORSE, WORSE)
    warned = decisions(ALONE, *clustered, WORSE, WORSE, WORSE)
    assert warned[-1].evidence[0].relative < plain[-1].evidence[0].relative
    assert warned[-1].verdict is RulingVerdict.HOLD


def test_the_guard_alone_takes_the_weight_from_the_recording() -> None:
    idle = Tile(Counts(75, 0), Counts(0, 0))
    for unknown in (NO_PRIMARY, idle):
        assert {judged.weight for judged in decisions(ALONE, unknown, HEALTHY, HEALTHY)} == {10}
    assert {judged.weight for judged in decisions(ALONE, idle)} == {100}


@pytest.mark.parametrize(
    ("candidate", "tiles", "reason", "says"),
    [
        pytest.param(
            ALONE, [NO_PRIMARY] * 30, "NoData", "no data on the primary's", id="no primary at all"
        ),
        pytest.param(
            Candidate("unchecked", analysis(metrics=[])),
            [NO_PRIMARY] * 30,
            "NoData",
            "no data on the primary's",
            id="the same with steps, long enough to go back",
        ),
        pytest.param(
            ALONE, [HEALTHY, NO_PRIMARY], "NoData", "no data on the primary's", id="lost primary"
        ),
        pytest.param(
            ALONE, [HEALTHY, NO_CANARY], "NoData", "no data on the canary's", id="lost canary"
        ),
        pytest.param(
            ALONE,
            [HEALTHY, Tile(Counts(0, 0), Counts(750, 3))],
            "NoTraffic",
            "the canary gets no requests",
            id="a canary without requests",
        ),
        pytest.param(
            ALONE, [NOTHING], "NoData", "without data on either side", id="nothing at all"
        ),
        pytest.param(
            ALONE, [NO_CANARY], "NoTraffic", "before the first traffic", id="no canary yet"
        ),
        pytest.param(ALONE, [HEALTHY, NO_PRIMARY, HEALTHY], "Watching", "of 20", id="both again"),
    ],
)
def test_what_there_is_nothing_to_judge_by_holds_and_says_why(
    candidate: Candidate, tiles: list[Tile], reason: str, says: str
) -> None:
    last = decisions(candidate, *tiles)[-1]
    assert (last.verdict, last.reason) == (RulingVerdict.HOLD, reason)
    assert says in last.message


def test_slow_requests_are_a_process_of_their_own() -> None:
    slow = Tile(Counts(75, 0, 30), Counts(675, 3, 7))
    found = decisions(ALONE, *[slow] * 5)
    assert found[-1].verdict is RulingVerdict.ROLLBACK
    shown = found[-1].to_object()["evidence"]
    assert shown["latency"]["relative"] > shown["relative"]


def test_a_metric_that_was_not_recorded_is_named() -> None:
    metrics = [
        {"name": "request-success-rate", "thresholdRange": {"min": 99}},
        {"name": "queue", "query": "x", "thresholdRange": {"max": 1}},
    ]
    assert [m.name for m in Candidate("x", analysis(metrics=metrics)).unmeasured()] == ["queue"]


def test_the_times_are_those_of_the_recording() -> None:
    found = list(replay(ALONE, recorded(WORSE, WORSE, WORSE, start=1_700_000_000)))
    assert [j.at for j in found] == [1_700_000_015, 1_700_000_030, 1_700_000_045]
    assert found[-1].verdict is RulingVerdict.ROLLBACK


@pytest.mark.parametrize(
    ("candidate", "tiles", "judgement"),
    [
        pytest.param(ALONE, [WORSE] * 40, Judgement.CAUGHT, id="worse, taken back: caught"),
        pytest.param(
            Candidate("x", analysis(guard={"enabled": False}, metrics=[])),
            [WORSE] * 40,
            Judgement.MISSED,
            id="worse, promoted: missed",
        ),
        pytest.param(ALONE, [HEALTHY] * 40, Judgement.PASSED, id="healthy, left alone: passed"),
        pytest.param(
            Candidate(
                "x",
                analysis(
                    threshold=1,
                    metrics=[{"name": "request-success-rate", "thresholdRange": {"min": 100}}],
                ),
            ),
            [*[HEALTHY] * 3, Tile(Counts(75, 1), Counts(675, 8)), *[HEALTHY] * 40],
            Judgement.FALSE_ALARM,
            id="healthy, taken back: a false alarm",
        ),
        pytest.param(
            ALONE,
            [*[HEALTHY] * 200, *[WORSE] * 12],
            Judgement.CAUGHT,
            id="worse for the last three minutes of an hour is worse",
        ),
        pytest.param(ALONE, [NOTHING] * 5, Judgement.UNCLEAR, id="without traffic nobody knows"),
    ],
)
def test_judgements(candidate: Candidate, tiles: list[Tile], judgement: Judgement) -> None:
    assert reckon(candidate, recorded(*tiles), Guard()).judgement is judgement


def test_what_comes_after_the_rollback_would_have_been_spared() -> None:
    reckoning = reckon(ALONE, recorded(*[WORSE] * 10), Guard())
    assert reckoning.seconds == 45
    assert reckoning.failed_requests == 40
    # Seven tiles come after it; the primary would have failed 3 in 675 of their requests.
    assert reckoning.spared == pytest.approx(7 * (4 - 75 * 3 / 675))


def test_the_user_may_know_better_what_the_canary_was() -> None:
    reckoning = reckon(ALONE, recorded(*[WORSE] * 10), Guard(), truth=Truth.NO_WORSE)
    assert reckoning.judgement is Judgement.FALSE_ALARM
