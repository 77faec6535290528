"""A release from the first traffic to promotion or rollback."""

import pytest

from linnet.analysis.measurement import Measurement
from linnet.api.objects import ObjectRef
from linnet.api.status import Phase, Verdict
from unit.engine.builders import initialized, world
from unit.engine.world import World


def test_a_canary_is_initialised_without_touching_traffic_before_the_primary_is_ready() -> None:
    it = world("slow")
    it.unready = {"slow"}
    it.settle()
    assert it.in_phase(Phase.INITIALIZING)
    assert it.routed is None
    it.unready = set()
    it.pods_changed()
    it.settle()
    assert it.in_phase(Phase.INITIALIZING)
    assert it.routed == (0, 0), "proxies are told of the primary while the target still serves"
    it.run(2)
    assert it.in_phase(Phase.INITIALIZED)
    assert it.routed == (100, 0)
    assert it.deployment("podinfo")["spec"]["replicas"] == 2, "pods are kept until proxies know"
    it.run(11)
    assert it.deployment("podinfo")["spec"]["replicas"] == 0
    assert it.deployment("podinfo-primary")["spec"]["replicas"] == 2


def test_a_healthy_release_climbs_the_ladder_and_is_promoted() -> None:
    it = initialized()
    started = it.now
    it.release("2.0.0")
    it.run_until(Phase.FINALISING)
    assert it.weights == [0, 10, 20, 30, 0]
    assert (it.now - started).total_seconds() == 30, "no more time than the ladder takes"
    assert it.image("podinfo-primary") == "2.0.0"
    assert it.condition("Promoted").status == "True"
    it.run_until(Phase.SUCCEEDED)
    it.run(10)
    assert it.deployment("podinfo")["spec"]["replicas"] == 0
    assert it.reasons == [
        "Initialized",
        "NewRevision",
        "Advanced",
        "Advanced",
        "Advanced",
        "Promoting",
        "Promoted",
    ]


def test_a_failing_release_is_back_at_weight_zero_at_the_check_that_reaches_the_threshold() -> None:
    it = initialized()
    started = it.now
    it.release("2.0.0-bad")
    it.run_until(Phase.FAILED)
    assert (it.now - started).total_seconds() == 30
    assert it.weights == [0, 10, 0], "the weight never grows on a failed check"
    assert it.status.failed_checks == 3
    assert it.image("podinfo-primary") == "1.0.0"
    assert "below the minimum 99" in it.message
    it.run(10)
    assert it.deployment("podinfo")["spec"]["replicas"] == 0


def test_a_threshold_lowered_in_mid_release_acts_at_the_next_failed_check() -> None:
    it = initialized()
    it.release("2.0.0-bad")
    it.run(25)
    assert it.status.failed_checks == 2
    lower(it, threshold=1)
    it.settle()
    assert it.in_phase(Phase.PROGRESSING)
    assert it.status.guard is not None
    assert "taken back after 1 more failed check;" in it.status.guard.outlook
    it.run_until(Phase.FAILED)
    assert it.status.failed_checks == 3
    assert it.message.endswith("is below the minimum 99 (failed check 3, threshold 1)")


def lower(it: World, *, threshold: int) -> None:
    assert it.canary_object is not None
    it.edit(analysis=it.canary_object["spec"]["analysis"] | {"threshold": threshold})


def test_pods_lost_after_the_threshold_was_lowered_are_counted_truly() -> None:
    it = initialized()
    it.release("2.0.0-bad")
    it.run(25)
    lower(it, threshold=1)
    it.unready = {"2.0.0-bad"}
    it.pods_changed()
    it.run_until(Phase.FAILED)
    assert "no canary pod is ready any more (failed check 3, threshold 1)" in it.message


def test_failed_checks_are_counted_over_the_whole_release() -> None:
    it = initialized()
    values = iter([0.0, 100.0, 0.0, 100.0, 0.0])
    it.measure = lambda query: Measurement(query.metric, value=next(values))
    it.release("2.0.0")
    it.run_until(Phase.FAILED)
    assert it.weights == [0, 10, 20, 30, 0]


def test_without_data_the_release_holds_and_says_so() -> None:
    it = initialized()
    it.release("2.0.0-blind")
    it.run(600)
    assert it.in_phase(Phase.PROGRESSING)
    assert it.status.canary_weight == 10
    assert it.condition("Progressing").reason == "Inconclusive"
    assert "no data" in it.message
    assert it.reasons.count("Inconclusive") == 1
    it.measure = lambda query: Measurement(query.metric, value=100.0)
    it.run_until(Phase.SUCCEEDED)


