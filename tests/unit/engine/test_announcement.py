"""What is told of a release that has ended: once, and as it was."""

from typing import Any

import pytest

from linnet.api.status import Phase
from unit.engine.builders import initialized
from unit.engine.world import World


def told(it: World) -> list[Any]:
    """Return what was told so far."""
    return [d.announcement for d in it.decisions if d.announcement is not None]


def test_nothing_is_told_before_there_was_a_release() -> None:
    assert told(initialized()) == []


def test_a_promotion_is_told_once_with_what_was_released() -> None:
    it = initialized()
    assert it.canary_object is not None
    it.canary_object["metadata"]["labels"] = {"team": "a"}
    before = it.status.promoted_revision
    it.release("2.0.0")
    it.run_until(Phase.SUCCEEDED)
    it.run(600)
    (one,) = told(it)
    assert one["apiVersion"] == "linnet.dev/v1beta1"
    assert one["kind"] == "ReleaseOutcome"
    assert one["outcome"] == "promoted"
    assert one["canary"] == {
        "namespace": "test",
        "name": "podinfo",
        "uid": "canary-uid",
        "labels": {"team": "a"},
    }
    assert one["target"] == "podinfo"
    assert one["revision"] == one["promotedRevision"] == it.status.revision != before
    assert one["images"] == {"app": "podinfo:2.0.0"}
    assert one["reason"] == "Promoted"
    assert "is promoted and serves all traffic" in one["message"]
    assert one["startedAt"] < one["endedAt"]


def test_a_rollback_is_told_with_its_reason() -> None:
    it = initialized()
    promoted = it.status.promoted_revision
    it.release("2.0.0-bad")
    it.run_until(Phase.FAILED)
    it.run(600)
    (one,) = told(it)
    assert one["outcome"] == "rolled_back"
    assert one["promotedRevision"] == promoted != one["revision"]
    assert one["images"] == {"app": "podinfo:2.0.0-bad"}
    assert one["failedChecks"] == 3
    assert "below the minimum 99" in one["message"]


def test_an_abort_is_told_as_one() -> None:
    it = initialized()
    it.release("2.0.0")
    it.settle()
    it.ask(f"abort @{it.status.revision}")
    it.settle()
    (one,) = told(it)
    assert (one["outcome"], one["reason"]) == ("rolled_back", "Aborted")


def test_a_target_that_is_set_back_is_told_with_the_revision_that_was_given_up() -> None:
    it = initialized()
    it.release("2.0.0")
    it.settle()
    given_up = it.status.revision
    it.release("1.0.0")
    it.settle()
    (one,) = told(it)
    assert (one["outcome"], one["revision"]) == ("reverted", given_up)
    assert one["images"] == {}, "the target does not ask for it any more"


@pytest.mark.parametrize("next_tag", ["3.0.0", "3.0.0-bad"])
def test_a_superseded_release_is_not_told_but_the_one_that_took_its_place(next_tag: str) -> None:
    it = initialized()
    it.release("2.0.0")
    it.settle()
    it.release(next_tag)
    it.run_until(Phase.SUCCEEDED, Phase.FAILED)
    (one,) = told(it)
    assert one["images"] == {"app": f"podinfo:{next_tag}"}


def test_a_promotion_is_told_though_the_next_release_begins_before_its_pods_are_gone() -> None:
    it = initialized()
    it.release("2.0.0")
    it.run_until(Phase.FINALISING)
    it.release("3.0.0")
    it.settle()
    assert it.in_phase(Phase.PROGRESSING)
    (one,) = told(it)
    assert one["images"] == {"app": "podinfo:2.0.0"}
