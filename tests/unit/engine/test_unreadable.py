"""A Canary that breaks a rule which is newer than itself, and is deleted."""

from datetime import UTC, datetime
from typing import Any

from linnet.api.canary import Canary, Metadata
from linnet.api.names import FINALIZER
from linnet.engine.unreadable import unreadable
from linnet.errors import SpecError
from unit.engine.builders import initialized

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROBLEM = SpecError("InvalidSpec", "spec.targetRef: is required")


def test_it_gives_everything_back_as_if_it_were_whole() -> None:
    it = initialized()
    it.release("2.0.0")
    it.run(15)
    assert it.canary_object is not None
    it.canary_object["spec"]["analysis"] = {"stepWeights": [50, 20]}
    it.delete()
    it.run(60)
    assert it.canary_object is None
    assert it.deployment("podinfo")["spec"]["replicas"] == 2
    assert it.routed is None


def _husk(**metadata: Any) -> Canary:
    finalizers = ("somebody.else/finalizer", FINALIZER)
    return Canary.model_construct(  # type: ignore[call-arg]  # the very point: it has no spec
        metadata=Metadata(name="podinfo", namespace="test", finalizers=finalizers, **metadata),
        status=initialized().status,
    )


def test_one_that_cannot_be_read_at_all_is_let_go_once_it_is_deleted() -> None:
    decision = unreadable(_husk(deletion_timestamp=NOW), PROBLEM, NOW)
    (action,) = decision.actions
    assert action.finalizers == ("somebody.else/finalizer",)  # type: ignore[union-attr]
    assert decision.events[0].reason == "InvalidSpec"


def test_one_that_cannot_be_read_stays_as_it_is_until_then() -> None:
    assert unreadable(_husk(), PROBLEM, NOW).actions == ()
