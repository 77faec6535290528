"""Simulated releases end as they should, for linnet and for the rules it is compared with."""

from dataclasses import replace

import pytest

from linnet.api.analysis import Analysis
from linnet.simulation.behaviour import Change
from linnet.simulation.experiment import Circumstances, Experiment
from linnet.simulation.trial import Outcome
from unit.simulation.worlds import UNGUARDED, analysis, circumstances, played


def experiment(given: Circumstances, with_analysis: Analysis | None = None) -> Experiment:
    return Experiment.of(with_analysis or analysis(), given, None)


@pytest.mark.parametrize(
    ("given", "rolled_back", "promoted"),
    [
        pytest.param(circumstances(0.2), 40, 0, id="a canary that fails a fifth is taken back"),
        pytest.param(circumstances(1.0), 40, 0, id="so is one that fails everything"),
        pytest.param(circumstances(0.0, primary=0.0), 0, 40, id="a clean canary is promoted"),
        pytest.param(
            circumstances(0.3, primary=0.3), 0, 0, id="nobody is blamed while both sides fail"
        ),
        pytest.param(circumstances(1.0, rps=0.0), 0, 0, id="without traffic nothing is decided"),
        pytest.param(
            circumstances(0.0, primary=0.0, changes=(Change(0.2, 65.0),)),
            40,
            0,
            id="a fault that begins after the first step is noticed",
        ),
        pytest.param(
            circumstances(0.002, primary=0.002, changes=(Change(1.0, end=4.0),)),
            0,
            40,
            id="a cold start of one scrape is forgiven",
        ),
        pytest.param(circumstances(0.0, primary=0.0, lost=1.0), 0, 0, id="blind, linnet holds"),
    ],
)
def test_how_releases_end(given: Circumstances, rolled_back: int, promoted: int) -> None:
    # A check over a minute would see the four bad seconds, too: the guard alone is asked.
    unchecked = analysis(metrics=[]) if promoted and given.canary.changes else None
    summary = played(experiment(given, unchecked))
    assert (summary.rolled_back, summary.promoted) == (rolled_back, promoted)
    assert summary.undecided == summary.runs - rolled_back - promoted


def test_thresholds_alone_act_at_the_check_that_reaches_the_threshold() -> None:
    summary = played(experiment(circumstances(1.0), analysis(**UNGUARDED)))
    assert set(summary.times_to_rollback) == {120.0}
    # 120 s of a tenth of 50 requests a second, every one of them failed.
    assert summary.failed_requests.mean == pytest.approx(600, rel=0.05)


def test_the_guard_spares_requests_that_thresholds_alone_would_lose() -> None:
    alone = played(experiment(circumstances(0.2), analysis(**UNGUARDED)))
    guarded = played(experiment(circumstances(0.2)))
    assert guarded.failed_requests.mean is not None
    assert alone.failed_requests.mean is not None
    assert guarded.failed_requests.mean < alone.failed_requests.mean / 2


def test_slow_answers_are_noticed_by_the_check_on_their_duration() -> None:
    slow = analysis(
        metrics=[{"name": "request-duration", "thresholdRange": {"max": 300}}], **UNGUARDED
    )
    assert played(experiment(circumstances(p99=900.0), slow)).rolled_back == 40
    assert played(experiment(circumstances(p99=100.0), slow)).promoted == 40


def test_slow_answers_are_noticed_by_the_guard() -> None:
    unchecked = analysis(metrics=[])
    assert played(experiment(circumstances(p99=1000.0), unchecked)).rolled_back == 40
    assert played(experiment(circumstances(p99=100.0), unchecked)).promoted == 40


def test_the_same_seed_brings_the_same_figures_and_another_one_others() -> None:
    given = experiment(circumstances(0.03))
    one, again, other = played(given), played(given), played(given, seed=2)
    assert one == again
    assert one.failed != other.failed


def test_all_rules_meet_the_same_traffic() -> None:
    given = experiment(circumstances(0.02))
    first = [
        next(given.play(decider, 1, seed=7)) for decider in (given.decider, *given.compared()[:3])
    ]
    # Up to the first decision the weights are the same, and so is what the canary failed.
    quiet = [
        replace(given, seconds=5.0 * k).play(decider, 1, seed=7)
        for k in (1, 4)
        for decider in (given.decider, *given.compared()[:3])
    ]
    failed = [next(runs).failed_requests for runs in quiet]
    assert len(set(failed[:4])) == 1
    assert len(set(failed[4:])) == 1
    assert len({run.failed_requests for run in first}) > 1


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        pytest.param("Flagger", 180.0, id="Flagger acts at the tick after the threshold"),
        pytest.param("Argo Rollouts", 120.0, id="Argo acts at the failure after the limit"),
        pytest.param("tuned threshold", 25.0, id="a tuned threshold acts at the fifth failure"),
        pytest.param("z-test", 5.0, id="a z-test acts at once"),
    ],
)
def test_the_compared_rules_take_back_what_fails_everything(name: str, seconds: float) -> None:
    given = experiment(circumstances(1.0))
    decider = next(d for d in given.compared() if d.name == name)
    runs = list(given.play(decider, 5, seed=1))
    assert {(run.outcome, run.seconds) for run in runs} == {(Outcome.ROLLED_BACK, seconds)}


@pytest.mark.parametrize("name", ["Flagger", "Argo Rollouts", "tuned threshold", "z-test"])
def test_the_compared_rules_promote_what_fails_nothing(name: str) -> None:
    given = experiment(circumstances(0.0, primary=0.0))
    decider = next(d for d in given.compared() if d.name == name)
    runs = list(given.play(decider, 5, seed=1))
    assert {(run.outcome, run.seconds) for run in runs} == {(Outcome.PROMOTED, 120.0)}


def test_a_ramp_is_compared_with_a_ladder() -> None:
    given = experiment(
        circumstances(0.0, primary=0.0), Analysis(ramp={}, promotion={"evidence": True})
    )
    runs = [next(given.play(d, 1, seed=1)) for d in (given.decider, *given.compared())]
    assert {run.outcome for run in runs} == {Outcome.PROMOTED}
    assert [run.weights[0] for run in runs[1:]] == [10] * 4
