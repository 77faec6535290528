"""Rules for two workloads of the user's own: linnet moves traffic, and writes neither of them.

A release ends with all traffic on the target. There it stays until the user gives the primary the
same images, in Git as a rule; then it returns to the primary. Nowhere does a weight move to a side
that serves nothing.
"""

from dataclasses import replace

from linnet.analysis.policy import CheckResult
from linnet.analysis.policy.sentences import failing
from linnet.analysis.ramps import ladder
from linnet.api.status import Phase, Verdict
from linnet.engine.analysing import check_result, checks_of
from linnet.engine.conditions import LATE, reason_of
from linnet.engine.lifecycle import (
    ANNOUNCEMENT,
    LEAVING,
    RELEASING,
    because,
    drained_at,
    let_proxies_know,
    progress_deadline,
)
from linnet.engine.outcome import NOTHING_NEW, Outcome, normal, warning
from linnet.engine.release import held, roll_back, start, traffic_away
from linnet.engine.situation import Situation
from linnet.errors import SpecError
from linnet.routing.weights import canary_share
from linnet.workload.pair import missing_in

WAITING_FOR_PRIMARY = "WaitingForPrimary"


def give_the_routes_back_when_deleted(s: Situation) -> Outcome | None:
    """The primary gets all traffic if it is ready; then the routes are the user's again.

    Where it does not become ready in time, traffic stays where it is served.
    """
    if s.canary.copies_target or not s.canary.deleted:
        return None
    if s.status.phase is Phase.TERMINATED:
        return let_proxies_know(s)
    unrouted = s.status.phase in (None, Phase.INITIALIZING)
    if unrouted or not s.canary.finalizers or s.target is None or s.primary is None:
        weight = s.status.canary_weight if s.target else 0
        changes = {"phase": Phase.TERMINATED, "canary_weight": weight, "drain_until": s.now}
        return Outcome(changes)
    name = s.primary.name
    if s.status.phase not in LEAVING:
        message = f"deleted: all traffic goes to Deployment {name}, then the routes are given back"
        return Outcome(
            {"phase": Phase.TERMINATING, "drain_until": None, "deadline": progress_deadline(s)},
            "Terminating",
            message,
            normal("Terminating", message),
        )
    if s.status.drain_until is not None:
        if s.now < s.status.drain_until:
            return NOTHING_NEW
        return Outcome(
            {"phase": Phase.TERMINATED, "drain_until": None},
            "Terminated",
            "the routes are given back",
        )
    if s.primary_ready or not s.status.canary_weight or not s.canary_endpoints:
        message = f"all traffic goes to Deployment {name}"
        changes = {"canary_weight": 0, "drain_until": drained_at(s), "deadline": None}
        return Outcome(changes, "Terminating", message)
    if s.status.deadline is not None and s.now >= s.status.deadline:
        message = f"Deployment {name} is not ready{because(s.primary.failing)}: traffic stays"
        changes = {"phase": Phase.TERMINATED, "drain_until": s.now, "deadline": None}
        return Outcome(changes, "Terminated", f"{message} where it is")
    waiting = f"waiting for Deployment {name} to be ready before it gets the traffic"
    return Outcome({}, "Terminating", waiting + because(s.primary.failing))


def hold_while_the_primary_serves_nothing(s: Situation) -> Outcome | None:
    """Whatever there is to do, no traffic leaves the target before the primary can take it."""
    if s.canary.copies_target or s.status.phase not in RELEASING:
        return None
    if not s.status.canary_weight or s.primary_endpoints or not s.canary_endpoints:
        return None
    if s.status.phase is Phase.PROMOTING and _is_accepted(s):
        return None  # nothing would be taken away
    why = because(s.primary.failing if s.primary else "it does not exist")
    message = f"holding at weight {s.status.canary_weight}: no pod of the primary is ready{why}"
    return Outcome({}, "PrimaryNotReady", message)


