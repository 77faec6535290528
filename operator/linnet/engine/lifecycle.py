"""Rules for the Canary's own life: created, suspended, broken, deleted."""

from datetime import datetime, timedelta

from linnet.api.status import Phase
from linnet.engine.conditions import LATE, reason_of
from linnet.engine.leaving import has_left, let_go
from linnet.engine.outcome import NOTHING_NEW, Outcome, normal, warning
from linnet.engine.routes import are_written
from linnet.engine.situation import Situation
from linnet.errors import SpecError

RELEASING = (Phase.PROGRESSING, Phase.PROMOTING)
ANNOUNCEMENT = timedelta(seconds=2)
"""How long proxies get to learn of destinations before these get traffic (measured: 0.16 s)."""
SUSPENDED = "Suspended"
"""The reason of a Canary that is left alone."""
LEAVING = (Phase.TERMINATING, Phase.TERMINATED)


def give_back_when_deleted(s: Situation) -> Outcome | None:
    """Bring the target back into service before anything that serves is taken away.

    Terminating: the target is scaled up, then all traffic is sent to it. Terminated: the routes
    are given back; once proxies know, the finalizer goes.
    """
    if not s.canary.deleted:
        return None
    if s.status.phase is Phase.TERMINATED:
        return let_proxies_know(s)
    if not s.canary.finalizers or s.target is None or s.status.phase in (None, Phase.INITIALIZING):
        return Outcome({"phase": Phase.TERMINATED, "drain_until": s.now})
    if s.status.phase not in LEAVING:
        message = f"deleted: Deployment {s.target.name} is brought back into service"
        return Outcome(
            {"phase": Phase.TERMINATING, "drain_until": None, "deadline": progress_deadline(s)},
            "Terminating",
            message,
            normal("Terminating", message),
        )
    return _shift_to_the_target(s)


def let_proxies_know(s: Situation) -> Outcome:
    """The last delay begins when the routes are given back, however long that could not be done."""
    if s.status.drain_until is not None or not has_left(s):
        return NOTHING_NEW
    return Outcome({"drain_until": drained_at(s)})


def _shift_to_the_target(s: Situation) -> Outcome:
    assert s.target is not None  # noqa: S101 - the caller has ruled it out
    if s.status.canary_weight and not s.canary_endpoints and s.primary_endpoints:
        changes = {"canary_weight": 0, "drain_until": None, "deadline": progress_deadline(s)}
        message = f"no pod of Deployment {s.target.name} is ready: the primary gets the traffic"
        return Outcome(changes, "Terminating", message)
    unwritten = _waits_for_routes(s)
    if s.status.drain_until is None:
        enough = s.primary is None or s.target.replicas >= s.primary.replicas
        if not enough or not s.canary_ready:
            return _wait_for_the_target(s)
        if unwritten:
            return Outcome({}, "Terminating", "waiting for the routes to be written")
        message = f"all traffic goes to Deployment {s.target.name}"
        deadline = s.status.deadline or progress_deadline(s)
        changes = {"canary_weight": 100, "drain_until": drained_at(s), "deadline": deadline}
        return Outcome(changes, "Terminating", message)
    if unwritten and half_drained(s):
        return Outcome({"drain_until": None})
    if s.now < s.status.drain_until:
        return NOTHING_NEW
    return Outcome(
        {"phase": Phase.TERMINATED, "drain_until": None, "deadline": None},
        "Terminated",
        "the routes are given back",
    )


def _waits_for_routes(s: Situation) -> bool:
    """Tell whether proxies have not been told of the target yet, and there is time for that.

    A gateway answers 503 where it is led to what it does not know. Somebody may undo the routes
    again and again, so the wait has an end.
    """
    if s.canary.adopts or s.status.deadline is None or s.now >= s.status.deadline:
        return False
    return not are_written(s)


def _wait_for_the_target(s: Situation) -> Outcome:
    assert s.target is not None  # noqa: S101 - the caller has ruled it out
    waiting = f"waiting for Deployment {s.target.name} to be ready before it gets the traffic"
    message = waiting + because(s.target.failing)
    if s.status.deadline is None or s.now < s.status.deadline:
        return Outcome({}, "Terminating", message)
    message = f"{message}; {let_go(s.canary)}"
    told = reason_of(s.status) == LATE
    return Outcome({}, LATE, message, None if told else warning(LATE, message))


