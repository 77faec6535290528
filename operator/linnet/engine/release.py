"""Rules for a revision on its way: start, wait for its pods, hold, take back."""

from linnet.analysis import checks as judging
from linnet.analysis.policy.sentences import failing
from linnet.api.status import Phase, Verdict
from linnet.engine.conditions import LATE
from linnet.engine.lifecycle import RELEASING, drained_at, progress_deadline
from linnet.engine.outcome import NOTHING_NEW, Outcome, normal, warning
from linnet.engine.situation import Situation
from linnet.routing.weights import canary_share


def abort_when_set_back_to_the_promoted_revision(s: Situation) -> Outcome | None:
    """Setting the target back is the fastest way to say stop."""
    if s.status.phase is not Phase.PROGRESSING or not s.asks_for_promoted:
        return None
    message = f"the target was set back to the promoted revision {s.status.promoted_revision}"
    return Outcome(
        {
            **traffic_away(s),
            "phase": Phase.SUCCEEDED,
            "revision": s.status.promoted_revision,
        },
        "Reverted",
        message,
        normal("Reverted", message),
        record=True,
    )


def start_over_on_another_revision(s: Situation) -> Outcome | None:
    """A newer revision in mid-run is a release of its own, from the first step."""
    if s.status.phase not in RELEASING or s.target is None:
        return None
    if s.target.revision == s.status.revision:
        return None
    message = f"revision {s.target.revision} supersedes {s.status.revision}"
    return start(s, "Superseded", message, promoted_revision=s.falls_back_to)


def start(s: Situation, reason: str, message: str, *, promoted_revision: str | None) -> Outcome:
    """Begin a release of the target's revision at weight 0."""
    assert s.target is not None  # noqa: S101 - every caller has seen a revision of it
    phase = Phase.PROMOTING if s.spec.skip_analysis else Phase.PROGRESSING
    return Outcome(
        {
            **traffic_away(s),
            "phase": phase,
            "revision": s.target.revision,
            "promoted_revision": promoted_revision,
            "replicas": _size(s),
            "failed_checks": 0,
            "paused_revision": None,
            "started_at": s.now,
            "deadline": progress_deadline(s),
        },
        reason,
        message,
        normal(reason, message),
        record=True,
    )


def _size(s: Situation) -> int | None:
    """Return the size the target is given if it has none: that of the primary."""
    if not s.canary.copies_target:
        return None
    scaled_up = s.target is not None and s.target.replicas == 0 and s.primary is not None
    return s.primary.replicas if scaled_up and s.primary else s.status.replicas


def take_weight_off_pods_that_are_gone(s: Situation) -> Outcome | None:
    """No ready canary pod is left: traffic has no business there.

    Where only the Service is gone that leads to them, it is put back: that is no failed check.
    """
    if s.status.phase not in RELEASING or not s.status.canary_weight or s.canary_endpoints:
        return None
    if s.target is not None and s.target.serving:
        return NOTHING_NEW
    if not s.primary_endpoints:
        return NOTHING_NEW  # neither side serves: moving traffic helps nobody
    coming_over = s.canary.copies_target or s.asks_for_promoted
    if s.status.phase is Phase.PROMOTING and coming_over:
        message = "no canary pod is ready any more: the primary gets all traffic"
        return Outcome(
            traffic_away(s), "CanaryNotReady", message, warning("CanaryNotReady", message)
        )
    failed = s.status.failed_checks + 1
    message = failing("no canary pod is ready any more", failed, _threshold(s))
    if failed >= _threshold(s):
        return roll_back(s, "CanaryNotReady", message, failed_checks=failed)
    return Outcome(
        {
            **traffic_away(s),
            "phase": Phase.PROGRESSING,
            "failed_checks": failed,
            "deadline": progress_deadline(s),
        },
        "CanaryNotReady",
        message,
        warning("CanaryNotReady", message),
        record=True,
        verdict=Verdict.FAILED,
    )


def wait_for_the_canary(s: Situation) -> Outcome | None:
    """Before its first traffic a canary must be ready, within the progress deadline."""
    if s.status.phase is not Phase.PROGRESSING or s.status.canary_weight or s.canary_ready:
        return None
    why = f": {s.target.failing}" if s.target and s.target.failing else ""
    if s.status.deadline and s.now >= s.status.deadline:
        seconds = s.spec.progress_deadline_seconds
        return roll_back(
            s,
            LATE,
            f"the canary's pods were not ready within {seconds} s{why}",
            failed_checks=s.status.failed_checks,
        )
    return Outcome({}, "WaitingForCanary", f"waiting for the canary's pods to be ready{why}")


def paused_by_request(s: Situation) -> tuple[str, str] | None:
    """Return the reason and message of a release that a person's request has paused."""
    if s.status.paused_revision is None or s.status.paused_revision != s.status.revision:
        return None
    return "Paused", f"holding at weight {s.status.canary_weight}: a request paused it"


def held(s: Situation) -> tuple[str, str] | None:
    """Return why the weight may not grow though the canary does well: reason and message."""
    weight = s.status.canary_weight
    if s.problem is not None:
        return s.problem.reason, f"holding at weight {weight}: {s.problem.message}"
    if s.spec.paused:
        return "Paused", f"holding at weight {weight}: spec.paused is true"
    if canary_share(s.canary, s.observation.objects) != weight:
        return "RoutesNotWritten", f"holding at weight {weight}: the routes are not written yet"
    if not s.primary_ready:
        why = s.primary.failing if s.primary else "it does not exist"
        why = why or "none of its pods can be sent requests yet"
        return "PrimaryNotReady", f"holding at weight {weight}: the primary is not ready ({why})"
    if weight and not s.canary_ready:
        return "CanaryNotReady", f"holding at weight {weight}: not all canary pods are ready"
    return None


def roll_back(
    s: Situation,
    reason: str,
    message: str,
    *,
    failed_checks: int,
    checks: tuple[judging.Check, ...] = (),
) -> Outcome:
    """Take all traffic back to the primary."""
    return Outcome(
        {**traffic_away(s), "phase": Phase.FAILED, "failed_checks": failed_checks},
        reason,
        f"rolled back: {message}",
        warning("RolledBack", f"revision {s.status.revision} rolled back: {message}"),
        record=True,
        verdict=Verdict.FAILED,
        checks=checks,
    )


def traffic_away(s: Situation) -> dict[str, object]:
    """Return the changes that take the canary's traffic away and end its checks."""
    drained = drained_at(s) if s.status.canary_weight else s.status.drain_until or s.now
    return {
        "canary_weight": 0,
        "drain_until": drained,
        "traffic_since": None,
        "next_check_at": None,
        "deadline": None,
    }


def _threshold(s: Situation) -> int:
    return s.spec.analysis.threshold