def begin_with_what_serves(s: Situation) -> Outcome | None:
    """Once the primary is ready, tell proxies of both sides, then route to the primary."""
    if s.canary.copies_target or s.status.phase not in (None, Phase.INITIALIZING):
        return None
    name = s.canary.primary_name
    if not s.primary_ready:
        deadline = s.status.deadline or progress_deadline(s)
        why = because(s.primary.failing if s.primary else None)
        return Outcome(
            {"phase": Phase.INITIALIZING, "deadline": deadline, "drain_until": None},
            LATE if s.now >= deadline else "Initializing",
            f"waiting for Deployment {name} to be ready{why}",
        )
    if s.status.drain_until is None:
        found = _found_weight(s)
        return Outcome(
            {
                "phase": Phase.INITIALIZING,
                "deadline": None,
                "drain_until": s.now + ANNOUNCEMENT,
                "canary_weight": found,
            },
            "Initializing",
            f"Deployment {name} is ready; proxies are told of it",
        )
    if s.now < s.status.drain_until:
        return NOTHING_NEW
    message = f"Deployment {name} serves revision {s.carried}"
    return Outcome(
        {
            "phase": Phase.INITIALIZED,
            "revision": s.carried,
            "promoted_revision": s.carried,
            "failed_checks": 0,
            "deadline": None,
            "drain_until": drained_at(s),
        },
        "Initialized",
        message,
        normal("Initialized", message),
    )


def _found_weight(s: Situation) -> int:
    """Return the weight that a release is to begin with, which the user's routes have already.

    That of the first step spares the canary's users a jump to the primary and back; any other is
    where no release of linnet's would be.
    """
    if s.asks_for_promoted or s.spec.skip_analysis or not s.canary_ready or not s.canary.adopts:
        return 0
    share = canary_share(s.canary, s.observation.objects)
    return share if share == ladder(s.spec.analysis)[0] else 0


def go_on_from_the_weight_that_was_found(s: Situation) -> Outcome | None:
    """The target has the traffic of the first step already: that is where its release begins."""
    if s.canary.copies_target or s.status.phase is not Phase.INITIALIZED:
        return None
    weight = s.status.canary_weight
    if not weight:
        return None
    if s.target is None or s.asks_for_promoted or not s.canary_ready:
        return Outcome({"canary_weight": 0, "drain_until": drained_at(s)})
    message = f"new revision {s.target.revision} (promoted: {s.carried}), which has {weight}"
    outcome = start(s, "NewRevision", f"{message} percent already", promoted_revision=s.carried)
    under_way = {
        "canary_weight": weight,
        "traffic_since": s.now,
        "next_check_at": s.now + s.spec.analysis.interval,
        "deadline": None,
    }
    return replace(outcome, changes={**outcome.changes, **under_way})


def end_when_both_run_the_same(s: Situation) -> Outcome | None:
    """Nothing is left to compare: either the target was set back, or the primary came over."""
    if s.canary.copies_target or s.status.phase not in RELEASING or not s.asks_for_promoted:
        return None
    assert s.target is not None and s.primary is not None  # noqa: PT018, S101 - they were compared
    if s.primary.revision == s.status.promoted_revision:
        message = f"Deployment {s.target.name} was set back to what {s.primary.name} runs"
        changes = {
            **traffic_away(s),
            "phase": Phase.SUCCEEDED,
            "revision": s.target.revision,
            "promoted_revision": s.target.revision,
        }
        return Outcome(changes, "Reverted", message, normal("Reverted", message), record=True)
    if s.status.phase is Phase.PROMOTING and s.status.deadline is not None and _is_accepted(s):
        return None  # it is waited for already
    if s.status.phase is Phase.PROMOTING and s.primary_rolled_out and _is_accepted(s):
        return None
    message = f"Deployment {s.primary.name} was given what Deployment {s.target.name} runs"
    lost = s.status.canary_weight and not s.canary_endpoints and s.primary_endpoints
    changes = {
        **(traffic_away(s) if lost else {}),
        "phase": Phase.PROMOTING,
        "revision": s.target.revision,
        "next_check_at": None,
        "deadline": progress_deadline(s),
    }
    return Outcome(changes, "Promoting", message, normal("Promoting", message), record=True)


def note_a_primary_that_changed(s: Situation) -> Outcome | None:
    """The primary was given something else than the target runs: that is the user's to do."""
    if s.canary.copies_target or s.asks_for_promoted or s.primary is None or s.target is None:
        return None
    if s.primary.revision == s.status.promoted_revision:
        return None
    changes = {"promoted_revision": s.primary.revision}
    message = f"Deployment {s.primary.name} was given revision {s.primary.revision}"
    if s.status.phase in RELEASING:
        return Outcome(changes, event=normal("PrimaryChanged", message))
    if s.target.revision != s.status.revision:
        return None  # a release begins, which says what it is compared with
    message += f", and Deployment {s.target.name} runs something else: change it to release it"
    event = normal("PrimaryChanged", message)
    if s.status.phase is Phase.FAILED:
        return Outcome(changes, event=event)  # why it failed remains to be read
    return Outcome(changes, "PrimaryChanged", message, event)