def test_the_figures_of_a_decision_are_kept() -> None:
    it = initialized()
    it.release("2.0.0-bad")
    it.run_until(Phase.FAILED)
    last = it.status.decisions[-1]
    assert last.verdict is Verdict.FAILED
    assert last.weight == 0
    assert [(m.name, m.value, m.verdict) for m in last.measurements] == [
        ("request-success-rate", "0", Verdict.FAILED)
    ]


def test_setting_the_target_back_in_mid_run_aborts_at_once() -> None:
    it = initialized()
    it.release("2.0.0")
    it.run(15)
    assert it.status.canary_weight == 20
    it.release("1.0.0")
    it.settle()
    assert it.routed == (100, 0)
    assert it.in_phase(Phase.SUCCEEDED)
    assert it.reasons[-1] == "Reverted"
    it.run(60)
    assert it.image("podinfo-primary") == "1.0.0"
    assert it.in_phase(Phase.SUCCEEDED)


def test_another_revision_in_mid_run_starts_over() -> None:
    it = initialized()
    it.release("2.0.0")
    it.run(15)
    it.release("3.0.0")
    it.run_until(Phase.FINALISING)
    assert it.weights == [0, 10, 20, 0, 10, 20, 30, 0]
    assert it.image("podinfo-primary") == "3.0.0"
    assert "Superseded" in it.reasons


def test_a_failed_revision_is_not_tried_again_until_it_changes() -> None:
    it = initialized()
    it.release("2.0.0-bad")
    it.run_until(Phase.FAILED)
    it.run(600)
    assert it.in_phase(Phase.FAILED)
    it.release("2.0.1")
    it.run_until(Phase.SUCCEEDED)
    assert it.image("podinfo-primary") == "2.0.1"


def test_a_failure_is_cleared_when_the_target_is_set_back() -> None:
    it = initialized()
    it.release("2.0.0-bad")
    it.run_until(Phase.FAILED)
    it.release("1.0.0")
    it.settle()
    assert it.in_phase(Phase.SUCCEEDED)
    it.release("2.0.0-bad")
    it.settle()
    assert it.in_phase(Phase.PROGRESSING), "the same revision may be tried again"


def test_pods_that_never_become_ready_end_at_the_deadline_without_any_traffic() -> None:
    it = initialized(progressDeadlineSeconds=60)
    it.unready = {"never"}
    it.release("never")
    it.run(59)
    assert it.in_phase(Phase.PROGRESSING)
    it.run(2)
    assert it.in_phase(Phase.FAILED)
    assert it.weights == [0]
    assert it.condition("Progressing").reason == "ProgressDeadlineExceeded"


def test_traffic_leaves_a_canary_whose_pods_are_all_gone_and_comes_back_with_them() -> None:
    it = initialized()
    it.release("2.0.0")
    it.run(5)
    assert it.routed == (90, 10)
    it.unready = {"2.0.0"}
    it.pods_changed()
    it.settle()
    assert it.routed == (100, 0)
    assert it.status.failed_checks == 1
    it.unready = set()
    it.pods_changed()
    it.run_until(Phase.SUCCEEDED)


@pytest.mark.parametrize("loses", [1, 3])
def test_losing_all_pods_counts_as_failed_checks(loses: int) -> None:
    it = initialized(analysis={"threshold": 3})
    it.release("2.0.0")
    for _ in range(loses):
        it.unready = set()
        it.pods_changed()
        it.settle()
        it.unready = {"2.0.0"}
        it.pods_changed()
        it.settle()
    assert it.in_phase(Phase.FAILED if loses == 3 else Phase.PROGRESSING)


def test_a_deleted_service_is_put_back_and_is_no_failed_check() -> None:
    it = initialized()
    it.release("2.0.0")
    it.run(5)
    it.remove("Service", "podinfo-canary")
    it.settle()
    assert it.routed == (90, 10)
    assert it.status.failed_checks == 0
    assert ObjectRef("Service", "test", "podinfo-canary") in it.objects


def test_pausing_holds_the_weight_while_the_analysis_goes_on() -> None:
    it = initialized()
    it.release("2.0.0")
    it.run(5)
    it.edit(paused=True)
    it.run(100)
    assert it.status.canary_weight == 10
    assert it.condition("Progressing").reason == "Paused"
    it.edit(paused=False)
    it.run_until(Phase.SUCCEEDED)


def test_no_step_is_taken_before_the_last_one_has_been_written() -> None:
    it = initialized()
    it.release("2.0.0")
    it.run(5)
    it.refuses = {"VirtualService"}
    it.run(20)
    assert it.status.canary_weight == 20, "decided, but the API server takes no routes"
    assert it.routed == (90, 10)
    assert it.condition("Progressing").reason == "RoutesNotWritten"
    it.refuses = set()
    it.run_until(Phase.SUCCEEDED)


