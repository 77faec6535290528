"""Rules for a Canary with no release under way."""

from linnet.api.status import Phase
from linnet.engine.conditions import reason_of
from linnet.engine.lifecycle import SUSPENDED, drained_at, half_drained
from linnet.engine.outcome import NOTHING_NEW, Outcome, normal
from linnet.engine.release import start
from linnet.engine.situation import Situation
from linnet.engine.sizes import AT_REST, asked_size
from linnet.routing.weights import canary_share


def clear_a_failure_that_was_set_back(s: Situation) -> Outcome | None:
    """After a rollback, a target that is set back asks for what is already serving."""
    if s.status.phase is not Phase.FAILED or not s.asks_for_promoted:
        return None
    message = (
        f"the target was set back to the promoted revision {s.status.promoted_revision}"
        if s.canary.copies_target
        else f"Deployments {s.canary.target_name} and {s.canary.primary_name} run the same again"
    )
    return Outcome(
        {"phase": Phase.SUCCEEDED, "revision": s.status.promoted_revision, "failed_checks": 0},
        "Reverted",
        message,
        normal("Reverted", message),
        record=True,
    )


def follow_a_renamed_revision(s: Situation) -> Outcome | None:
    """The same template under another hash: take the new name, release nothing."""
    if s.target is None or not s.asks_for_promoted:
        return None
    if s.target.revision == s.status.promoted_revision:
        return None
    return Outcome(
        {"revision": s.target.revision, "promoted_revision": s.target.revision},
    )


def start_on_a_new_revision(s: Situation) -> Outcome | None:
    """The target has a template that was neither promoted nor judged already."""
    if s.target is None or s.asks_for_promoted or s.target.revision == s.status.revision:
        return None
    promoted = s.falls_back_to
    message = f"new revision {s.target.revision} (promoted: {promoted})"
    return start(s, "NewRevision", message, promoted_revision=promoted)


def take_over_a_new_size(s: Situation) -> Outcome | None:
    """Somebody scaled the target; the primary has that size by now."""
    asked = asked_size(s, s.status)
    if asked is None or s.primary is None or s.primary.replicas != asked:
        return None
    return Outcome({"replicas": asked})


def drain_once_the_routes_are_written(s: Situation) -> Outcome | None:
    """Pods that the routes still lead to are not draining: the delay begins when these change.

    Until then there is no `drain_until`: a webhook that is away, or a permission, may keep the
    routes from being written for longer than the delay.
    """
    if s.status.phase is not Phase.FINALISING and not _has_pods_at_rest(s):
        return None
    routed = bool(canary_share(s.canary, s.observation.objects))
    if s.status.drain_until is None:
        return NOTHING_NEW if routed else Outcome({"drain_until": drained_at(s)})
    return Outcome({"drain_until": None}) if routed and half_drained(s) else None


def _has_pods_at_rest(s: Situation) -> bool:
    pods_go = s.canary.copies_target and s.status.phase in AT_REST
    return pods_go and s.target is not None and s.target.replicas > 0


def finish_draining(s: Situation) -> Outcome | None:
    """Proxies have had time to learn the routes: the release is over."""
    if s.status.phase is not Phase.FINALISING:
        return None
    if s.status.drain_until and s.now < s.status.drain_until:
        return NOTHING_NEW
    message = f"revision {s.status.promoted_revision} is promoted and serves all traffic"
    return Outcome({"phase": Phase.SUCCEEDED}, "Promoted", message)


def say_again_what_was_decided(s: Situation) -> Outcome | None:
    """After `spec.suspend` the conditions tell of the last release again."""
    if reason_of(s.status) != SUSPENDED or s.status.phase is None:
        return None
    if s.status.decisions:
        last = s.status.decisions[-1]
        return Outcome({}, last.reason, last.message)
    message = f"Deployment {s.canary.primary_name} serves revision {s.status.promoted_revision}"
    return Outcome({}, s.status.phase, message)
