"""A Canary whose spec breaks a rule: it cannot be obeyed, and must not stay for ever either."""

from dataclasses import replace
from datetime import datetime

from linnet.api.canary import Canary
from linnet.api.names import FINALIZER
from linnet.engine.decide import stall
from linnet.engine.decision import Decision, SetFinalizers
from linnet.errors import SpecError


def unreadable(canary: Canary, error: SpecError, now: datetime) -> Decision:
    """Return the decision: say what is wrong, and once it is deleted let it go.

    What would have to be given back cannot be known then.
    """
    decision = stall(canary, error, now)
    if not canary.deleted or FINALIZER not in canary.finalizers:
        return decision
    others = tuple(finalizer for finalizer in canary.finalizers if finalizer != FINALIZER)
    action = SetFinalizers(canary.ref, others, canary.resource_version)
    return replace(decision, actions=(action,))
