"""The automaton's rules, as sentences."""

from typing import Any

import pytest

from linnet.analysis.policy import (
    Absence,
    RulingVerdict,
    Sample,
    begin,
    check_due,
    observe_before,
    step,
)
from linnet.analysis.policy.outlook import outlook
from unit.analysis.policy.releases import (
    FAILED,
    METRIC,
    PASSED,
    UNKNOWN,
    every,
    play,
    policy,
    started,
    tile,
)

HOLD, ADVANCE, ROLLBACK, PROMOTE, FREEZE = (
    RulingVerdict.HOLD,
    RulingVerdict.ADVANCE,
    RulingVerdict.ROLLBACK,
    RulingVerdict.PROMOTE,
    RulingVerdict.FREEZE,
)
GOOD = tile()
DEAD = tile(canary=(25, 25))
BOTH_BAD = tile(canary=(25, 2), primary=(225, 18))
NO_TRAFFIC = tile(canary=(0, 0))
NO_DATA = tile(canary=None, primary=None)


def checked(at: float, check: Any, **more: Any) -> Sample:
    return Sample(at, tile=GOOD, check=check, **more)


@pytest.mark.parametrize(
    ("samples", "verdict", "weight", "reason"),
    [
        pytest.param([], ADVANCE, 10, "Advanced", id="starts at the first step"),
        pytest.param([Sample(5, tile=GOOD)], HOLD, 10, "Watching", id="holds between checks"),
        pytest.param([checked(30, PASSED)], ADVANCE, 30, "Advanced", id="steps on a passed check"),
        pytest.param(
            [checked(30, PASSED), checked(60, PASSED), checked(90, PASSED)],
            PROMOTE,
            50,
            "Promoting",
            id="promotes after the last step",
        ),
        pytest.param([checked(30, FAILED)], HOLD, 10, "CheckFailed", id="counts a failed check"),
        pytest.param(
            [checked(30, FAILED), checked(60, FAILED), checked(90, FAILED)],
            ROLLBACK,
            0,
            "AnalysisFailed",
            id="takes back at the check that reaches the threshold",
        ),
        pytest.param(
            [checked(30, FAILED), checked(60, PASSED), checked(90, FAILED), checked(120, FAILED)],
            ROLLBACK,
            0,
            "AnalysisFailed",
            id="does not forgive failed checks for a passed one",
        ),
        pytest.param(
            [checked(30, UNKNOWN)], HOLD, 10, "Inconclusive", id="holds without a verdict"
        ),
        pytest.param(
            [checked(30, PASSED, held="spec.paused is true", held_by="Paused")],
            HOLD,
            10,
            "Paused",
            id="does not step while held",
        ),
        pytest.param(
            every(5, [DEAD] * 2), ROLLBACK, 0, "GuardTripped", id="takes back after two scrapes"
        ),
        pytest.param(
            every(5, [DEAD] * 2, held="spec.paused is true"),
            ROLLBACK,
            0,
            "GuardTripped",
            id="takes back while held",
        ),
        pytest.param(every(5, [DEAD]), HOLD, 10, "Watching", id="not after one"),
        pytest.param(
            every(5, [DEAD, DEAD, GOOD]), HOLD, 0, "Over", id="does nothing after the end"
        ),
        pytest.param(
            every(5, [BOTH_BAD] * 6),
            FREEZE,
            10,
            "PrimaryMissesObjective",
            id="freezes while the primary fails",
        ),
        pytest.param(
            [*every(5, [BOTH_BAD] * 6), Sample(35, tile=BOTH_BAD, check=PASSED)],
            FREEZE,
            10,
            "PrimaryMissesObjective",
            id="does not step while the primary fails",
        ),
        pytest.param(
            [
                *every(5, [BOTH_BAD] * 6),
                *(Sample(35 + 5 * i, tile=BOTH_BAD, check=FAILED) for i in range(5)),
            ],
            FREEZE,
            10,
            "PrimaryMissesObjective",
            id="counts no failed check while the primary fails",
        ),
        pytest.param(
            [*every(5, [BOTH_BAD] * 6), *every(5, [tile((25, 25), (225, 18))] * 4, start=30)],
            ROLLBACK,
            0,
            "GuardTripped",
            id="takes back what is far worse than a failing primary",
        ),
        pytest.param(
            [*every(5, [BOTH_BAD] * 6), *every(5, [GOOD] * 40, start=30)],
            HOLD,
            10,
            "Watching",
            id="thaws when the primary is well again",
        ),
        pytest.param(
            [checked(30, PASSED), *every(5, [NO_TRAFFIC] * 18, start=30)],
            HOLD,
            30,
            "NoTraffic",
            id="waits for traffic up to blindTimeout",
        ),
        pytest.param(
            [checked(30, PASSED), *every(5, [NO_TRAFFIC] * 19, start=30)],
            HOLD,
            10,
            "NoTraffic",
            id="goes back to the first step without traffic",
        ),
        pytest.param(
            [checked(30, PASSED), *every(5, [NO_DATA] * 19, start=30)],
            HOLD,
            10,
            "NoData",
            id="goes back to the first step without data",
        ),
        pytest.param(
            [checked(30, PASSED), Sample(125, absent="connection refused")],
            HOLD,
            10,
            "PrometheusUnavailable",
            id="goes back to the first step without Prometheus",
        ),
        pytest.param(
            [checked(30, PASSED), Sample(125, absent="away"), checked(130, PASSED)],
            ADVANCE,
            30,
            "Advanced",
            id="climbs again when there is data",
        ),
        pytest.param(
            [checked(30, PASSED), Sample(60, absent="away", check=UNKNOWN)],
            HOLD,
            30,
            "Inconclusive",
            id="a check without data does not count",
        ),
    ],
)
def test_the_last_ruling(
    samples: list[Sample], verdict: RulingVerdict, weight: int, reason: str
) -> None:
    rules = policy()
    ruling = play(rules, begin(rules, 0), [Sample(0), *samples])[-1]
    assert (ruling.verdict, ruling.weight, ruling.reason) == (verdict, weight, reason)


