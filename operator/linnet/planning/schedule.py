"""When a release takes its steps: the decision core is walked through a healthy one."""

from dataclasses import dataclass
from typing import Any, Final

from linnet.analysis.policy import (
    CheckResult,
    Policy,
    RulingVerdict,
    Sample,
    begin,
    check_due,
    observe_before,
    policy_of,
    step,
)
from linnet.analysis.tiles import Counts, Tile
from linnet.api.canary import Canary
from linnet.api.status import Verdict
from linnet.simulation.experiment import Circumstances, Experiment, patience

_BEFORE: Final = 60
_LATE: Final = 1e-3
"""Just after the grid of checks: the first step is as long as it gets."""


@dataclass(frozen=True, slots=True)
class Step:
    """The canary has `weight` percent from `start` to `end`: seconds since its first traffic.

    `requests` is how many it carries meanwhile, at the rate that is assumed.
    """

    weight: int
    start: float
    end: float
    requests: float

    def to_object(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "weight": self.weight,
            "fromSeconds": round(self.start, 3),
            "untilSeconds": round(self.end, 3),
            "requests": round(self.requests),
        }


@dataclass(frozen=True, slots=True)
class Schedule:
    """A healthy release in seconds since the canary's first traffic; its steps at the earliest.

    `accepted` and `accepted_late` are when it is accepted: with every check passed, and with as
    many failed ones as are allowed, begun when the first step is longest; evidence that does not
    come is waited for until its deadline. None: not in the time that simulations give a release.
    `pods` is how long pods may take before the first traffic, and again at the promotion. `returns`
    is how long traffic takes to go back to the primary then, and `drains` how long the pods are
    kept after that.
    """

    steps: tuple[Step, ...]
    accepted: float | None
    accepted_late: float | None
    failures: int
    pods: float
    returns: float
    drains: float
    ends_by_itself: bool

    @property
    def earliest(self) -> float | None:
        """Seconds from the first traffic to the end, with pods that are ready at once."""
        return None if self.accepted is None else self.accepted + self.returns + self.drains

    @property
    def latest(self) -> float | None:
        """Seconds from the new revision to the end, with all pods as late as they may be.

        None: nothing bounds it.
        """
        if self.accepted_late is None or not self.ends_by_itself:
            return None
        return 2 * self.pods + self.accepted_late + self.returns + self.drains

    @property
    def requests(self) -> float:
        """How many requests the canary carries until it is accepted."""
        return sum(each.requests for each in self.steps)

    def to_object(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "steps": [each.to_object() for each in self.steps],
            "acceptedAfterSeconds": _rounded(self.accepted),
            "acceptedAfterSecondsAtTheLatest": _rounded(self.accepted_late),
            "earliestEndSeconds": _rounded(self.earliest),
            "latestEndSeconds": _rounded(self.latest),
            "failedChecksAllowed": self.failures,
            "requests": round(self.requests),
        }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def schedule(canary: Canary, given: Circumstances) -> Schedule:
    """Return when the steps of a healthy release come, in these circumstances."""
    analysis, pods = canary.spec.analysis, float(canary.spec.progress_deadline_seconds)
    back = 0.0
    if canary.copies_target and analysis.step_weight_promotion:
        top = 100 if canary.spec.skip_analysis else max(_policy(canary, given).ladder)
        ways = -(-top // analysis.step_weight_promotion) - 1
        back = ways * analysis.interval.total_seconds()
    drains = float(canary.spec.scale_down_delay_seconds)
    if canary.spec.skip_analysis:
        return Schedule((), 0.0, 0.0, 0, pods, 0.0, drains, canary.copies_target)
    policy = _policy(canary, given)
    failures = policy.threshold - 1 if policy.measured else 0
    longest = patience(analysis, given.scrape) + failures * policy.interval + policy.interval
    early = _walk(policy, given, longest, at=0.0, failures=0)
    late = _walk(policy, given, longest, at=_LATE, failures=failures)
    asked = policy.promotion
    undecided = asked.deadline + policy.seconds if asked else 0.0
    return Schedule(
        early.steps,
        early.accepted,
        late.accepted if asked is None else max(late.accepted or 0.0, undecided),
        failures,
        pods,
        back,
        drains,
        canary.copies_target and (asked is None or asked.on_undecided != "hold"),
    )


def _policy(canary: Canary, given: Circumstances) -> Policy:
    edge = Experiment(canary.spec.analysis, given, 0.0).edge
    return policy_of(canary.spec.analysis, seconds=given.scrape, latency=edge)


@dataclass(frozen=True, slots=True)
class _Walk:
    steps: tuple[Step, ...]
    accepted: float | None


def _walk(
    policy: Policy, given: Circumstances, longest: float, *, at: float, failures: int
) -> _Walk:
    """Walk through a release whose first traffic comes at second `at`, the failed checks first."""
    scrape, rps = given.scrape, given.traffic.rps
    state = begin(policy, at)
    before = [(k * scrape, _tile(given, 0, scrape)) for k in range(1 - _BEFORE, 1)]
    state = step(policy, observe_before(policy, state, before), Sample(at)).state
    steps: list[Step] = []
    since, now, tile = at, at, 1
    while now - at <= longest:
        due = state.next_check
        now = min(tile * scrape, due if due is not None else tile * scrape)
        samples = []
        if now == tile * scrape:
            samples.append(Sample(now, tile=_tile(given, state.weight, scrape)))
            tile += 1
        if check_due(state, now):
            verdict = Verdict.FAILED if failures else Verdict.PASSED
            failures -= verdict is Verdict.FAILED
            samples.append(Sample(now, check=CheckResult(verdict, "")))
        for sample in samples:
            ruling = step(policy, state, sample)
            if ruling.weight != state.weight or ruling.verdict is RulingVerdict.PROMOTE:
                requests = (now - since) * rps * state.weight / 100
                steps.append(Step(state.weight, since - at, now - at, requests))
                since = now
            state = ruling.state
            if ruling.verdict is RulingVerdict.PROMOTE:
                return _Walk(tuple(steps), now - at)
            if state.over:
                return _Walk(tuple(steps), None)
    requests = (now - since) * rps * state.weight / 100
    return _Walk((*steps, Step(state.weight, since - at, now - at, requests)), None)


def _tile(given: Circumstances, weight: int, seconds: float) -> Tile:
    """Return what both sides serve of the expected requests, none worse than the other."""
    share = weight / 100
    canary, primary = (
        _counts(given, given.traffic.rps * seconds * part) for part in (share, 1 - share)
    )
    return Tile(canary, primary)


def _counts(given: Circumstances, requests: float) -> Counts:
    slow = given.primary.slower_than(given.primary.p99)
    return Counts(requests, requests * given.primary.errors, requests * slow)
