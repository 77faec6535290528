"""decide: the one pure function that the operator, and every dry run, goes through."""

from datetime import datetime
from typing import Any

from linnet.analysis import templates
from linnet.analysis.measurement import MetricKind, Query
from linnet.analysis.promql import BASELINE_REACH
from linnet.api.canary import Canary
from linnet.api.status import (
    MAX_DECISIONS,
    CanaryStatus,
    DecisionRecord,
    MeasurementRecord,
    Verdict,
)
from linnet.engine.conditions import conditions, message_of, reason_of
from linnet.engine.decision import Decision, Event
from linnet.engine.inbox import emptied
from linnet.engine.observation import Observation
from linnet.engine.outcome import Outcome, normal, warning
from linnet.engine.plan import own_affairs, plan
from linnet.engine.release import check_due
from linnet.engine.rules import first_that_applies
from linnet.engine.situation import assess
from linnet.errors import SpecError


def wanted_measurements(
    canary: Canary, observation: Observation, now: datetime
) -> tuple[Query, ...]:
    """Return what must be measured before `decide` can take the next decision; often nothing.

    A query's window never reaches back before the canary's first traffic in this release, so that
    nothing an earlier revision did is held against this one. Where another revision had traffic
    shortly before, not even the last sample before the window is used: it may be older than that
    traffic's last requests.
    """
    since = canary.status.traffic_since
    if canary.deleted or canary.spec.suspend or since is None:
        return ()
    situation = assess(canary, observation, now)
    if not check_due(situation):
        return ()
    return tuple(
        Query(
            metric=metric.name,
            kind=templates.kind_of(metric),
            namespace=canary.namespace,
            workload=canary.target_name,
            at=now,
            window=(window := min(metric.interval, now - since)),
            server=canary.spec.metrics_server or "",
            within=window == now - since and _follows_closely(canary.status, since),
            promql=(
                templates.render(canary, metric, window)
                if templates.kind_of(metric) is MetricKind.INLINE
                else None
            ),
        )
        for metric in canary.spec.analysis.metrics
    )


def decide(canary: Canary, observation: Observation, now: datetime) -> Decision:
    """Return the next status and the plan that follows from it.

    Deterministic, without effects. Deciding again on the state that the plan leads to, at the same
    instant, gives the same status and an empty plan.
    """
    situation = assess(canary, observation, now)
    outcome = first_that_applies(situation)
    status = emptied(canary, outcome.applied_to(canary.status))
    hands_off = tuple(own_affairs(situation, status)), None
    actions, obstacle = hands_off if outcome.hands_off else plan(situation, status)
    problem = None if canary.deleted else situation.problem or outcome.problem or obstacle
    status, events = _written_down(canary, status, outcome, problem, now)
    return Decision(status, actions, events, wake_at(canary, status, now))


def _follows_closely(status: CanaryStatus, since: datetime) -> bool:
    """Tell whether another revision may have had traffic shortly before `since`."""
    return status.drain_until is not None and since - status.drain_until < BASELINE_REACH


def stall(canary: Canary, error: SpecError, now: datetime) -> Decision:
    """Return the decision for a Canary that the API server refused something for."""
    status, events = _written_down(canary, canary.status, Outcome(), error, now)
    return Decision(status, events=events)


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
) -> tuple[CanaryStatus, tuple[Event, ...]]:
    """Complete a status with conditions, history and time-stamps; return the Events it is worth."""
    before = canary.status
    reason = outcome.reason or reason_of(before) or "Unknown"
    message = outcome.message if outcome.reason else message_of(before)
    changes: dict[str, Any] = {
        "observed_generation": canary.generation,
        "conditions": conditions(status, reason, message, problem, canary.generation, now),
    }
    if (status.phase, status.canary_weight) != (before.phase, before.canary_weight):
        changes["last_transition_time"] = now
    if outcome.record:
        record = _record(status, outcome, now)
        changes["decisions"] = (*before.decisions, record)[-MAX_DECISIONS:]
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
    return DecisionRecord(
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
            )
            for check in outcome.checks
        ),
    )
