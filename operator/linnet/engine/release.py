"""Rules for a revision under analysis: start, wait, step, hold, take back."""

from datetime import datetime

from linnet.analysis import checks as judging
from linnet.analysis.ramps import ladder, next_weight
from linnet.api.status import Phase, Verdict
from linnet.engine.conditions import reason_of
from linnet.engine.lifecycle import RELEASING, drained_at, progress_deadline
from linnet.engine.outcome import NOTHING_NEW, Outcome, normal, warning
from linnet.engine.situation import Situation
from linnet.routing.virtualservice import canary_weight_of


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
            "paused_revision": None,
            "promoted_revision": promoted_revision,
            "replicas": _size(s),
            "failed_checks": 0,
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
    """No ready canary pod is left: traffic has no business there."""
    if s.status.phase not in RELEASING or not s.status.canary_weight or s.canary_endpoints:
        return None
    if not s.primary_endpoints:
        return NOTHING_NEW  # neither side serves: moving traffic helps nobody
    coming_over = s.canary.copies_target or s.asks_for_promoted
    if s.status.phase is Phase.PROMOTING and coming_over:
        message = "no canary pod is ready any more: the primary gets all traffic"
        return Outcome(
            traffic_away(s), "CanaryNotReady", message, warning("CanaryNotReady", message)
        )
    failed = s.status.failed_checks + 1
    message = f"no canary pod is ready any more (failed check {failed} of {_threshold(s)})"
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
            "ProgressDeadlineExceeded",
            f"the canary's pods were not ready within {seconds} s{why}",
            failed_checks=s.status.failed_checks,
        )
    return Outcome({}, "WaitingForCanary", f"waiting for the canary's pods to be ready{why}")


def send_first_traffic(s: Situation) -> Outcome | None:
    """The canary is ready and routable: the first step."""
    if s.status.phase is not Phase.PROGRESSING or s.status.canary_weight:
        return None
    if obstacle := held(s) or paused_by_request(s):
        return Outcome({}, *obstacle)
    weight = ladder(s.spec.analysis)[0]
    message = f"weight 0 → {weight}: the canary is ready"
    return Outcome(
        {
            "canary_weight": weight,
            "traffic_since": s.status.traffic_since or s.now,
            "next_check_at": s.now + s.spec.analysis.interval,
            "deadline": None,
        },
        "Advanced",
        message,
        normal("Advanced", message),
        record=True,
    )


def check(s: Situation) -> Outcome | None:
    """A check is due: its verdict decides on holding, stepping, promoting or taking back."""
    if s.status.phase is not Phase.PROGRESSING:
        return None
    if not check_due(s):
        return NOTHING_NEW
    metrics = s.spec.analysis.metrics
    if metrics and not s.observation.measurements:
        return NOTHING_NEW
    checks = judging.judge_all(metrics, s.observation.measurements)
    verdict = judging.overall(checks)
    if verdict is Verdict.FAILED:
        return _failed(s, checks)
    if verdict is Verdict.INCONCLUSIVE:
        message = f"holding at weight {s.status.canary_weight}: " + judging.why(checks, verdict)
        return _hold(s, "Inconclusive", message, checks, verdict)
    if obstacle := held(s) or paused_by_request(s):
        return _hold(s, *obstacle, checks, verdict)
    return _passed(s, checks)


def check_due(s: Situation) -> bool:
    """Tell whether the canary has traffic and the time of its next check has come."""
    due = s.status.next_check_at
    return (
        s.status.phase is Phase.PROGRESSING
        and bool(s.status.canary_weight)
        and s.target is not None
        and s.target.revision == s.status.revision
        and due is not None
        and s.now >= due
    )


def _failed(s: Situation, checks: tuple[judging.Check, ...]) -> Outcome:
    failed = s.status.failed_checks + 1
    count = f"failed check {failed} of {_threshold(s)}"
    message = f"{judging.why(checks, Verdict.FAILED)} ({count})"
    if failed >= _threshold(s):
        return roll_back(s, "AnalysisFailed", message, failed_checks=failed, checks=checks)
    return Outcome(
        {"failed_checks": failed, "next_check_at": _next_check(s)},
        "CheckFailed",
        message,
        warning("CheckFailed", message),
        record=True,
        verdict=Verdict.FAILED,
        checks=checks,
    )


def _passed(s: Situation, checks: tuple[judging.Check, ...]) -> Outcome:
    weight = s.status.canary_weight
    figures = "; ".join(check.message for check in checks) or "no metrics to check"
    higher = next_weight(s.spec.analysis, weight)
    if higher is None:
        message = f"promoting revision {s.status.revision}: {figures}"
        changes: dict[str, object] = {
            "phase": Phase.PROMOTING,
            "next_check_at": None,
            "deadline": progress_deadline(s),
        }
        reason = "Promoting"
    else:
        message = f"weight {weight} → {higher}: {figures}"
        changes = {"canary_weight": higher, "next_check_at": _next_check(s)}
        reason = "Advanced"
    event = normal(reason, message)
    return Outcome(changes, reason, message, event, True, Verdict.PASSED, checks)


def _hold(
    s: Situation, reason: str, message: str, checks: tuple[judging.Check, ...], verdict: Verdict
) -> Outcome:
    changed = reason_of(s.status) != reason
    event = warning(reason, message) if verdict is Verdict.INCONCLUSIVE else normal(reason, message)
    return Outcome(
        {"next_check_at": _next_check(s)},
        reason,
        message,
        event if changed else None,
        record=changed,
        verdict=verdict,
        checks=checks,
    )


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
    routes = s.live("VirtualService", s.canary.service_name)
    if routes is None or canary_weight_of(s.canary, routes) != weight:
        return "RoutesNotWritten", f"holding at weight {weight}: the routes are not written yet"
    if not s.primary_ready:
        why = s.primary.failing if s.primary else "it does not exist"
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


def _next_check(s: Situation) -> datetime:
    """Keep to the schedule; after a pause (a restart, say) start a new one from now."""
    interval = s.spec.analysis.interval
    planned = (s.status.next_check_at or s.now) + interval
    return planned if planned > s.now else s.now + interval


def _threshold(s: Situation) -> int:
    return s.spec.analysis.threshold