@pytest.mark.parametrize(
    ("held", "verdict", "weight"),
    [
        pytest.param("", ADVANCE, 10, id="starts when nothing holds it"),
        pytest.param("the canary is not ready", HOLD, 0, id="waits while something does"),
    ],
)
def test_first_traffic(held: str, verdict: RulingVerdict, weight: int) -> None:
    rules = policy()
    ruling = step(rules, begin(rules, 0), Sample(7, held=held, held_by="CanaryNotReady"))
    assert (ruling.verdict, ruling.weight) == (verdict, weight)
    assert ruling.state.since == (7 if weight else None)
    assert check_due(ruling.state, 37.5) is bool(weight)
    assert not check_due(ruling.state, 37)


def test_data_that_fails_takes_back_where_the_user_wants_it() -> None:
    rules = policy(onNoData="fail", threshold=2)
    ruling = play(
        rules, started(rules), [Sample(at, absent="away", check=UNKNOWN) for at in (30, 60)]
    )[-1]
    assert (ruling.verdict, ruling.reason) == (ROLLBACK, "AnalysisFailed")


@pytest.mark.parametrize(
    ("samples", "verdict"),
    [
        pytest.param([Sample(30, tile=NO_TRAFFIC, check=PASSED)], HOLD, id="no requests: holds"),
        pytest.param([Sample(30, absent="away", check=PASSED)], HOLD, id="no data: holds"),
        pytest.param(
            [Sample(25, tile=GOOD), Sample(30, tile=NO_TRAFFIC, check=PASSED)],
            ADVANCE,
            id="some requests since the last check: steps",
        ),
    ],
)
def test_without_metrics_it_takes_requests_to_pass(
    samples: list[Sample], verdict: RulingVerdict
) -> None:
    rules = policy(metrics=[])
    assert play(rules, started(rules), samples)[-1].verdict is verdict


def test_without_guard_and_metrics_a_ready_canary_passes() -> None:
    rules = policy(metrics=[], guard={"enabled": False})
    assert play(rules, started(rules), [Sample(30, check=PASSED)])[-1].verdict is ADVANCE


def test_without_guard_nothing_but_the_checks_takes_back() -> None:
    rules = policy(guard={"enabled": False})
    rulings = play(rules, started(rules), every(5, [DEAD] * 20))
    assert {ruling.verdict for ruling in rulings} == {HOLD}
    assert not rulings[-1].evidence
    assert not rulings[-1].findings


@pytest.mark.parametrize(
    ("slow", "verdict"),
    [
        pytest.param(24, ROLLBACK, id="nearly everything is slow"),
        pytest.param(1, HOLD, id="no more than what is always tolerated"),
    ],
)
def test_slow_answers_take_back(slow: float, verdict: RulingVerdict) -> None:
    rules = policy(latency=250)
    tiles = [tile((25, 0, slow), (225, 1, 3))] * 12
    ends = play(rules, started(rules), every(5, tiles))
    assert (ends[-1].state.over, verdict is ROLLBACK) in {(True, True), (False, False)}
    if verdict is ROLLBACK:
        assert "slowly" in next(r.message for r in ends if r.verdict is ROLLBACK)


def test_latency_and_errors_share_the_chance_of_a_mistake() -> None:
    alone, both = policy(), policy(latency=250)
    assert alone.guard
    assert both.guard
    assert (alone.guard.needed, both.guard.needed) == (20, 40)
    assert policy(latency=250, guard={"latency": {"enabled": False}}).guard == alone.guard


