"""What is told of a Canary that works, though something outside keeps it from working well."""

from datetime import datetime

from linnet.api.status import CanaryStatus, Condition
from linnet.engine.conditions import IMPAIRED
from linnet.engine.decision import Event
from linnet.engine.outcome import normal, warning
from linnet.engine.situation import Situation
from linnet.routing.conflicts import notices
from linnet.routing.notice import Notice


def with_impairment(
    s: Situation, status: CanaryStatus, now: datetime
) -> tuple[CanaryStatus, tuple[Event, ...]]:
    """Return the status with the condition Impaired, and the Events that this is worth.

    There is a condition only while there is something to tell; an Event when that changes.
    """
    notice = None if s.canary.deleted else _first_notice(s)
    known = next((c for c in s.status.conditions if c.type == IMPAIRED), None)
    others = tuple(c for c in status.conditions if c.type != IMPAIRED)
    if notice is None:
        mended = (normal("Unimpaired", f"{known.reason} is mended"),) if known else ()
        return status.model_copy(update={"conditions": others}), mended
    condition = Condition(
        type=IMPAIRED,
        status="True",
        reason=notice.reason,
        message=notice.message,
        observed_generation=s.canary.generation,
        last_transition_time=known.last_transition_time if known else now,
    )
    told = known is not None and (known.reason, known.message) == (notice.reason, notice.message)
    events = () if told else (warning(notice.reason, notice.message),)
    return status.model_copy(update={"conditions": (*others, condition)}), events


def _first_notice(s: Situation) -> Notice | None:
    observation = s.observation
    for notice in notices(s.canary, observation.objects, observation.neighbours):
        return notice
    if s.canary.adopts and observation.unguarded:
        return Notice("WeightsUnguarded", observation.unguarded)
    return None
