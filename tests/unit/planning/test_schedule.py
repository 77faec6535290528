"""The schedule is what the engine does: both are let run, and their times compared."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linnet.analysis.measurement import Measurement
from linnet.analysis.schedule import spacing
from linnet.api.status import Phase
from linnet.planning.assumptions import Assumptions
from linnet.planning.schedule import Schedule, schedule
from unit.engine.builders import initialized
from unit.engine.world import BAD, RPS, YARDSTICK, World

# What the world of the engine's tests serves.
CIRCUMSTANCES = Assumptions(RPS, 0.0, YARDSTICK.seconds, "the engine's world").circumstances


def released(late: float, failures: int = 0, **spec: Any) -> tuple[World, float]:
    """Begin a release `late` seconds after the grid of checks; the first checks fail."""
    it = initialized(**spec)
    interval = spacing(it.canary.spec.analysis.interval.total_seconds(), YARDSTICK.seconds)
    it.now += timedelta(seconds=interval - it.now.timestamp() % interval + late)
    left = failures

    def measure(query: Any) -> Measurement:
        nonlocal left
        left -= 1
        return Measurement(query.metric, value=BAD if left >= 0 else 100.0)

    it.measure = measure
    it.release("2.0.0")
    it.settle()
    return it, it.now.timestamp()


def steps_of(it: World, began: float) -> tuple[list[tuple[int, float]], float, float]:
    """Let a release run; return its weights with when they begin, when it is accepted, and over."""
    steps: list[tuple[int, float]] = []
    accepted = None
    while True:
        after = it.now.timestamp() - began
        if accepted is None and it.status.phase is not Phase.PROGRESSING:
            accepted = after
        if accepted is None and (not steps or steps[-1][0] != it.status.canary_weight):
            steps.append((it.status.canary_weight, after))
        if it.status.phase is Phase.SUCCEEDED:
            assert accepted is not None
            return steps, accepted, after
        wake = it.wake_at()
        assert wake is not None, it.message
        it.now = wake
        it.settle()


def planned(**spec: Any) -> Schedule:
    return schedule(initialized(**spec).canary, CIRCUMSTANCES)


SPECS = [
    pytest.param({}, id="steps of 10, 20 and 30 percent"),
    pytest.param({"analysis": {"interval": "1m", "stepWeights": [5, 50, 100]}}, id="up to 100"),
    pytest.param({"analysis": {"interval": "7s"}}, id="an interval between two scrapes"),
    pytest.param({"analysis": {"interval": "2s"}}, id="an interval shorter than a scrape"),
    pytest.param({"analysis": {"stepWeightPromotion": 20}}, id="a way back in steps"),
    pytest.param({"scaleDownDelaySeconds": 60}, id="pods that stay for a minute"),
    pytest.param(
        {"analysis": {"promotion": {"evidence": True, "minSoak": "2m", "margin": 5}}},
        id="a promotion that wants evidence",
    ),
]


@pytest.mark.parametrize("spec", SPECS)
def test_a_healthy_release_keeps_to_the_schedule(spec: dict[str, Any]) -> None:
    plan = planned(**spec)
    it, began = released(0, **spec)
    steps, accepted, over = steps_of(it, began)
    assert [step.weight for step in plan.steps] == [weight for weight, _ in steps]
    assert [step.start for step in plan.steps] == pytest.approx([start for _, start in steps])
    assert plan.accepted == pytest.approx(accepted)
    assert plan.earliest == pytest.approx(over)


@settings(max_examples=15, deadline=None)
@given(late=st.floats(0, 9.9), failures=st.integers(0, 2))
def test_no_release_is_accepted_before_the_earliest_or_after_the_latest(
    late: float, failures: int
) -> None:
    plan = planned()
    it, began = released(late, failures)
    _, accepted, _ = steps_of(it, began)
    assert plan.accepted is not None
    assert plan.accepted_late is not None
    assert plan.accepted - 1e-3 <= accepted <= plan.accepted_late + 1e-2


def test_as_many_failed_checks_as_are_allowed_make_it_as_late_as_it_says() -> None:
    plan = planned()
    it, began = released(0.001, failures=2)
    _, accepted, _ = steps_of(it, began)
    assert plan.failures == 2
    assert accepted == pytest.approx(plan.accepted_late, abs=0.01)


def test_requests_are_the_rate_times_the_share_of_the_traffic() -> None:
    plan = planned()
    assert [step.requests for step in plan.steps] == [RPS * 10 * share for share in (0.1, 0.2, 0.3)]
    assert plan.requests == RPS * 10 * 0.6


def test_without_analysis_there_are_no_steps() -> None:
    plan = planned(skipAnalysis=True)
    assert (plan.steps, plan.earliest) == ((), 10)


def test_a_handover_has_no_end_of_its_own() -> None:
    assert planned(primaryRef={"name": "podinfo-v1"}).latest is None


@pytest.mark.parametrize(
    ("on_undecided", "latest"),
    [
        pytest.param("hold", None, id="held for ever"),
        pytest.param("rollback", 600 + 3605 + 600 + 10, id="taken back at the deadline"),
    ],
)
def test_evidence_that_never_comes(on_undecided: str, latest: float | None) -> None:
    promotion = {"evidence": True, "onUndecided": on_undecided}
    assert planned(analysis={"promotion": promotion}).latest == latest
