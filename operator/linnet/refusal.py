"""What stays visible while the API server refuses something."""

from dataclasses import replace
from datetime import datetime

from linnet.api.canary import Canary
from linnet.engine.conditions import conditions, message_of, reason_of
from linnet.engine.decision import Decision
from linnet.errors import SpecError


def still_refused(
    canary: Canary, decision: Decision, refusal: SpecError, now: datetime
) -> Decision:
    """Return the decision with the conditions of a Canary that is stalled by this refusal.

    The engine does not know of refusals; without this, each new try would look like a recovery.
    """
    # The conditions follow on those that were written, so that no time-stamp moves.
    status = decision.status.model_copy(update={"conditions": canary.status.conditions})
    stalled = conditions(
        status,
        reason_of(decision.status),
        message_of(decision.status),
        refusal,
        canary.generation,
        now,
    )
    return replace(
        decision,
        status=status.model_copy(update={"conditions": stalled}),
        events=tuple(event for event in decision.events if event.reason != "Recovered"),
    )