def test_checks_go_on_while_routes_cannot_be_written() -> None:
    it = initialized()
    it.release("2.0.0-bad")
    it.run(5)
    it.refuses = {"VirtualService"}
    it.run(60)
    assert it.in_phase(Phase.FAILED)
    it.refuses = set()
    it.settle()
    assert it.routed == (100, 0)


def test_a_paused_release_is_still_taken_back_when_it_fails() -> None:
    it = initialized()
    it.release("2.0.0-bad")
    it.run(5)
    it.edit(paused=True)
    it.run_until(Phase.FAILED)


def test_a_paused_release_gets_no_first_traffic() -> None:
    it = initialized(paused=True)
    it.release("2.0.0")
    it.run(100)
    assert it.weights == [0]
    assert it.deployment("podinfo")["spec"]["replicas"] == 2, "it is ready to go on"


def test_suspending_freezes_everything() -> None:
    it = initialized()
    it.release("2.0.0-bad")
    it.run(5)
    it.edit(suspend=True)
    it.settle()
    weights = it.routed
    it.remove("Service", "podinfo-canary")
    it.run(600)
    assert it.routed == weights
    assert it.in_phase(Phase.PROGRESSING)
    it.edit(suspend=False)
    it.run_until(Phase.FAILED)


def test_skipping_the_analysis_promotes_without_canary_traffic() -> None:
    it = initialized(skipAnalysis=True)
    it.release("2.0.0-bad")
    it.run_until(Phase.SUCCEEDED)
    assert it.weights == [0]
    assert it.image("podinfo-primary") == "2.0.0-bad"


def test_a_release_without_metrics_steps_by_time_alone() -> None:
    it = initialized(analysis={"metrics": []})
    it.release("2.0.0-bad")
    it.run_until(Phase.SUCCEEDED)
    assert it.weights == [0, 10, 20, 30, 0]


def test_traffic_returns_to_the_primary_in_steps_where_that_is_asked_for() -> None:
    it = initialized(analysis={"stepWeightPromotion": 20})
    it.release("2.0.0")
    it.run_until(Phase.FINALISING)
    assert it.weights == [0, 10, 20, 30, 10, 0]


def test_a_healthy_canary_serves_on_while_the_primary_does_not_come_up() -> None:
    it = initialized(progressDeadlineSeconds=60)
    it.release("2.0.0")
    it.run(25)
    assert it.status.canary_weight == 30
    ready_as_canary_only = it.deployment("podinfo")
    it.unready = {"2.0.0"}
    # Only the primary's pods fail: the canary's keep their readiness.
    kept = dict(ready_as_canary_only["status"])
    it.settle()
    it.deployment("podinfo")["status"] = kept
    it.run(5)
    it.deployment("podinfo")["status"] = kept
    assert it.in_phase(Phase.PROMOTING)
    assert it.status.canary_weight == 30


def test_a_revision_that_arrives_during_promotion_gets_no_traffic_unanalysed() -> None:
    it = initialized()
    it.release("2.0.0")
    it.run_until(Phase.PROMOTING, Phase.FINALISING)
    it.release("3.0.0")
    it.settle()
    assert it.in_phase(Phase.PROGRESSING)
    assert it.weights[-2:] in ([0, 10], [30, 0])
    it.run_until(Phase.SUCCEEDED)
    assert it.image("podinfo-primary") == "3.0.0"
    assert it.weights[-5:] == [0, 10, 20, 30, 0]


def test_a_changed_analysis_takes_effect_at_the_next_decision() -> None:
    it = initialized()
    it.release("2.0.0")
    it.run(5)
    assert it.canary_object is not None
    it.edit(analysis={**it.canary_object["spec"]["analysis"], "stepWeights": [15, 90]})
    it.run_until(Phase.FINALISING)
    assert it.weights == [0, 10, 15, 90, 0]


def test_samples_of_another_revision_are_not_counted_from() -> None:
    it = initialized()
    it.run(600)
    within = []

    def measure(query):  # type: ignore[no-untyped-def] # a short stand-in
        within.append(query.within)
        return Measurement(query.metric, value=100.0)

    it.measure = measure
    it.release("2.0.0")
    it.run(15)
    it.release("3.0.0")
    it.run(15)
    assert within == [False, True], "a release in peace, then one right after another's traffic"


def test_what_the_earlier_revision_did_is_not_held_against_this_one() -> None:
    it = initialized()
    windows = []

    def measure(query):  # type: ignore[no-untyped-def] # a short stand-in
        windows.append(query.window.total_seconds())
        return Measurement(query.metric, value=100.0)

    it.measure = measure
    it.release("2.0.0")
    it.run_until(Phase.SUCCEEDED)
    assert windows == [10, 20, 30]
