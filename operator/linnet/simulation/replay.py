"""What a policy would have decided on recorded traffic."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from linnet.analysis.policy import (
    Absence,
    Evidence,
    Policy,
    ReleaseState,
    Ruling,
    RulingVerdict,
    Sample,
    begin,
    check_due,
    observe_before,
    policy_of,
    step,
)
from linnet.api.analysis import Analysis
from linnet.api.guard import Guard
from linnet.api.metric import Metric
from linnet.simulation.checks import check, split
from linnet.simulation.history import History
from linnet.simulation.recording import Recorded, Recording

_NO_CHECKS: Final = timedelta(hours=24)
_ERRORS: Final = "errors"
_UNTOLD: Final = 50
"""The canary's share where nothing tells what it was; below 100, so that the primary is missed."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An analysis to be tried on recordings, by a name.

    `analysis` is None for the default guard alone: on one step, at the weight that the recording
    shows, without checks, so that nothing advances or is promoted.
    """

    name: str
    analysis: Analysis | None = None

    @property
    def guard(self) -> Guard:
        """Its guard's settings."""
        return self.analysis.guard if self.analysis else Guard()

    def unmeasured(self) -> tuple[Metric, ...]:
        """Return the metrics that tiles cannot tell; checks go by the others."""
        return split(self.analysis.metrics, durations=False)[1] if self.analysis else ()


@dataclass(frozen=True, slots=True)
class Judged:
    """What a policy decided at the end of one interval, second `at`."""

    at: float
    verdict: RulingVerdict
    weight: int
    evidence: tuple[Evidence, ...]
    reason: str
    message: str

    def to_object(self) -> dict[str, Any]:
        """Return the line that `linnet replay` prints.

        The evidence is that on failed requests; that on slow ones, if any, is in it by its name.
        """
        processes = {e.process: _figures(e) for e in self.evidence}
        errors = processes.pop(_ERRORS, {"relative": None, "absolute": None})
        return {
            "time": int(self.at) if self.at == int(self.at) else self.at,
            "verdict": self.verdict.value,
            "weight": self.weight,
            "evidence": {**errors, **processes},
            "reason": self.reason,
            "message": self.message,
        }


def replay(candidate: Candidate, recording: Recording) -> Iterator[Judged]:
    """Yield what the policy decides, interval by interval, until the release is over for it.

    Intervals before the canary's first request only tell about the primary; nothing is decided in
    them. A decision falls on the end of its interval, whereas the operator reads a tile one scrape
    later.
    """
    first = first_traffic(recording)
    before, release = recording.intervals[:first], recording.intervals[first:]
    policy, metrics = _policy(candidate, recording, release)
    start = before[-1].at if before else recording.began
    state = begin(policy, start)
    for interval in before:
        state = observe_before(policy, state, [(interval.at, interval.tile)])
        yield _before(policy, state, interval)
    if release:
        yield from _release(policy, metrics, state, start, release)


def first_traffic(recording: Recording) -> int:
    """Return the number of the first interval in which the canary got requests; else how many."""
    for number, interval in enumerate(recording.intervals):
        if interval.tile.canary is not None and interval.tile.canary.requests > 0:
            return number
    return len(recording.intervals)


def _release(
    policy: Policy,
    metrics: Sequence[Metric] | None,
    state: ReleaseState,
    start: float,
    intervals: Sequence[Recorded],
) -> Iterator[Judged]:
    history = History(policy.seconds)
    state = step(policy, state, Sample(start)).state
    for interval in intervals:
        history.add(interval.tile)
        due = metrics is not None and check_due(state, interval.at)
        result = check(metrics or (), history) if due else None
        ruling = step(policy, state, Sample(interval.at, interval.tile, check=result))
        yield _judged(ruling)
        state = ruling.state
        if state.over:
            return


def _policy(
    candidate: Candidate, recording: Recording, release: Sequence[Recorded]
) -> tuple[Policy, tuple[Metric, ...] | None]:
    """Return the policy, and the metrics for its checks; None where there are no checks."""
    edge = recording.edge if recording.measures_slow else None
    seconds, analysis = recording.seconds, candidate.analysis
    if analysis is None:
        alone = Analysis(step_weights=(_share(release),), interval=_NO_CHECKS)
        return policy_of(alone, seconds=seconds, latency=edge), None
    measured, _ = split(analysis.metrics, durations=False)
    return policy_of(analysis, seconds=seconds, latency=edge), measured


def _share(intervals: Sequence[Recorded]) -> int:
    """Return the canary's share of the requests in the first tile where both got some, in percent.

    From 1 to 100. With no such tile 100 if the primary is known to get nothing, else the half.
    """
    idle = False
    for tile in (interval.tile for interval in intervals):
        if tile.canary and tile.primary and tile.canary.requests:
            if tile.primary.requests:
                both = tile.canary.requests + tile.primary.requests
                return max(1, round(100 * tile.canary.requests / both))
            idle = True
    return 100 if idle else _UNTOLD


def _before(policy: Policy, state: ReleaseState, interval: Recorded) -> Judged:
    blind = interval.tile.canary is None and interval.tile.primary is None
    reason = Absence.NO_DATA if blind else Absence.NO_TRAFFIC
    detail = "before the first traffic" + (", without data on either side" if blind else "")
    ruling = Ruling(RulingVerdict.HOLD, state, reason.value, interval.at, policy, 0, detail)
    return _judged(ruling)


def _judged(ruling: Ruling) -> Judged:
    return Judged(
        ruling.at, ruling.verdict, ruling.weight, ruling.evidence, ruling.reason, ruling.message
    )


def _figures(evidence: Evidence) -> dict[str, float]:
    return {
        "relative": float(f"{evidence.relative:.6g}"),
        "absolute": float(f"{evidence.absolute:.6g}"),
        "needed": float(f"{evidence.needed:.6g}"),
    }