def do_nothing_while_suspended(s: Situation) -> Outcome | None:
    """`spec.suspend` means hands off: no decision, no repair."""
    if not s.spec.suspend:
        return None
    return Outcome(
        {}, SUSPENDED, "spec.suspend is true: linnet changes nothing here", hands_off=True
    )


def stop_when_the_target_is_gone(s: Situation) -> Outcome | None:
    """A release whose target was deleted ends; its traffic goes back to the primary."""
    if s.target is not None or s.status.phase not in RELEASING:
        return None
    message = f"Deployment {s.canary.target_name} was deleted during its release"
    return Outcome(
        {"phase": Phase.FAILED, "canary_weight": 0, "drain_until": s.now},
        "TargetNotFound",
        message,
        warning("TargetNotFound", message),
        record=True,
    )


def stall_on_a_problem_at_rest(s: Situation) -> Outcome | None:
    """With nothing under way, what cannot work is left alone until it is mended.

    A release under way is not dropped for it: it is held where it is, and goes on being judged.
    """
    if s.problem is None or s.status.phase in RELEASING:
        return None
    return Outcome({}, hands_off=True)


def bootstrap_the_primary(s: Situation) -> Outcome | None:
    """Copy the target to the primary; once it is ready, tell proxies of it, then route to it."""
    if not s.canary.copies_target:
        return None
    if s.status.phase not in (None, Phase.INITIALIZING):
        if s.primary is None and not s.asks_for_promoted:
            return Outcome(problem=_primary_lost(s), hands_off=True)
        return None
    if not s.primary_rolled_out or s.carried is None:
        deadline = s.status.deadline or progress_deadline(s)
        waiting = f"waiting for Deployment {s.canary.primary_name} to be ready"
        waiting += because(s.primary.failing if s.primary else None)
        return Outcome(
            {"phase": Phase.INITIALIZING, "deadline": deadline, "drain_until": None},
            LATE if s.now >= deadline else "Initializing",
            waiting,
        )
    if s.status.drain_until is None:
        return Outcome(
            {"deadline": None, "drain_until": s.now + ANNOUNCEMENT},
            "Initializing",
            f"Deployment {s.canary.primary_name} is ready; proxies are told of it",
        )
    if s.now < s.status.drain_until:
        return NOTHING_NEW
    message = f"Deployment {s.canary.primary_name} serves revision {s.carried}"
    return Outcome(
        {
            "phase": Phase.INITIALIZED,
            "revision": s.carried,
            "promoted_revision": s.carried,
            "replicas": s.target.replicas if s.target else 0,
            "canary_weight": 0,
            "failed_checks": 0,
            "deadline": None,
            "drain_until": drained_at(s),
        },
        "Initialized",
        message,
        normal("Initialized", message),
    )


def _primary_lost(s: Situation) -> SpecError:
    return SpecError(
        "PrimaryLost",
        f"Deployment {s.canary.primary_name} is gone, and with it revision "
        f"{s.status.promoted_revision}; set the target back to that revision to restore it",
    )


def progress_deadline(s: Situation) -> datetime:
    """Return by when pods that are to come up now must be ready."""
    return s.now + timedelta(seconds=s.spec.progress_deadline_seconds)


def drained_at(s: Situation) -> datetime:
    """Return when pods that lose their traffic now may go."""
    return s.now + _delay(s)


def half_drained(s: Situation) -> bool:
    """Tell whether so much of the delay is over that it is to begin anew where routes are late."""
    return s.status.drain_until is not None and s.status.drain_until - s.now < _delay(s) / 2


def _delay(s: Situation) -> timedelta:
    return timedelta(seconds=s.spec.scale_down_delay_seconds)


def because(failing: str | None) -> str:
    """Return the end of a sentence that says why pods are waited for, where that is known."""
    return f": {failing}" if failing else ""