EVIDENCE: dict[str, Any] = {"evidence": True, "minSoak": "60s", "deadline": "10m"}
CLEAN = tile((50, 0), (225, 0))


def last_checks(count: int, each: Any = CLEAN, **sample: Any) -> list[Sample]:
    """Tiles with a passed check at every sixth, as each 30 s."""
    return [
        Sample(5.0 * i, tile=each, check=PASSED if i % 6 == 0 else None, **sample)
        for i in range(1, count + 1)
    ]


@pytest.mark.parametrize(
    ("promotion", "tiles", "verdict", "reason"),
    [
        pytest.param({}, 12, ADVANCE, "Advanced", id="climbs as ever"),
        pytest.param({}, 18, PROMOTE, "Promoting", id="promotes with evidence after the soak"),
        pytest.param({"minSoak": "5m"}, 18, HOLD, "Soaking", id="soaks"),
        pytest.param({"margin": 0.1}, 18, HOLD, "AwaitingEvidence", id="waits for evidence"),
        pytest.param({"margin": 0.1, "deadline": "2m"}, 24, HOLD, "Undecided", id="holds"),
        pytest.param(
            {"margin": 0.1, "deadline": "2m", "onUndecided": "rollback"},
            24,
            ROLLBACK,
            "Undecided",
            id="takes back what stays undecided",
        ),
        pytest.param(
            {"margin": 0.1, "deadline": "2m", "onUndecided": "promote"},
            24,
            PROMOTE,
            "Promoting",
            id="promotes what stays undecided",
        ),
    ],
)
def test_promotion_by_evidence(
    promotion: dict[str, Any], tiles: int, verdict: RulingVerdict, reason: str
) -> None:
    rules = policy(promotion=EVIDENCE | promotion)
    ruling = play(rules, started(rules), last_checks(tiles))[-1]
    assert (ruling.verdict, ruling.reason) == (verdict, reason)
    assert ruling.alert is ("deadline" in promotion)


def test_evidence_that_comes_after_the_deadline_still_promotes() -> None:
    rules = policy(promotion=EVIDENCE | {"margin": 0.2, "deadline": "2m"})
    rulings = play(rules, started(rules), last_checks(120))
    reasons = [ruling.reason for ruling in rulings]
    assert "Promoting" in reasons[reasons.index("Undecided") :]


def test_undecided_stays_the_reason_and_alerts_once() -> None:
    rules = policy(promotion=EVIDENCE | {"margin": 0.1, "deadline": "2m"})
    rulings = play(rules, started(rules), last_checks(60))
    late = rulings[[ruling.alert for ruling in rulings].index(True) :]
    told = [ruling for ruling in late if ruling.reason != "Watching"]
    assert len(told) > 2
    assert {ruling.reason for ruling in told} == {"Undecided"}
    assert [ruling.alert for ruling in late].count(True) == 1
    assert told[-1].message.startswith("undecided after 5 min")


def test_slow_answers_keep_evidence_from_promoting() -> None:
    rules = policy(latency=250, promotion=EVIDENCE)
    slow = tile((50, 0, 3), (225, 0, 2))
    assert play(rules, started(rules), last_checks(60, slow))[-1].reason == "AwaitingEvidence"


def test_no_step_leaves_nothing_to_compare_with() -> None:
    assert policy(promotion=EVIDENCE, stepWeights=[10, 100]).ladder == (10,)
    assert policy(stepWeights=[10, 100]).ladder == (10, 100)


def test_a_ramp_follows_the_budget_and_the_checks() -> None:
    rules = policy(ramp={"exposureBudget": 20}, promotion=EVIDENCE | {"minSoak": "5m"})
    busy = [(-5.0 * i, tile(None, (250, 0))) for i in range(59, -1, -1)]
    state = step(rules, observe_before(rules, begin(rules, 0), busy), Sample(0)).state
    assert state.weight == 2
    clean = play(rules, state, every(5, [tile((10, 0), (240, 0))] * 30))
    weights = [ruling.weight for ruling in clean]
    assert weights == sorted(weights)
    assert 20 <= weights[-1] <= 50
    failing = play(rules, clean[-1].state, [Sample(155, tile=GOOD, check=FAILED)])[-1]
    after = play(rules, failing.state, every(5, [GOOD] * 5, start=155))
    assert {ruling.verdict for ruling in after} == {HOLD}


