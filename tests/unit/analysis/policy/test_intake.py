"""Which tiles are evidence: late, doubled, after a gap, after a reset, after a restart."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linnet.analysis.policy import (
    Policy,
    ReleaseState,
    Ruling,
    RulingVerdict,
    Sample,
    begin,
    observe_before,
    step,
)
from linnet.analysis.tiles import Counts, Tile
from unit.analysis.policy.releases import PASSED, every, play, policy, started, tile

NAN = float("nan")
GOOD = tile()
BAD = tile(canary=(25, 12))
NO_CANARY = tile(canary=None)
NO_PRIMARY = tile(primary=None)
NOTHING = tile(canary=None, primary=None)


def counted(samples: list[Sample], rules: Policy | None = None) -> list[bool]:
    rules = rules or policy()
    return [ruling.counted for ruling in play(rules, started(rules), samples)]


@pytest.mark.parametrize(
    ("tiles", "evidence"),
    [
        pytest.param([GOOD, GOOD], [True, True], id="both sides known: evidence"),
        pytest.param(
            [GOOD, NO_CANARY, GOOD, GOOD],
            [True, False, False, True],
            id="the first tile after one without the canary is none",
        ),
        pytest.param(
            [GOOD, NO_PRIMARY, GOOD, GOOD],
            [True, False, False, True],
            id="nor after one without the primary",
        ),
        pytest.param(
            [GOOD, NOTHING, NOTHING, BAD, BAD],
            [True, False, False, False, True],
            id="nor after Prometheus lost everything",
        ),
        pytest.param(
            [NO_CANARY, NO_CANARY, GOOD],
            [False, False, True],
            id="a canary's first requests are",
        ),
        pytest.param(
            [NOTHING, GOOD, GOOD], [False, False, True], id="unless the primary is new as well"
        ),
        pytest.param(
            [tile(canary=(0, 0)), GOOD], [False, True], id="no requests are data, but no evidence"
        ),
        pytest.param(
            [tile(canary=(-3, 0)), GOOD, GOOD],
            [False, True, True],
            id="negative counts are no data",
        ),
        pytest.param(
            [GOOD, tile(primary=(NAN, 0)), GOOD, GOOD],
            [True, False, False, True],
            id="nor are numbers that are none",
        ),
    ],
)
def test_evidence(tiles: list[Tile], evidence: list[bool]) -> None:
    assert counted(every(5, tiles)) == evidence


@pytest.mark.parametrize(
    ("ends", "evidence"),
    [
        pytest.param([5, 10], [True, True], id="in order"),
        pytest.param([5, 5], [True, False], id="not twice"),
        pytest.param([10, 5], [True, False], id="not what comes too late"),
        pytest.param([5, 20, 25], [True, False, True], id="not what comes after a hole"),
    ],
)
def test_the_order_of_tiles(ends: list[float], evidence: list[bool]) -> None:
    assert counted([Sample(30, tile=GOOD, end=end) for end in ends]) == evidence


def test_a_tile_from_before_the_first_traffic_is_no_evidence() -> None:
    rules = policy()
    state = step(rules, begin(rules, 0), Sample(100)).state
    rulings = play(rules, state, [Sample(105, BAD, end=100), Sample(110, BAD, end=105)])
    assert [ruling.counted for ruling in rulings] == [False, True]


def test_a_whole_life_of_errors_at_once_takes_nothing_back() -> None:
    """As when Prometheus has lost its data, and both counters come back at their totals."""
    life = tile(canary=(5000, 4000), primary=(900_000, 4000))
    rules = policy()
    tiles = [GOOD, NOTHING, life, GOOD, GOOD, NO_CANARY, life, GOOD, NO_PRIMARY, life, GOOD]
    rulings = play(rules, started(rules), every(5, tiles))
    assert {ruling.verdict for ruling in rulings} == {RulingVerdict.HOLD}
    assert rulings[-1].exposure.errors == 0


def test_what_the_primary_did_before_is_known_and_whether_it_was_there() -> None:
    rules = policy()
    storms = [(5.0 * i, tile(None, (225, 50 if i % 20 == 0 else 0))) for i in range(-59, 1)]
    calm = play(rules, started(rules), every(5, [BAD]))[-1]
    state = step(rules, observe_before(rules, begin(rules, 0), storms), Sample(0)).state
    stormy = play(rules, state, every(5, [BAD]))[-1]
    assert stormy.findings[0].dispersion > 5 > calm.findings[0].dispersion
    assert stormy.evidence[0].relative < calm.evidence[0].relative
    lost = [*storms, (5.0, NOTHING)]
    state = step(rules, observe_before(rules, begin(rules, 0), lost), Sample(5)).state
    assert not play(rules, state, [Sample(10, tile=BAD)])[-1].counted


def test_failures_in_storms_make_evidence_to_promote_weaker() -> None:
    rules = policy(promotion={"evidence": True})
    calm = [(5.0 * i, tile(None, (225, 2))) for i in range(-59, 1)]
    storms = [(end, tile(None, (225, 40 if i % 20 == 0 else 0))) for i, (end, _) in enumerate(calm)]
    evidence = []
    for before in (calm, storms):
        state = step(rules, observe_before(rules, begin(rules, 0), before), Sample(0)).state
        ends = play(rules, state, every(5, [tile((25, 0), (225, 0))] * 10))
        evidence.append(ends[-1].state.comparison.promotion.value)
    assert evidence[0] > 5 * evidence[1] > 0


def test_findings_begin_where_the_evidence_begins_to_rise() -> None:
    rules = policy(seconds=15)
    good, bad = tile((75, 0), (675, 3)), tile((75, 4), (675, 3))
    finding = play(rules, started(rules), every(15, [good] * 10 + [bad] * 2))[-1].findings[0]
    assert (finding.canary_bad, finding.canary) == (8, 150)
    assert (finding.primary_bad, finding.primary) == (6, 1350)
    assert finding.since == 150


def test_errors_beyond_requests_count_as_all_of_them() -> None:
    rules = policy()
    ruling = play(rules, started(rules), every(5, [tile((10, 12), (90, 0))]))[-1]
    assert ruling.exposure.errors == 10


RULES = [
    policy(),
    policy(latency=250),
    policy(latency=250, promotion={"evidence": True, "minSoak": "60s"}),
    policy(ramp={"exposureBudget": 20}, promotion={"evidence": True, "minSoak": "60s"}),
]


def through_json(rules: Policy, state: ReleaseState) -> ReleaseState:
    memory = json.dumps(state.memory(rules))
    assert len(memory) <= 1200
    return ReleaseState.resume(
        rules,
        weight=state.weight,
        failed_checks=state.failed_checks,
        next_check=state.next_check,
        since=state.since,
        memory=json.loads(memory),
    )


def random_samples(random: Random, count: int) -> list[Sample]:
    rate = random.choice([0.0, 0.01, 0.05, 0.3])
    samples = []
    for i in range(count):
        bad = sum(random.random() < rate for _ in range(25))
        both: Tile = Tile(
            None if random.random() < 0.05 else Counts(25, bad, random.randint(0, 2)),
            None if random.random() < 0.05 else Counts(225, random.randint(0, 2), 3),
        )
        samples.append(Sample(5.0 * (i + 1), both, check=PASSED if i % 6 == 5 else None))
    return samples


@settings(max_examples=60, deadline=None)
@given(
    rules=st.sampled_from(RULES),
    seed=st.integers(0, 10**6),
    cut=st.integers(0, 30),
    again=st.integers(0, 10),
)
def test_a_restart_loses_no_tile_and_counts_none_twice(
    rules: Policy, seed: int, cut: int, again: int
) -> None:
    """Whenever it comes, and though the last tiles are handed in again."""
    samples = random_samples(Random(seed), 40)
    undisturbed = play(rules, started(rules), samples)
    first = play(rules, started(rules), samples[:cut])
    state = through_json(rules, first[-1].state if first else started(rules))
    if first and first[-1].state.over:
        return
    replayed = [Sample(sample.at, sample.tile) for sample in samples[max(0, cut - again) : cut]]
    caught_up = play(rules, state, replayed)
    state = caught_up[-1].state if caught_up else state
    disturbed = play(rules, state, samples[cut:])
    assert [told(r) for r in caught_up if r.counted] == []
    for one, other in zip(undisturbed[cut:], disturbed, strict=True):
        assert told(one) == told(other)
        assert figures(one) == pytest.approx(figures(other), rel=1e-4, abs=1e-6)


def told(ruling: Ruling) -> tuple[Any, ...]:
    return ruling.verdict, ruling.weight, ruling.reason, ruling.counted


def figures(ruling: Ruling) -> list[float]:
    known = ruling.exposure
    return [
        *(f for e in ruling.evidence for f in (e.relative, e.absolute)),
        known.requests,
        known.errors,
    ]


@pytest.mark.parametrize(
    "memory",
    [
        pytest.param(None, id="none"),
        pytest.param({}, id="empty"),
        pytest.param({"errors": [1, 2]}, id="another shape"),
        pytest.param("break", id="one number is text"),
        pytest.param("negative", id="one number is negative"),
        pytest.param("rules", id="written under other settings"),
    ],
)
def test_a_memory_that_cannot_be_read_begins_anew(memory: Any) -> None:
    rules = policy()
    state = play(rules, started(rules), every(5, [BAD]))[-1].state
    if isinstance(memory, str):
        good = state.memory(rules)
        errors = good["errors"]
        memory = {
            "break": good | {"errors": ["x", *errors[1:]]},
            "negative": good | {"errors": [-1.0, *errors[1:]]},
            "rules": state.memory(policy(guard={"ratio": 2})),
        }[memory]
    resumed = ReleaseState.resume(rules, weight=10, failed_checks=2, memory=memory)
    assert resumed.comparison == begin(rules, 0).comparison
    assert (resumed.weight, resumed.failed_checks) == (10, 2)
    ends = play(rules, resumed, every(5, [tile((25, 25))] * 2))
    assert ends[-1].verdict is RulingVerdict.ROLLBACK
