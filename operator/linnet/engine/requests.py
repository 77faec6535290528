"""What a person may ask of a release, and when it makes sense.

Each verb has a function that returns what to do, or the sentence with which it is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from linnet.api.request import Request, Verb
from linnet.api.status import Phase, RequestRecord
from linnet.engine.analysing import current
from linnet.engine.inbox import is_declared, unanswered
from linnet.engine.lifecycle import RELEASING, progress_deadline
from linnet.engine.outcome import Outcome, normal, warning
from linnet.engine.release import held, roll_back, start
from linnet.engine.situation import Situation

REFUSED = "RequestRefused"


def answer_a_request(s: Situation) -> Outcome | None:
    """Somebody asks for something: do it once, or say why not."""
    text = unanswered(s.canary)
    if text is None:
        return None
    answer = _answer(s, text)
    if isinstance(answer, str):
        message = f'request "{text}" is refused: {answer}'
        # What else there is to do is seen to at the next look, by the rules that know of it.
        answer = Outcome(event=warning(REFUSED, message), hands_off=True)
        return _noted(s, text, answer, message, accepted=False)
    return _noted(s, text, answer, answer.message, accepted=True)


def _noted(s: Situation, text: str, outcome: Outcome, message: str, *, accepted: bool) -> Outcome:
    """Return the outcome with the request in the status, so that it is not acted on again."""
    changes = {
        **outcome.changes,
        "request": RequestRecord(text=text, time=s.now, accepted=accepted, message=message),
    }
    if is_declared(s.canary):
        changes["declared_request"] = text
    return replace(outcome, changes=changes)


def _answer(s: Situation, text: str) -> Outcome | str:
    try:
        request = Request.parse(text)
    except ValueError as error:
        return str(error)
    current = s.status.revision
    if current is None:
        return "no revision has been released yet"
    if request.revision != current:
        return f"it is for revision {request.revision}, and the newest is {current}"
    if s.spec.suspend:
        return "spec.suspend is true, so linnet changes nothing here"
    return _VERBS[request.verb](s)


def _abort(s: Situation) -> Outcome | str:
    if s.status.phase not in RELEASING:
        return _not_under_way(s)
    if s.status.phase is Phase.PROMOTING and _is_handed_over(s):
        return (
            f"the primary is changing over to it already; set the target back to revision"
            f" {s.status.promoted_revision} to return to that"
        )
    if s.status.canary_weight and not s.primary_endpoints:
        return "no pod of the primary is ready to take the traffic"
    outcome = roll_back(s, "Aborted", "a request aborted it", failed_checks=s.status.failed_checks)
    return replace(outcome, verdict=None)


def _is_handed_over(s: Situation) -> bool:
    """Tell whether the primary was given the revision that is being promoted."""
    return s.carried == s.status.revision if s.canary.copies_target else s.asks_for_promoted


def _promote(s: Situation) -> Outcome | str:
    if refusal := _cannot_go_on(s):
        return refusal
    message = f"promoting revision {s.status.revision}: a request skipped the rest of its analysis"
    return _accepted(
        "Promoting",
        message,
        phase=Phase.PROMOTING,
        paused_revision=None,
        next_check_at=None,
        deadline=progress_deadline(s),
    )


def _pause(s: Situation) -> Outcome | str:
    if s.status.phase is not Phase.PROGRESSING:
        return _not_under_way(s)
    if s.status.paused_revision == s.status.revision:
        return "it is paused already"
    message = f"holding at weight {s.status.canary_weight}: a request paused it"
    return _accepted("Paused", message, paused_revision=s.status.revision)


def _resume(s: Situation) -> Outcome | str:
    if s.status.phase is not Phase.PROGRESSING:
        return _not_under_way(s)
    if s.status.paused_revision != s.status.revision:
        by_spec = "; spec.paused is true: set it to false" if s.spec.paused else ""
        return f"no request has paused it{by_spec}"
    message = f"going on at weight {s.status.canary_weight}: a request resumed it"
    return _accepted("Resumed", message, paused_revision=None)


def _retry(s: Situation) -> Outcome | str:
    if s.status.phase in RELEASING:
        return "its release is still under way"
    if s.status.phase is not Phase.FAILED:
        return "it has not failed"
    if refusal := _has_moved_on(s):
        return refusal
    message = f"releasing revision {s.status.revision} once more: a request retries it"
    return start(s, "Retried", message, promoted_revision=s.status.promoted_revision)


def _skip_step(s: Situation) -> Outcome | str:
    if refusal := _cannot_go_on(s):
        return refusal
    if obstacle := held(s):
        return obstacle[1]
    weight, progress = s.status.canary_weight, current(s)
    if progress is None:
        return "Prometheus has yet to say how it can be compared with the primary"
    if progress.policy.ramp is not None:
        return "with analysis.ramp there are no steps: ask for promote"
    higher = progress.policy.step_above(weight)
    if higher is None:
        return f"weight {weight} is the last step: ask for promote"
    return _accepted(
        "StepSkipped",
        f"weight {weight} → {higher}: a request skipped the rest of the step",
        canary_weight=higher,
        traffic_since=s.status.traffic_since or s.now,
        next_check_at=s.now + s.spec.analysis.interval,
        deadline=None,
    )


_VERBS: Mapping[Verb, Callable[[Situation], Outcome | str]] = {
    Verb.PROMOTE: _promote,
    Verb.ABORT: _abort,
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.RETRY: _retry,
    Verb.SKIP_STEP: _skip_step,
}


def _accepted(reason: str, message: str, **changes: object) -> Outcome:
    return Outcome(changes, reason, message, normal(reason, message), record=True)


def _cannot_go_on(s: Situation) -> str:
    """Return why the release cannot go up now, or nothing."""
    if s.status.phase is not Phase.PROGRESSING:
        return _not_under_way(s)
    if refusal := _has_moved_on(s):
        return refusal
    if s.spec.paused:
        return "spec.paused is true: set it to false first"
    if not s.canary_ready:
        why = f" ({s.target.failing})" if s.target and s.target.failing else ""
        return f"not all of its pods are ready{why}"
    return ""


def _has_moved_on(s: Situation) -> str:
    """Return why the revision cannot be released any more, or nothing."""
    if s.problem is not None:
        return s.problem.message
    if s.primary is None:
        return f"Deployment {s.canary.primary_name} is gone"
    if s.target is None or s.target.revision != s.status.revision or s.asks_for_promoted:
        return f"Deployment {s.canary.target_name} asks for another revision by now"
    return ""


def _not_under_way(s: Situation) -> str:
    match s.status.phase:
        case Phase.PROMOTING:
            return "it is being promoted already"
        case Phase.FAILED:
            return "it was taken back already: ask for retry to release it again"
        case Phase.FINALISING | Phase.SUCCEEDED:
            return "it is promoted already"
    return "no release of it is under way"