def serve_until_the_handover(s: Situation) -> Outcome | None:
    """An accepted target serves everything until the primary is given the same."""
    if s.canary.copies_target or s.status.phase is not Phase.PROMOTING or s.asks_for_promoted:
        return None
    if s.status.canary_weight and not s.canary_endpoints:
        return None
    return _shift_everything(s) if s.status.canary_weight < 100 else _wait_for_git(s)


def _shift_everything(s: Situation) -> Outcome:
    weight = s.status.canary_weight
    if not s.canary_ready:
        deadline = s.status.deadline or progress_deadline(s)
        why = because(s.target.failing if s.target else None)
        return Outcome(
            {"deadline": deadline},
            LATE if s.now >= deadline else "WaitingForCanary",
            f"waiting for Deployment {s.canary.target_name} to be ready for all traffic{why}",
        )
    if obstacle := held(s):
        return Outcome({}, *obstacle)
    message = f"weight {weight} → 100: revision {s.status.revision} is accepted"
    return Outcome(
        {
            "canary_weight": 100,
            "traffic_since": s.status.traffic_since or s.now,
            "next_check_at": s.now + s.spec.analysis.interval,
            "deadline": None,
        },
        "Advanced",
        message,
        normal("Advanced", message),
        record=True,
    )


def _wait_for_git(s: Situation) -> Outcome:
    target = s.live("Deployment", s.canary.target_name)
    primary = s.live("Deployment", s.canary.primary_name)
    if target is None or primary is None:
        why = s.problem or SpecError("PrimaryNotFound", "one of the two Deployments is gone")
        return Outcome({"deadline": None}, why.reason, why.message)
    what = "; ".join(missing_in(primary, target))
    message = (
        f"revision {s.status.revision} is accepted and serves all traffic;"
        f" to promote it, change Deployment {s.canary.primary_name}: {what}"
    )
    first = reason_of(s.status) != WAITING_FOR_PRIMARY
    event = normal(WAITING_FOR_PRIMARY, message) if first else None
    waiting = Outcome({"deadline": None}, WAITING_FOR_PRIMARY, message, event, record=first)
    check = check_result(s)
    return waiting if check is None else _watched(s, waiting, check)


def _watched(s: Situation, waiting: Outcome, check: CheckResult) -> Outcome:
    """Checks go on while Git is waited for: the promoted revision is there to return to."""
    changes = {**waiting.changes, "next_check_at": s.now + s.spec.analysis.interval}
    if check.verdict is not Verdict.FAILED:
        return replace(waiting, changes=changes)
    failed, threshold = s.status.failed_checks + 1, s.spec.analysis.threshold
    message = failing(check.message, failed, threshold)
    checks = checks_of(s)
    if failed >= threshold and s.primary_endpoints:
        return roll_back(s, "AnalysisFailed", message, failed_checks=failed, checks=checks)
    return replace(
        waiting,
        changes={**changes, "failed_checks": failed},
        event=warning("CheckFailed", message),
        record=True,
        verdict=Verdict.FAILED,
        checks=checks,
    )


def wait_for_the_target_to_be_scaled_up(s: Situation) -> Outcome | None:
    """A target without replicas is not late: nobody has asked it to run yet."""
    if s.canary.copies_target or s.status.phase is not Phase.PROGRESSING or s.target is None:
        return None
    if s.status.canary_weight:
        return None
    if s.target.replicas == 0:
        message = f"waiting for Deployment {s.target.name} to be scaled up: it has 0 replicas"
        return Outcome({"deadline": None}, "WaitingForCanary", message)
    if s.status.deadline is None and not s.canary_ready:
        message = f"waiting for Deployment {s.target.name} to be ready"
        return Outcome({"deadline": progress_deadline(s)}, "WaitingForCanary", message)
    return None


def _is_accepted(s: Situation) -> bool:
    return s.target is not None and s.target.revision == s.status.revision
