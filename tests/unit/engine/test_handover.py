"""Two workloads of the user's own: a release from the first traffic to the handover in Git."""

import copy
from typing import Any

import pytest

from linnet.analysis.measurement import Measurement
from linnet.api.names import CONFIG_ANNOTATION, FINALIZER
from linnet.api.status import Phase
from linnet.engine.decision import Scale
from unit.engine.builders import canary
from unit.engine.world import World

OLD, NEW = "podinfo-v1", "podinfo-v2"


def workload(name: str, tag: str, replicas: int = 2) -> dict[str, Any]:
    """Return one of the two Deployments, with labels and an environment of its own."""
    labels = {"app": "podinfo", "version": name.removeprefix("podinfo-")}
    container = {
        "name": "app",
        "image": f"podinfo:{tag}",
        "env": [{"name": "VERSION", "value": labels["version"]}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "test"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def created(old: str = "1.0.0", new: str = "1.0.0", **spec: Any) -> World:
    """Return a cluster in which a Canary of two Deployments was just created."""
    refs = {"targetRef": {"name": NEW}, "primaryRef": {"name": OLD}}
    service = {"name": "podinfo", "port": 80, "targetPort": 9898}
    it = World(canary(**refs, service=service, **spec), workload(NEW, new))
    it.put(workload(OLD, old))
    return it


def at_rest(**spec: Any) -> World:
    """Return one in which both run 1.0.0 and there is nothing to do."""
    it = created(**spec)
    it.run(60)
    return it


def give(it: World, name: str, tag: str) -> None:
    """Change a Deployment's image, as a commit would."""
    change(it, name, lambda d: _container(d).update(image=f"podinfo:{tag}"))


def change(it: World, name: str, edit: Any) -> None:
    """Change a Deployment."""
    obj = copy.deepcopy(it.deployment(name))
    edit(obj)
    it.put(obj)


def scale(it: World, name: str, replicas: int) -> None:
    change(it, name, lambda d: d["spec"].update(replicas=replicas))


def annotate(it: World, name: str, **annotations: str) -> None:
    """Annotate a pod template."""
    change(it, name, lambda d: d["spec"]["template"]["metadata"].update(annotations=annotations))


def _container(obj: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = obj["spec"]["template"]["spec"]["containers"][0]
    return container


def accepted(**spec: Any) -> World:
    """Return a cluster in which 2.0.0 was accepted, and waits for Git."""
    it = at_rest(**spec)
    give(it, NEW, "2.0.0")
    it.run_until(Phase.PROMOTING)
    assert it.routed == (0, 100)
    return it


def untouched(it: World) -> bool:
    """Tell whether linnet never wrote a Deployment."""
    return not any(action.ref.kind == "Deployment" for d in it.decisions for action in d.actions)


def test_at_rest_all_traffic_is_on_the_primary_and_nothing_was_copied() -> None:
    it = at_rest()
    assert it.in_phase(Phase.INITIALIZED)
    assert it.routed == (100, 0)
    assert sorted(ref.name for ref in it.objects if ref.kind == "Deployment") == [OLD, NEW]
    assert it.deployment(NEW)["spec"]["replicas"] == 2, "its size is the user's"
    assert untouched(it)
    assert it.step().wake_at is None


def test_a_release_climbs_to_100_and_waits_there_for_git() -> None:
    it = accepted()
    assert it.weights == [0, 10, 20, 30, 100]
    assert it.condition("Progressing").reason == "WaitingForPrimary"
    assert "set image of container app to podinfo:2.0.0" in it.message
    assert f"Deployment {OLD}" in it.message
    assert it.condition("Stalled").status == "False"
    assert it.reasons.count("WaitingForPrimary") == 1
    it.run(300)
    assert it.in_phase(Phase.PROMOTING)
    assert it.condition("Stalled").status == "False", "nobody is late with a commit"
    give(it, OLD, "2.0.0")
    it.run_until(Phase.FINALISING)
    assert it.routed == (100, 0)
    it.run_until(Phase.SUCCEEDED)
    assert it.condition("Promoted").status == "True"
    assert it.status.promoted_revision == it.status.revision
    assert untouched(it)


def test_traffic_returns_only_when_the_primary_has_rolled_out() -> None:
    it = accepted()
    it.rolling = {OLD}
    give(it, OLD, "2.0.0")
    it.run(300)
    assert it.in_phase(Phase.PROMOTING)
    assert it.routed == (0, 100)
    it.rolling = set()
    it.pods_changed()
    it.settle()
    assert it.routed == (100, 0)
    assert it.in_phase(Phase.FINALISING)


def test_steps_back_to_the_primary_are_honoured() -> None:
    it = accepted(analysis={"stepWeightPromotion": 40})
    give(it, OLD, "2.0.0")
    it.run_until(Phase.SUCCEEDED)
    assert it.weights == [0, 10, 20, 30, 100, 60, 20, 0]


def test_a_bad_release_is_taken_back() -> None:
    it = at_rest()
    give(it, NEW, "2.0.0-bad")
    it.run_until(Phase.FAILED)
    assert it.weights == [0, 10, 0]
    it.run(600)
    assert it.in_phase(Phase.FAILED), "it is not tried again"
    assert it.deployment(NEW)["spec"]["replicas"] == 2
    give(it, NEW, "1.0.0")
    it.settle()
    assert it.in_phase(Phase.SUCCEEDED)
    assert it.reasons[-1] == "Reverted"
    assert untouched(it)


def test_two_versions_at_creation_are_a_release() -> None:
    it = created("1.0.0", "2.0.0")
    it.run_until(Phase.PROMOTING)
    assert it.weights == [0, 10, 20, 30, 100]
    assert it.status.promoted_revision != it.status.revision


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(
            lambda d: _container(d).update(env=[{"name": "VERSION", "value": "v3"}]),
            id="an environment variable",
        ),
        pytest.param(
            lambda d: d["spec"]["template"]["metadata"]["labels"].update(team="shop"), id="a label"
        ),
        pytest.param(lambda d: d["spec"].update(replicas=7), id="a size"),
    ],
)
def test_what_is_no_image_releases_nothing(edit: Any) -> None:
    it = at_rest()
    change(it, NEW, edit)
    it.run(60)
    assert it.in_phase(Phase.INITIALIZED)
    assert it.weights == [0]
    assert it.status.revision == it.status.promoted_revision


def test_a_change_that_no_image_shows_is_released_by_the_annotation() -> None:
    it = at_rest()
    annotate(it, NEW, **{CONFIG_ANNOTATION: "eu-2"})
    it.run_until(Phase.PROMOTING)
    assert f"set annotation {CONFIG_ANNOTATION} of the pod template to eu-2" in it.message
    annotate(it, OLD, **{CONFIG_ANNOTATION: "eu-2"})
    it.run_until(Phase.SUCCEEDED)


def test_setting_the_target_back_in_mid_run_aborts_at_once() -> None:
    it = at_rest()
    give(it, NEW, "2.0.0")
    it.run(15)
    assert it.status.canary_weight == 20
    give(it, NEW, "1.0.0")
    it.settle()
    assert it.routed == (100, 0)
    assert it.in_phase(Phase.SUCCEEDED)
    assert it.reasons[-1] == "Reverted"
    assert it.status.revision == it.status.promoted_revision


def test_setting_the_target_back_while_git_is_waited_for_aborts_at_once() -> None:
    it = accepted()
    give(it, NEW, "1.0.0")
    it.settle()
    assert it.routed == (100, 0)
    assert it.in_phase(Phase.SUCCEEDED)


@pytest.mark.parametrize(
    "start", [pytest.param(25, id="in mid-run"), pytest.param(300, id="while Git is waited for")]
)
def test_a_newer_revision_starts_over(start: int) -> None:
    it = at_rest()
    give(it, NEW, "2.0.0")
    it.run(start)
    give(it, NEW, "3.0.0")
    it.settle()
    assert it.routed == (90, 10), "from the first step; the primary still serves 1.0.0"
    assert it.reasons.count("Superseded") == 1
    it.run_until(Phase.PROMOTING)
    assert "podinfo:3.0.0" in it.message


def test_a_primary_that_is_given_the_new_images_in_mid_run_ends_the_comparison() -> None:
    it = at_rest()
    give(it, NEW, "2.0.0")
    it.run(15)
    it.rolling = {OLD}
    give(it, OLD, "2.0.0")
    it.settle()
    assert it.in_phase(Phase.PROMOTING)
    assert it.routed == (80, 20), "the weight stays until the primary is well"
    it.rolling = set()
    it.pods_changed()
    it.run_until(Phase.SUCCEEDED)
    assert it.weights == [0, 10, 20, 0]


def test_a_primary_that_is_given_something_else_in_mid_run_is_noted() -> None:
    it = at_rest()
    give(it, NEW, "2.0.0")
    it.run(15)
    give(it, OLD, "1.0.1")
    it.settle()
    assert it.in_phase(Phase.PROGRESSING)
    assert it.status.canary_weight == 20
    assert it.reasons[-1] == "PrimaryChanged"
    it.run_until(Phase.PROMOTING)
    give(it, NEW, "1.0.1")
    it.settle()
    assert it.in_phase(Phase.SUCCEEDED), "set back to what the primary runs by now"


def test_a_primary_that_changes_at_rest_releases_nothing() -> None:
    it = accepted()
    give(it, OLD, "2.0.0")
    it.run_until(Phase.SUCCEEDED)
    it.run(60)
    give(it, OLD, "1.0.0")
    it.run(60)
    assert it.in_phase(Phase.SUCCEEDED)
    assert it.routed == (100, 0)
    assert it.reasons[-1] == "PrimaryChanged"
    assert it.status.promoted_revision != it.status.revision
    give(it, NEW, "2.0.1")
    it.run_until(Phase.PROMOTING)


def test_a_handover_that_is_reverted_before_traffic_returned_is_waited_for_again() -> None:
    it = accepted()
    it.rolling = {OLD}
    give(it, OLD, "2.0.0")
    it.settle()
    assert "2.0.0" in it.image(OLD)
    give(it, OLD, "1.0.0")
    it.settle()
    assert it.in_phase(Phase.PROMOTING)
    assert it.routed == (0, 100)
    assert it.condition("Progressing").reason == "WaitingForPrimary"


@pytest.mark.parametrize("late", [False, True], ids=["endpoints gone", "endpoints still shown"])
def test_no_traffic_leaves_the_target_while_the_primary_serves_nothing(late: bool) -> None:
    it = accepted()
    it.delay_endpoints(late)
    scale(it, OLD, 0)
    give(it, NEW, "1.0.0")
    it.settle()
    assert it.routed == (0, 100)
    assert it.condition("Progressing").reason == "PrimaryNotReady"
    assert "it has 0 replicas" in it.message
    scale(it, OLD, 2)
    it.settle()
    assert it.routed == (100, 0)


def test_no_traffic_goes_to_a_deleted_primary_whose_endpoints_are_still_shown() -> None:
    it = accepted()
    it.delay_endpoints()
    it.remove("Deployment", OLD)
    it.measure = lambda query: Measurement(query.metric, value=0.0)
    it.run(120)
    assert it.routed == (0, 100)
    assert it.condition("Progressing").reason == "PrimaryNotFound"
    it.ask(f"abort @{it.status.revision}")
    it.settle()
    assert it.routed == (0, 100)
    assert "RequestRefused" in it.reasons


def test_the_traffic_of_a_canary_waits_for_a_primary_that_is_made_anew() -> None:
    it = accepted()
    change(it, OLD, lambda d: d["spec"].update(strategy={"type": "Recreate"}))
    it.idle()
    give(it, OLD, "1.0.1")
    it.delete()
    it.run(1)
    assert it.routed == (0, 100), "its pods are about to go, though the status still has them"
    it.idle(False)
    it.run(60)
    assert it.canary_object is None


def test_a_target_without_replicas_is_waited_for_however_long() -> None:
    it = at_rest(progressDeadlineSeconds=60)
    scale(it, NEW, 0)
    give(it, NEW, "2.0.0")
    it.run(600)
    assert it.in_phase(Phase.PROGRESSING)
    assert f"waiting for Deployment {NEW} to be scaled up" in it.message
    scale(it, NEW, 1)
    it.run_until(Phase.PROMOTING)


def test_a_target_that_never_becomes_ready_fails_at_the_deadline() -> None:
    it = at_rest(progressDeadlineSeconds=60)
    it.unready = {"2.0.0"}
    give(it, NEW, "2.0.0")
    it.run_until(Phase.FAILED)
    assert it.weights == [0]


def test_an_accepted_target_that_loses_its_pods_is_a_failed_check() -> None:
    it = accepted()
    it.unready = {"2.0.0"}
    it.pods_changed()
    it.settle()
    assert it.routed == (100, 0)
    assert it.in_phase(Phase.PROGRESSING)
    assert it.status.failed_checks == 1
    it.unready = set()
    it.pods_changed()
    it.settle()
    assert it.routed == (90, 10)


def test_checks_go_on_while_git_is_waited_for() -> None:
    it = accepted()
    it.run(600)
    assert it.routed == (0, 100)
    assert it.status.failed_checks == 0
    give_up_at = it.now
    it.measure = lambda query: Measurement(query.metric, value=0.0)
    it.run_until(Phase.FAILED)
    assert (it.now - give_up_at).total_seconds() <= 30
    assert it.routed == (100, 0)
    assert "failed check 3 of 3" in it.message
    assert it.reasons.count("WaitingForPrimary") == 1
    assert it.reasons.count("CheckFailed") == 2


def test_a_check_that_fails_while_the_primary_serves_nothing_takes_nothing_back() -> None:
    it = accepted()
    scale(it, OLD, 0)
    it.measure = lambda query: Measurement(query.metric, value=0.0)
    it.run(120)
    assert it.routed == (0, 100)
    assert it.in_phase(Phase.PROMOTING)
    scale(it, OLD, 2)
    it.run(10)
    assert it.in_phase(Phase.FAILED)
    assert " of 3)" not in it.message, "many more have failed by now"
    assert ", threshold 3)" in it.message


def test_blind_checks_take_nothing_back_while_git_is_waited_for() -> None:
    it = accepted()
    it.measure = lambda query: Measurement(query.metric, absent="no data")
    it.run(600)
    assert it.routed == (0, 100)
    assert it.condition("Progressing").reason == "WaitingForPrimary"


def test_without_analysis_everything_shifts_once_the_target_is_ready() -> None:
    it = at_rest(skipAnalysis=True)
    it.unready = {"2.0.0"}
    give(it, NEW, "2.0.0")
    it.run(20)
    assert it.routed == (100, 0)
    it.unready = set()
    it.pods_changed()
    it.settle()
    assert it.routed == (0, 100)
    assert it.condition("Progressing").reason == "WaitingForPrimary"


@pytest.mark.parametrize(
    ("edit", "reason", "words"),
    [
        pytest.param(
            lambda it: it.remove("Deployment", OLD),
            "PrimaryNotFound",
            "spec.primaryRef: Deployment test/podinfo-v1 does not exist",
            id="no primary",
        ),
        pytest.param(
            lambda it: it.remove("Deployment", NEW),
            "TargetNotFound",
            "spec.targetRef: Deployment test/podinfo-v2 does not exist",
            id="no target",
        ),
        pytest.param(
            lambda it: change(
                it, OLD, lambda d: d["spec"].update(selector={"matchLabels": {"app": "podinfo"}})
            ),
            "SelectorsOverlap",
            "Deployment test/podinfo-v1 selects the pods of Deployment test/podinfo-v2 as well",
            id="selectors that overlap",
        ),
        pytest.param(
            lambda it: change(it, OLD, lambda d: d["spec"].update(selector={"matchLabels": {}})),
            "NoSelectorLabel",
            "Deployment test/podinfo-v1: spec.selector.matchLabels is empty",
            id="a selector without labels",
        ),
    ],
)
def test_what_cannot_work_is_said(edit: Any, reason: str, words: str) -> None:
    it = created()
    edit(it)
    it.run(60)
    assert it.condition("Stalled").reason == reason
    assert words in it.condition("Stalled").message
    assert it.routed is None


@pytest.mark.parametrize(
    ("edit", "mend"),
    [
        pytest.param(
            lambda it: scale(it, OLD, 0), lambda it: scale(it, OLD, 2), id="without replicas"
        ),
        pytest.param(
            lambda it: it.remove("Deployment", OLD),
            lambda it: it.put(workload(OLD, "1.0.0")),
            id="deleted",
        ),
    ],
)
def test_a_primary_that_is_lost_in_mid_run_holds_the_weight(edit: Any, mend: Any) -> None:
    it = at_rest()
    give(it, NEW, "2.0.0")
    it.run(15)
    edit(it)
    it.run(60)
    assert it.in_phase(Phase.PROGRESSING)
    assert it.status.canary_weight == 20
    mend(it)
    it.run_until(Phase.PROMOTING)


def test_a_primary_that_comes_over_and_does_not_become_ready_is_stalled() -> None:
    it = accepted(progressDeadlineSeconds=60)
    it.run(600)
    it.unready = {OLD}
    give(it, OLD, "2.0.0")
    it.run(59)
    assert it.condition("Stalled").status == "False"
    it.run(2)
    assert it.routed == (0, 100)
    assert it.condition("Stalled").reason == "ProgressDeadlineExceeded"


def claimed(it: World) -> None:
    assert it.canary_object is not None
    assert it.canary_object["metadata"]["finalizers"] == [FINALIZER]


@pytest.mark.parametrize("seconds", [0, 15, 300])
def test_deletion_gives_the_primary_all_traffic_first(seconds: int) -> None:
    it = at_rest()
    claimed(it)
    give(it, NEW, "2.0.0")
    it.run(seconds)
    it.delete()
    it.settle()
    assert it.routed == (100, 0)
    it.run(60)
    assert it.canary_object is None
    assert sorted(ref.name for ref in it.objects if ref.kind == "Deployment") == [OLD, NEW]
    assert untouched(it)


def test_deletion_leaves_traffic_where_it_is_served() -> None:
    it = accepted(progressDeadlineSeconds=60)
    scale(it, OLD, 0)
    it.delete()
    it.run(59)
    assert it.routed == (0, 100)
    assert "waiting for Deployment podinfo-v1 to be ready" in it.message
    it.run(2)
    assert it.canary_object is None


def test_deletion_together_with_a_workload_waits_for_nothing() -> None:
    it = accepted()
    it.delete()
    it.remove("Deployment", OLD)
    it.settle()
    assert it.canary_object is None


def test_deletion_does_not_wait_for_a_primary_that_was_never_ready() -> None:
    it = created("slow")
    it.unready = {"slow"}
    it.run(10)
    it.delete()
    it.settle()
    assert it.canary_object is None


def test_suspended_and_paused_hold_the_weight() -> None:
    it = at_rest()
    give(it, NEW, "2.0.0")
    it.run(15)
    it.edit(paused=True)
    it.run(60)
    assert it.status.canary_weight == 20
    it.edit(paused=False)
    it.run_until(Phase.PROMOTING)
    it.edit(suspend=True)
    give(it, OLD, "2.0.0")
    it.run(60)
    assert it.routed == (0, 100)
    it.edit(suspend=False)
    it.run_until(Phase.SUCCEEDED)


def test_no_workload_is_ever_scaled() -> None:
    it = accepted()
    give(it, OLD, "2.0.0")
    it.run_until(Phase.SUCCEEDED)
    scale(it, NEW, 9)
    it.run(60)
    assert not any(isinstance(a, Scale) for d in it.decisions for a in d.actions)
    assert it.deployment(OLD)["spec"]["replicas"] == 2