def test_what_needs_a_person_is_said_once() -> None:
    rules = policy()
    frozen = play(rules, started(rules), every(5, [BOTH_BAD] * 20))
    assert [ruling.alert for ruling in frozen].count(True) == 1
    blind = play(rules, started(rules), [Sample(5.0 * i, absent="away") for i in range(1, 60)])
    assert [ruling.alert for ruling in blind].count(True) == 1


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        pytest.param([], ["weight 0 → 10"], id="a step"),
        pytest.param(
            every(15, [tile((75, 4), (675, 3))] * 3),
            ["12 of 225 (5.33%)", "9 of 2025 (0.444%)", "85", "87", "0.5%", "20 is enough"],
            id="a rollback has the counts and rates of both sides, and the evidence",
        ),
        pytest.param(
            every(15, [tile((75, 4), (675, 3))]),
            ["canary 4/75 failed", "primary 3/675 failed", "2.8 and 2.8 of 20"],
            id="so has a hold",
        ),
        pytest.param(
            [Sample(15, tile=GOOD, check=FAILED)],
            ["request-success-rate 90 is below the minimum 99", "failed check 1 of 3"],
            id="a failed check has its figures",
        ),
        pytest.param(
            every(15, [BOTH_BAD] * 8),
            ["the primary itself fails 8% of its requests for", "more than 1%"],
            id="a freeze says what the primary does",
        ),
        pytest.param(
            every(15, [GOOD, *[NO_TRAFFIC] * 7]),
            [
                "the canary gets no requests",
                "for 105 s",
                "blindTimeout (90 s)",
                "holding at weight 10",
            ],
            id="blindness says of which kind, and since when",
        ),
        pytest.param(
            [Sample(15, tile=GOOD), Sample(20, absent="Prometheus: connection refused")],
            ["Prometheus: connection refused", "for 5 s"],
            id="from its beginning",
        ),
    ],
)
def test_messages(samples: list[Sample], words: list[str]) -> None:
    rules = policy(seconds=15)
    message = play(rules, begin(rules, 0), [Sample(0), *samples])[-1].message
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    ("analysis", "samples", "words"),
    [
        pytest.param({}, [], ["weight 30 if the next check passes"], id="the next step"),
        pytest.param(
            {},
            [Sample(15, tile=GOOD, check=FAILED)],
            ["taken back after 2 more failed checks"],
            id="checks that may still fail",
        ),
        pytest.param(
            {"interval": "60s"},
            every(15, [tile((75, 4), (675, 3))] * 2),
            [
                "taken back at evidence 20 (14 at the last count)",
                "about 509 more clean requests (102 s of traffic)",
            ],
            id="what would clear it",
        ),
        pytest.param(
            {"promotion": EVIDENCE | {"minSoak": "5m"}},
            every(15, [CLEAN] * 2),
            [
                "promotion 5 min after the first traffic at the soonest",
                "after about 279 more clean requests (83 s of traffic)",
            ],
            id="evidence to promote",
        ),
        pytest.param(
            {},
            [Sample(15, tile=GOOD), Sample(25, absent="away")],
            ["back to the first step after 90 s without any"],
            id="blind",
        ),
        pytest.param(
            {}, every(15, [BOTH_BAD] * 8), ["the primary has met its objective"], id="frozen"
        ),
    ],
)
def test_what_would_change_it(
    analysis: dict[str, Any], samples: list[Sample], words: list[str]
) -> None:
    rules = policy(**{"seconds": 15} | analysis)
    ruling = play(rules, begin(rules, 0), [Sample(0), *samples])[-1]
    assert [word for word in words if word not in ruling.outlook] == []
    later = outlook(rules, ruling.state, ruling.at + 10)
    assert later == ruling.outlook, "it is read until the next decision"


@pytest.mark.parametrize("threshold", [1, 2])
def test_a_lowered_threshold_acts_at_the_next_failed_check(threshold: int) -> None:
    before, lowered = policy(seconds=15), policy(seconds=15, threshold=threshold)
    failed = [Sample(15, tile=GOOD, check=FAILED), Sample(45, tile=GOOD, check=FAILED)]
    state = play(before, started(before), failed)[-1].state
    assert outlook(lowered, state, 50).startswith("taken back after 1 more failed check; ")
    passed, again = play(lowered, state, [Sample(60, tile=GOOD), Sample(75, check=FAILED)])
    assert (passed.verdict, again.verdict) == (HOLD, ROLLBACK)


def test_exposure_counts_what_the_canary_served() -> None:
    rules = policy(metrics=[METRIC])
    ruling = play(rules, started(rules), every(5, [tile((25, 1))] * 4))[-1]
    assert (ruling.exposure.requests, ruling.exposure.errors) == (100, 4)


@pytest.mark.parametrize("absence", list(Absence))
def test_a_reason_may_be_given_with_the_lack_of_data(absence: Absence) -> None:
    rules = policy()
    samples = [Sample(95, tile=NO_DATA, absent="no label reporter", absence=absence)]
    ruling = play(rules, started(rules), samples)[-1]
    assert ruling.reason == absence.value
    assert "no label reporter" in ruling.message
