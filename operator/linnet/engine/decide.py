"""decide: the one pure function that the operator, and every dry run, goes through."""

from datetime import datetime
from typing import Any

from linnet.api.canary import Canary
from linnet.api.status import (
    MAX_DECISIONS,
    CanaryStatus,
    DecisionRecord,
    MeasurementRecord,
    Phase,
    Verdict,
)
from linnet.engine.announcement import announcement
from linnet.engine.blindness import Blindness, blindness
from linnet.engine.conditions import conditions, message_of, reason_of
from linnet.engine.decision import Decision, Event
from linnet.engine.figures import figures
from linnet.engine.impairment import with_impairment
from linnet.engine.inbox import emptied
from linnet.engine.leaving import let_go
from linnet.engine.observation import Observation
from linnet.engine.outcome import Outcome, normal, warning
from linnet.engine.plan import hands_off_plan, plan
from linnet.engine.progress import Progress
from linnet.engine.rules import first_that_applies
from linnet.engine.situation import assess
from linnet.errors import SpecError


def decide(canary: Canary, observation: Observation, now: datetime) -> Decision:
    """Return the next status and the plan that follows from it.

    Deterministic, without effects. Deciding again on the state that the plan leads to, at the same
    instant, gives the same status and an empty plan.
    """
    situation = assess(canary, observation, now)
    outcome = first_that_applies(situation)
    status = emptied(canary, outcome.applied_to(canary.status))
    hands_off = tuple(hands_off_plan(situation, status)), None
    actions, obstacle = hands_off if outcome.hands_off else plan(situation, status)
    problem = situation.problem or outcome.problem or obstacle
    if canary.deleted:  # what was wrong with it matters no more, but for what keeps it from going
        problem = obstacle if status.phase is Phase.TERMINATED else None
    problem = _obstacle(canary, problem or (observation.refusal if actions else None))
    progress = _progress(observation, status, outcome)
    blind = blindness(canary.status, progress, now)
    status, events = _written_down(canary, status, outcome, problem, now, blind)
    status, told = with_impairment(situation, status, now)
    status = _with_guard(canary.status, status, progress, now)
    return Decision(
        status,
        actions,
        (*events, *told),
        wake_at(canary, status, now),
        progress,
        announcement(situation, status),
    )


def _progress(observation: Observation, status: CanaryStatus, outcome: Outcome) -> Progress | None:
    """Return how far the analysis has come by now; None where none is under way."""
    progress = outcome.progress or observation.progress
    if progress is None or status.phase is not Phase.PROGRESSING or not progress.is_of(status):
        return None
    return progress


def _with_guard(
    before: CanaryStatus, status: CanaryStatus, progress: Progress | None, now: datetime
) -> CanaryStatus:
    """Take the progress along with whatever else is written, or after long enough by itself."""
    if status.phase is not Phase.PROGRESSING or status.started_at != before.started_at:
        return status.model_copy(update={"guard": None}) if status.guard else status
    if progress and (status != before or progress.is_to_be_kept(status.guard)):
        return status.model_copy(update={"guard": progress.record(now)})
    return status


def stall(canary: Canary, error: SpecError, now: datetime) -> Decision:
    """Return the decision for a Canary that the API server refused something for."""
    blind = blindness(canary.status, None, now)
    problem = _obstacle(canary, error)
    status, events = _written_down(canary, canary.status, Outcome(), problem, now, blind)
    return Decision(status, events=events)


def _obstacle(canary: Canary, error: SpecError | None) -> SpecError | None:
    """Return what is told of an error: it keeps a Canary that is deleted from going."""
    if error is None or not canary.deleted:
        return error
    message = f"{error.message}; the deletion waits for this and linnet tries again"
    return SpecError(error.reason, f"{message}; {let_go(canary)}")


def wake_at(canary: Canary, status: CanaryStatus, now: datetime) -> datetime | None:
    """Return the next instant at which time alone may change the decision."""
    if canary.spec.suspend and not canary.deleted:
        return None
    times = (status.next_check_at, status.deadline, status.drain_until)
    return min((time for time in times if time is not None and time > now), default=None)


def _written_down(
    canary: Canary,
    status: CanaryStatus,
    outcome: Outcome,
    problem: SpecError | None,
    now: datetime,
    blind: Blindness | None,
) -> tuple[CanaryStatus, tuple[Event, ...]]:
    """Complete a status with conditions, history and time-stamps; return the Events it is worth."""
    before = canary.status
    reason = outcome.reason or reason_of(before) or "Unknown"
    message = outcome.message if outcome.reason else message_of(before)
    changes: dict[str, Any] = {
        "observed_generation": canary.generation,
        "conditions": conditions(status, reason, message, problem, canary.generation, now, blind),
    }
    if (status.phase, status.canary_weight) != (before.phase, before.canary_weight):
        changes["last_transition_time"] = now
    if outcome.record:
        record = _record(status, outcome, now)
        older = map(_without_queries, before.decisions)
        changes["decisions"] = (*older, record)[-MAX_DECISIONS:]
    events = [outcome.event] if outcome.event else []
    events += _stalling(before, problem)
    return status.model_copy(update=changes), tuple(events)


def _stalling(before: CanaryStatus, problem: SpecError | None) -> list[Event]:
    known = next((c for c in before.conditions if c.type == "Stalled"), None)
    was_stalled = known is not None and known.status == "True"
    if problem is not None:
        same = was_stalled and known is not None and known.message == problem.message
        return [] if same else [warning(problem.reason, problem.message)]
    if was_stalled and known is not None:
        return [normal("Recovered", f"{known.reason} is mended")]
    return []


def _record(status: CanaryStatus, outcome: Outcome, now: datetime) -> DecisionRecord:
    progress = outcome.progress
    known = figures(progress.policy, progress.state, now.timestamp()) if progress else {}
    return DecisionRecord(
        **known,
        time=now,
        verdict=outcome.verdict or Verdict.NONE,
        weight=status.canary_weight,
        reason=outcome.reason,
        message=outcome.message,
        measurements=tuple(
            MeasurementRecord(
                name=check.metric,
                value=None if check.value is None else f"{check.value:g}",
                verdict=check.verdict,
                message=check.message,
                query=check.query,
            )
            for check in outcome.checks
        ),
    )


def _without_queries(record: DecisionRecord) -> DecisionRecord:
    """Return an older record: what was asked is of interest while the decision is fresh."""
    if not any(measured.query for measured in record.measurements):
        return record
    measurements = tuple(m.model_copy(update={"query": ""}) for m in record.measurements)
    return record.model_copy(update={"measurements": measurements})
