"""Sizes that Git and people ask for, while linnet scales the target."""

import copy

import pytest

from linnet.api.names import ASKED_ANNOTATION, REPLICAS_ANNOTATION
from linnet.api.status import Phase
from unit.engine.builders import initialized
from unit.engine.world import World


def sync(it: World, replicas: int) -> None:
    """Apply the target's manifest with this size, as Git would, where the policy is installed."""
    target = copy.deepcopy(it.deployment("podinfo"))
    notes = target["metadata"].get("annotations", {})
    if REPLICAS_ANNOTATION not in notes:
        target["spec"]["replicas"] = replicas
    elif target["spec"]["replicas"] != replicas:
        notes[ASKED_ANNOTATION] = str(replicas)
    it.put(target)


def sizes(it: World) -> tuple[int, int]:
    """Return the sizes of target and primary."""
    names = ("podinfo", "podinfo-primary")
    target, primary = (it.deployment(name)["spec"]["replicas"] for name in names)
    return target, primary


def test_a_sync_of_what_is_known_changes_nothing() -> None:
    it = initialized()
    before = it.deployment("podinfo")["metadata"]["annotations"]
    assert before == {REPLICAS_ANNOTATION: "2", ASKED_ANNOTATION: "2"}
    sync(it, 2)
    it.run(60)
    assert it.deployment("podinfo")["metadata"]["annotations"] == before
    assert sizes(it) == (0, 2)


def test_a_new_size_in_git_goes_to_the_primary() -> None:
    it = initialized()
    sync(it, 5)
    it.run(60)
    assert sizes(it) == (0, 5)
    it.release("2.0.0")
    it.run(5)
    assert sizes(it) == (5, 5)


def test_a_new_size_in_git_during_a_release_waits_for_its_end() -> None:
    it = initialized()
    it.release("2.0.0")
    it.run(5)
    sync(it, 5)
    it.run(1)
    assert sizes(it) == (2, 2)
    it.run_until(Phase.SUCCEEDED)
    it.run(60)
    assert sizes(it) == (0, 5)


def test_scaling_by_hand_holds_until_git_says_another_size() -> None:
    it = initialized()
    it.scale(4)
    it.run(60)
    assert sizes(it) == (0, 4)
    sync(it, 2)
    it.run(60)
    assert sizes(it) == (0, 4), "Git says what it said before"
    sync(it, 3)
    it.run(60)
    assert sizes(it) == (0, 3)


@pytest.mark.parametrize("asked", ["0", "", "many", "-1", "٣"])
def test_what_is_no_size_to_serve_with_is_ignored(asked: str) -> None:
    it = initialized()
    target = copy.deepcopy(it.deployment("podinfo"))
    target["metadata"]["annotations"][ASKED_ANNOTATION] = asked
    it.put(target)
    it.run(60)
    assert sizes(it) == (0, 2)


def test_an_autoscaler_of_the_primary_is_left_alone() -> None:
    it = initialized()
    primary = copy.deepcopy(it.deployment("podinfo-primary"))
    primary["spec"]["replicas"] = 7
    it.put(primary)
    sync(it, 2)
    it.run(60)
    assert sizes(it) == (0, 7)


def test_git_says_the_size_again_when_the_canary_goes() -> None:
    it = initialized()
    sync(it, 5)
    it.run(60)
    it.delete()
    it.run(60)
    assert it.canary_object is None
    target = it.deployment("podinfo")
    assert target["spec"]["replicas"] == 5
    assert target["metadata"]["annotations"] == {}
