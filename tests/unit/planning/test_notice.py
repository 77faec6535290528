"""The smallest error rate that is noticed: no smaller one of the grid is."""

from typing import Any

import pytest

from linnet.api.canary import Canary
from linnet.planning.assumptions import Assumptions
from linnet.planning.notice import CERTAIN, GRID, notice
from linnet.planning.plan import FEWEST_RUNS, runs_within
from linnet.simulation.behaviour import Behaviour
from linnet.simulation.experiment import Circumstances, Experiment
from linnet.simulation.trial import Outcome
from unit.planning.manifests import canary

GIVEN = Assumptions(50, 0.005, 15, "a test")
RUNS = 40


def share_taken_back(one: Canary, errors: float) -> float:
    """Simulate releases of a canary that fails so many of its requests."""
    given = GIVEN.circumstances
    worse = Circumstances(given.traffic, given.primary, Behaviour(errors), given.scrape)
    experiment = Experiment.of(one.spec.analysis, worse, None)
    runs = list(experiment.play(experiment.decider, RUNS, 1))
    return sum(run.outcome is Outcome.ROLLED_BACK for run in runs) / RUNS


@pytest.mark.parametrize(
    "analysis",
    [
        pytest.param({}, id="checks and guard"),
        pytest.param({"metrics": None}, id="the guard alone"),
        pytest.param({"guard": {"enabled": False}}, id="checks alone"),
        pytest.param({"stepWeights": [1]}, id="hardly any traffic"),
    ],
)
def test_the_smallest_rate_is_noticed_and_the_one_below_is_not(analysis: dict[str, Any]) -> None:
    one = Canary.from_object(canary(analysis=analysis))
    smallest = notice(one.spec.analysis, GIVEN.circumstances, RUNS).smallest
    assert smallest is not None
    below = max(rate for rate in GRID if rate < smallest.errors)
    assert share_taken_back(one, smallest.errors) == smallest.back >= CERTAIN
    assert below <= GIVEN.errors or share_taken_back(one, below) < CERTAIN


def test_without_guard_and_metrics_nothing_is_noticed() -> None:
    blind = canary(analysis={"guard": {"enabled": False}, "metrics": None})
    found = notice(Canary.from_object(blind).spec.analysis, GIVEN.circumstances, 10)
    assert found.smallest is None
    assert found.table[-1].promoted == 1


def test_releases_that_take_days_are_simulated_less_often() -> None:
    def runs(**analysis: Any) -> int:
        return runs_within(Canary.from_object(canary(analysis=analysis)), GIVEN, 100)

    assert runs() == 100
    slow = runs(interval="24h", stepWeights=list(range(1, 100)))
    assert slow == FEWEST_RUNS
