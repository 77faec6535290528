"""Rules for a canary with traffic, and just before it: what the decision core says is done.

There is one core, `linnet.analysis.policy`. This hands it what has been measured, in the order in
which it happened, and turns its ruling into what is to be written.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from linnet.analysis import checks as judging
from linnet.analysis.policy import Absence, CheckResult, Ruling, RulingVerdict, Sample, step
from linnet.analysis.watch import TileReading
from linnet.api.status import Phase, Verdict
from linnet.engine.conditions import reason_of
from linnet.engine.figures import instant_of
from linnet.engine.lifecycle import progress_deadline
from linnet.engine.outcome import NOTHING_NEW, Outcome, normal, warning
from linnet.engine.progress import Progress, begun, resumed
from linnet.engine.release import held, paused_by_request, roll_back
from linnet.engine.situation import Situation

Checks = tuple[judging.Check, ...]

_LATEST: Final = 3
"""So many tiles after its end a tile is known at the latest, while all goes well."""
_SLACK: Final = 5.0
"""Seconds for the queries themselves."""


def send_first_traffic(s: Situation) -> Outcome | None:
    """The canary is ready and routable: the first step."""
    if s.status.phase is not Phase.PROGRESSING or s.status.canary_weight:
        return None
    obstacle = held(s) or paused_by_request(s)
    if obstacle:
        return Outcome({}, *obstacle)
    progress = current(s)
    if progress is None:
        return _without_a_baseline(s)
    first = Sample(s.now.timestamp())
    return _outcome(s, _judged(progress, first), first)


def _without_a_baseline(s: Situation) -> Outcome:
    """The canary gets no traffic before it is known how to compare it."""
    baseline = s.observation.baseline
    if baseline is None:
        return NOTHING_NEW  # it is being asked for
    message = f"waiting for Prometheus before the first traffic: {baseline.absent}"
    return Outcome({}, Absence.UNAVAILABLE, message)


def analyse(s: Situation) -> Outcome | None:
    """The canary has traffic: each tile, and each check that is due, may move its weight."""
    if s.status.phase is not Phase.PROGRESSING:
        return None
    progress = current(s) if is_measured(s) else None
    if progress is None:
        return NOTHING_NEW
    for sample in _samples(s, progress):
        progress = _judged(progress, sample)
        if _has_to_be_told(s, progress.ruling, sample):
            return _outcome(s, progress, sample)
    return Outcome(progress=progress)


def current(s: Situation) -> Progress | None:
    """Return how far the analysis has come: as in memory, else as the status keeps it.

    None while what was before the release is not known yet.
    """
    kept, analysis = s.observation.progress, s.spec.analysis
    if kept is not None and kept.is_of(s.status) and kept.serves(analysis):
        return kept.on(s.status, analysis)
    if known := resumed(s.status, analysis):
        return known
    if s.observation.baseline is None:
        return None
    new = begun(s.status, analysis, s.observation.baseline, s.now)
    return new.on(s.status, analysis) if new else None


def check_due(s: Situation) -> bool:
    """Tell whether the canary has traffic and the time of its next check has come."""
    due = s.status.next_check_at
    return is_measured(s) and due is not None and s.now >= due


def is_measured(s: Situation) -> bool:
    """Tell whether what the canary's pods serve is the revision under analysis.

    One that is accepted and waits for its handover is watched on.
    """
    return (
        (s.status.phase is Phase.PROGRESSING or s.awaits_handover)
        and bool(s.status.canary_weight)
        and s.target is not None
        and s.target.revision == s.status.revision
    )


def _samples(s: Situation, progress: Progress) -> Iterator[Sample]:
    """Yield what is new, in order: tiles first, then that there are none, then a due check."""
    now, last = s.now.timestamp(), progress.state.last_tile
    reason, message = _obstacle(s)
    held = Sample(now, held=message, held_by=reason)
    tiles = [tile for tile in s.observation.tiles if last is None or tile.end > last]
    for reading in tiles:
        yield replace(
            held,
            at=now if reading is tiles[-1] else reading.end,
            tile=reading.tile,
            end=reading.end,
            absent=reading.absent,
            absence=Absence.NO_DATA,
        )
    if s.observation.unanswered:
        yield replace(held, absent=s.observation.unanswered, absence=Absence.UNAVAILABLE)
    elif progress.policy.guard is not None and _lags(s, progress, tiles):
        return
    if (check := check_result(s)) is not None:
        yield replace(held, check=check)


def _lags(s: Situation, progress: Progress, tiles: list[TileReading]) -> bool:
    """Tell whether tiles are still to come, as after a restart: no check may overtake them.

    A tile may be read one tile late; and Prometheus, if it is away, says so.
    """
    since = s.status.traffic_since
    newest = tiles[-1].end if tiles else progress.state.last_tile
    if since is None:
        return False
    reached = max(newest or 0.0, since.timestamp())
    return s.now.timestamp() - reached > _LATEST * progress.policy.seconds + _SLACK


def _obstacle(s: Situation) -> tuple[str, str]:
    return held(s) or paused_by_request(s) or ("Held", "")


def check_result(s: Situation) -> CheckResult | None:
    """Return what a check says, once it is due and measured."""
    if not check_due(s):
        return None
    if s.spec.analysis.metrics and not s.observation.measurements:
        return None
    checks = checks_of(s)
    verdict = judging.overall(checks)
    if verdict is Verdict.PASSED:
        return CheckResult(verdict, "; ".join(check.message for check in checks))
    return CheckResult(verdict, judging.why(checks, verdict))


def checks_of(s: Situation) -> Checks:
    """Return each metric with its verdict."""
    return judging.judge_all(s.spec.analysis.metrics, s.observation.measurements)


def _judged(progress: Progress, sample: Sample) -> Progress:
    return progress.after(step(progress.policy, progress.state, sample))


def _has_to_be_told(s: Situation, ruling: Ruling | None, sample: Sample) -> bool:
    """Tell whether a ruling changes anything that is to be written."""
    if ruling is None:
        return False
    if sample.check is not None or ruling.alert or ruling.weight != ruling.before:
        return True
    if ruling.verdict is RulingVerdict.FREEZE:
        return reason_of(s.status) != ruling.reason
    return ruling.verdict is not RulingVerdict.HOLD


def _outcome(s: Situation, progress: Progress, sample: Sample) -> Outcome:
    """Return what is to be written for the last ruling of `progress`."""
    ruling = progress.ruling
    assert ruling is not None  # noqa: S101 - it was given just now
    checks = checks_of(s) if sample.check else ()
    match ruling.verdict:
        case RulingVerdict.ROLLBACK:
            outcome = _taken_back(s, ruling, checks)
        case RulingVerdict.ADVANCE:
            outcome = _advanced(ruling, checks)
        case RulingVerdict.PROMOTE:
            outcome = _promoted(s, ruling, checks)
        case RulingVerdict.HOLD | RulingVerdict.FREEZE:
            outcome = _kept(s, ruling, sample, checks)
    return replace(outcome, progress=progress)


def _taken_back(s: Situation, ruling: Ruling, checks: Checks) -> Outcome:
    failed = ruling.state.failed_checks
    return roll_back(s, ruling.reason, ruling.message, failed_checks=failed, checks=checks)


def _advanced(ruling: Ruling, checks: Checks) -> Outcome:
    changes: dict[str, object] = {
        "canary_weight": ruling.weight,
        "next_check_at": instant_of(ruling.state.next_check),
    }
    if not ruling.before:
        changes |= {"traffic_since": instant_of(ruling.state.since), "deadline": None}
    verdict = Verdict.PASSED if ruling.before else None
    event = normal(ruling.reason, ruling.message)
    return Outcome(changes, ruling.reason, ruling.message, event, True, verdict, checks)


def _promoted(s: Situation, ruling: Ruling, checks: Checks) -> Outcome:
    message = f"promoting revision {s.status.revision}: {ruling.message}"
    changes: dict[str, object] = {
        "phase": Phase.PROMOTING,
        "next_check_at": None,
        "deadline": progress_deadline(s),
    }
    event = (warning if ruling.alert else normal)(ruling.reason, message)
    return Outcome(changes, ruling.reason, message, event, True, Verdict.PASSED, checks)


def _kept(s: Situation, ruling: Ruling, sample: Sample, checks: Checks) -> Outcome:
    """The weight stays, or goes back for want of data; the release goes on."""
    failed = ruling.state.failed_checks > s.status.failed_checks
    changed = reason_of(s.status) != ruling.reason or ruling.weight != ruling.before
    verdict = _verdict(sample, failed=failed)
    frozen = ruling.verdict is RulingVerdict.FREEZE
    grave = failed or frozen or ruling.alert or verdict is Verdict.INCONCLUSIVE
    told = failed or ruling.alert or changed
    return Outcome(
        {
            "canary_weight": ruling.weight,
            "failed_checks": ruling.state.failed_checks,
            "next_check_at": _next_check(s, ruling),
        },
        ruling.reason,
        ruling.message,
        (warning if grave else normal)(ruling.reason, ruling.message) if told else None,
        record=told,
        verdict=verdict,
        checks=checks,
    )


def _verdict(sample: Sample, *, failed: bool) -> Verdict:
    if failed:
        return Verdict.FAILED
    return sample.check.verdict if sample.check else Verdict.INCONCLUSIVE


def _next_check(s: Situation, ruling: Ruling) -> datetime | None:
    return instant_of(ruling.state.next_check) if ruling.state.next_check else None
