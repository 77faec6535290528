"""The conditions that follow from a phase, a reason and a problem."""

from datetime import datetime

from linnet.api.status import CanaryStatus, Condition, Phase
from linnet.engine.blindness import Blindness
from linnet.errors import SpecError

UNDER_WAY = {Phase.INITIALIZING, Phase.PROGRESSING, Phase.PROMOTING, Phase.FINALISING}
SERVING_AS_ASKED = {Phase.INITIALIZED, Phase.FINALISING, Phase.SUCCEEDED}
LATE = "ProgressDeadlineExceeded"
"""The reason of a Canary that waits for pods longer than they should take."""
NEEDS_HELP = {(Phase.INITIALIZING, LATE), (Phase.PROMOTING, LATE), (Phase.TERMINATING, LATE)}
"""Where somebody has to help, though nothing is wrong with what the Canary says."""

IMPAIRED = "Impaired"
"""The condition that is there only while there is something to tell (see impairment.py)."""


def reason_of(status: CanaryStatus) -> str:
    """Return the reason of the last outcome that had one."""
    return next((c.reason for c in status.conditions if c.type == "Progressing"), "")


def message_of(status: CanaryStatus) -> str:
    """Return the message of the last outcome that had one."""
    return next((c.message for c in status.conditions if c.type == "Progressing"), "")


def conditions(
    status: CanaryStatus,
    reason: str,
    message: str,
    problem: SpecError | None,
    generation: int,
    now: datetime,
    blind: Blindness | None = None,
) -> tuple[Condition, ...]:
    """Return the five conditions; `lastTransitionTime` moves only where the status does."""
    phase = status.phase
    under_way = phase in UNDER_WAY
    stalled = problem is not None or (phase, reason) in NEEDS_HELP
    stall = (problem.reason, problem.message) if problem else (reason, message)
    rows = (
        ("Ready", _ready(phase, stalled=stalled), *(stall if stalled else (reason, message))),
        ("Progressing", "True" if under_way else "False", reason, message),
        ("Stalled", "True" if stalled else "False", *(stall if stalled else ("NotStalled", ""))),
        ("Promoted", _promoted(phase), phase or "Unknown", ""),
        ("Blind", *(("True", *blind) if blind else ("False", "NotBlind", ""))),
    )
    before = {condition.type: condition for condition in status.conditions}
    impaired = (before[IMPAIRED],) if IMPAIRED in before else ()
    return (
        tuple(
            Condition(
                type=kind,
                status=value,
                reason=why,
                message=text,
                observed_generation=generation,
                last_transition_time=(
                    before[kind].last_transition_time
                    if kind in before and before[kind].status == value
                    else now
                ),
            )
            for kind, value, why, text in rows
        )
        + impaired
    )


def _ready(phase: Phase | None, *, stalled: bool) -> str:
    if stalled or phase is Phase.FAILED:
        return "False"
    return "True" if phase in SERVING_AS_ASKED else "Unknown"


def _promoted(phase: Phase | None) -> str:
    if phase is Phase.FAILED:
        return "False"
    return "True" if phase in SERVING_AS_ASKED else "Unknown"
