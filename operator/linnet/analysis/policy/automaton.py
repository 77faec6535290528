"""The rules, in the order they are asked: the first that applies speaks.

Threshold checks gate the steps as in Flagger, and act on the tick that reaches the threshold. The
guard may only take weight back, sooner. No data is no verdict.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from linnet.analysis.policy import sentences
from linnet.analysis.policy.evidence import processes_of
from linnet.analysis.policy.intake import take_in, take_in_before
from linnet.analysis.policy.ruling import Ruling, RulingVerdict
from linnet.analysis.policy.sample import CheckResult, Sample
from linnet.analysis.policy.settings import Policy
from linnet.analysis.policy.state import ReleaseState, Sight
from linnet.analysis.schedule import first_check
from linnet.analysis.tiles import Tile
from linnet.api.status import Verdict


def begin(_: Policy, at: float) -> ReleaseState:
    """Return the state of a release that begins at `at`: weight 0, no evidence."""
    return ReleaseState(sight=Sight(at))


def observe_before(
    policy: Policy, state: ReleaseState, tiles: Iterable[tuple[float, Tile]]
) -> ReleaseState:
    """Return the state that knows the primary's last tiles before the release.

    `tiles` are pairs of a tile's end in seconds and the tile, in order; about 60 are enough. They
    tell how much the primary's failures scatter, and whether Prometheus was there all along.
    """
    for end, tile in tiles:
        state = take_in_before(policy, state, tile, end)
    return state


def check_due(state: ReleaseState, at: float) -> bool:
    """Tell whether the canary has traffic and the time of its next check has come."""
    return bool(state.weight) and state.next_check is not None and at >= state.next_check


def step(policy: Policy, state: ReleaseState, sample: Sample) -> Ruling:
    """Decide on one sample. The state that goes into the next step is `Ruling.state`."""
    known, counted = take_in(policy, state, sample)
    turn = Turn(policy, known, sample, counted)
    for rule in RULES:
        if ruling := rule(turn):
            return ruling
    absence = known.sight.absence
    return turn.hold(absence.value if absence else "Watching")


@dataclass(frozen=True, slots=True)
class Turn:
    """One decision being taken: the state that knows the sample already."""

    policy: Policy
    state: ReleaseState
    sample: Sample
    counted: bool

    @property
    def check(self) -> CheckResult | None:
        """The result of the check; one without data fails where the user wants it to."""
        check = self.sample.check
        if check and check.verdict is Verdict.INCONCLUSIVE and self.policy.no_data_fails:
            return CheckResult(Verdict.FAILED, check.message)
        return check

    def passed(self) -> bool:
        """Tell whether a check was due, and passed."""
        return self.sample.check is not None and self.sample.check.verdict is Verdict.PASSED

    def rule(
        self,
        verdict: RulingVerdict,
        reason: str,
        detail: str = "",
        *,
        state: ReleaseState | None = None,
        alert: bool = False,
    ) -> Ruling:
        """Return a ruling; the state is the one at hand where none is given."""
        return Ruling(
            verdict,
            state or self.state,
            reason,
            self.sample.at,
            self.policy,
            self.state.weight,
            detail,
            alert,
            self.counted,
        )

    def hold(self, reason: str, detail: str = "") -> Ruling:
        """Leave the weight where it is."""
        return self.rule(RulingVerdict.HOLD, reason, detail)

    def advance(self, weight: int, detail: str) -> Ruling:
        """Give the canary more weight."""
        state = replace(self.state, weight=weight)
        return self.rule(RulingVerdict.ADVANCE, "Advanced", detail, state=state)

    def roll_back(self, reason: str, detail: str, state: ReleaseState | None = None) -> Ruling:
        """Take all traffic back, for good."""
        ended = replace(state or self.state, weight=0, next_check=None, over=True)
        return self.rule(RulingVerdict.ROLLBACK, reason, detail, state=ended, alert=True)

    def promote(self, detail: str, *, alert: bool = False) -> Ruling:
        """Accept the canary."""
        ended = replace(self.state, next_check=None, over=True)
        return self.rule(RulingVerdict.PROMOTE, "Promoting", detail, state=ended, alert=alert)


def _nothing_after_the_end(t: Turn) -> Ruling | None:
    return t.hold("Over", "the release is over") if t.state.over else None


def _take_back_beyond_doubt(t: Turn) -> Ruling | None:
    """Worse than the primary, and materially bad: both at the evidence that is needed."""
    guard = t.policy.guard
    if guard is None or not t.state.weight:
        return None
    for name, process in processes_of(t.policy, t.state):
        if process.relative.value >= guard.needed and process.absolute.value >= guard.needed:
            return t.roll_back("GuardTripped", sentences.guilty(t.policy, t.state, name))
    return None


def _send_first_traffic(t: Turn) -> Ruling | None:
    """A release begins at the first step as soon as nothing holds it."""
    if t.state.weight:
        return None
    if t.sample.held:
        return t.hold(t.sample.held_by, t.sample.held)
    at = t.sample.at
    weight = first_weight(t.policy, t.state)
    sight = replace(t.state.sight, last_data=at, absence=None, why="", went_back=False)
    due = first_check(at, t.policy.interval)
    state = replace(t.state, weight=weight, since=at, next_check=due, sight=sight)
    detail = f"weight 0 → {weight}: the canary is ready"
    return t.rule(RulingVerdict.ADVANCE, "Advanced", detail, state=state)


def first_weight(policy: Policy, state: ReleaseState) -> int:
    """Return the canary's first weight: of the ladder, or what the exposure budget allows."""
    if policy.ramp:
        known = state.comparison
        return policy.ramp.first_weight(known.primary.rate + known.canary.rate)
    return policy.ladder[0]


def _blame_nobody_while_the_primary_fails(t: Turn) -> Ruling | None:
    """The primary misses its objective: no step, no promotion, no failed check."""
    if t.state.freeze is None or t.state.sight.absence is not None:
        return None
    begins = t.state.freeze.since == (t.sample.at if t.sample.end is None else t.sample.end)
    return t.rule(RulingVerdict.FREEZE, "PrimaryMissesObjective", alert=begins)


def _count_a_failed_check(t: Turn) -> Ruling | None:
    check = t.check
    if check is None or check.verdict is not Verdict.FAILED or t.state.freeze is not None:
        return None
    failed = t.state.failed_checks + 1
    state = replace(t.state, failed_checks=failed)
    detail = sentences.failing(check.message, failed, t.policy.threshold)
    if failed >= t.policy.threshold:
        return t.roll_back("AnalysisFailed", detail, state)
    return t.rule(RulingVerdict.HOLD, "CheckFailed", detail, state=state)


def _go_back_when_blind(t: Turn) -> Ruling | None:
    """Nothing to judge by: hold, and after a while at the first step."""
    sight = t.state.sight
    if sight.absence is None:
        return None
    since = sight.last_data
    if sight.went_back or since is None or t.sample.at - since <= t.policy.blind_timeout:
        return None
    weight = min(t.state.weight, first_weight(t.policy, t.state))
    state = replace(t.state, weight=weight, sight=replace(sight, went_back=True))
    detail = sentences.blind(t.policy, t.state, t.sample.at, weight)
    return t.rule(RulingVerdict.HOLD, sight.absence.value, detail, state=state, alert=True)


def _hold_without_a_verdict(t: Turn) -> Ruling | None:
    check = t.sample.check
    if check is None or check.verdict is not Verdict.INCONCLUSIVE:
        return None
    return t.hold("Inconclusive", f"holding at weight {t.state.weight}: {check.message}")


def _end_what_stays_undecided(t: Turn) -> Ruling | None:
    """The deadline of a promotion by evidence has come, without the evidence."""
    asked = t.policy.promotion
    if asked is None or t.state.undecided or t.state.since is None:
        return None
    if t.sample.at - t.state.since < asked.deadline or enough_to_promote(t.policy, t.state):
        return None
    detail = sentences.undecided(t.policy, t.state, t.sample.at)
    if asked.on_undecided == "rollback":
        return t.roll_back("Undecided", detail)
    if asked.on_undecided == "promote" and not t.sample.held:
        return t.promote(f"{detail}; promoted, as onUndecided asks for", alert=True)
    if asked.on_undecided == "promote":
        return None
    state = replace(t.state, undecided=True)
    return t.rule(RulingVerdict.HOLD, "Undecided", detail, state=state, alert=True)


def _climb_after_a_passed_check(t: Turn) -> Ruling | None:
    """The next step, or the promotion after the last."""
    if not t.passed() or t.policy.ramp:
        return None
    if t.sample.held:
        return t.hold(t.sample.held_by, t.sample.held)
    if unseen := _nothing_seen(t):
        return unseen
    check = t.sample.check
    figures = (check.message if check else "") or "no metrics to check"
    higher = t.policy.step_above(t.state.weight)
    if higher is not None:
        return t.advance(higher, f"weight {t.state.weight} → {higher}: {figures}")
    return _wait_for_evidence(t) or t.promote(figures)


def _nothing_seen(t: Turn) -> Ruling | None:
    """Hold a check that passed for want of metrics, when there was nothing to judge by either."""
    sight = t.state.sight
    if t.policy.measured or t.policy.guard is None or sight.absence is None:
        return None
    last = sight.last_data
    lately = t.sample.at - t.policy.interval
    if last is not None and last > lately and last != t.state.since:
        return None
    return t.hold(sight.absence.value)


def _wait_for_evidence(t: Turn) -> Ruling | None:
    asked = t.policy.promotion
    if asked is None:
        return None
    if t.state.since is not None and t.sample.at - t.state.since < asked.soak:
        return t.hold("Soaking")
    if enough_to_promote(t.policy, t.state):
        return None
    if t.state.undecided:
        # Still for somebody to decide: the reason says so as long as that is true.
        return t.hold("Undecided", sentences.undecided(t.policy, t.state, t.sample.at))
    return t.hold("AwaitingEvidence")


def enough_to_promote(policy: Policy, state: ReleaseState) -> bool:
    """Tell whether there is evidence that the canary is not worse, in every process."""
    asked, known = policy.promotion, state.comparison
    if asked is None or known.promotion.value < asked.needed:
        return False
    compares_latency = policy.guard is not None and policy.guard.latency is not None
    return not compares_latency or known.latency_promotion.value >= asked.needed


def _grow_as_far_as_the_budget_allows(t: Turn) -> Ruling | None:
    """With a ramp: the weight follows what the canary may fail at most, tile by tile."""
    ramp = t.policy.ramp
    if ramp is None or not t.counted or not t.state.check_passed:
        return None
    known, weight = t.state.comparison, t.state.weight
    target = ramp.next_weight(
        weight,
        rps=known.primary.rate + known.canary.rate,
        requests=known.requests,
        errors=known.failed,
        baseline=known.primary.error_rate,
    )
    if target <= weight / 2:
        state = replace(t.state, weight=target)
        detail = sentences.limited(t.policy, t.state, target)
        return t.rule(RulingVerdict.HOLD, "ExposureLimited", detail, state=state)
    if t.sample.held:
        return t.hold(t.sample.held_by, t.sample.held)
    waiting = _wait_for_evidence(t)
    if waiting is None:
        return t.promote(sentences.trusted(t.policy, t.state))
    if target >= max(weight + 1, weight * _WORTH_A_STEP) or (target == ramp.top > weight):
        return t.advance(target, sentences.grown(t.policy, t.state, target))
    return waiting


_WORTH_A_STEP: Final = 1.25
"""A smaller growth is not worth a write of the routes."""

RULES: Final[tuple[Callable[[Turn], Ruling | None], ...]] = (
    _nothing_after_the_end,
    _take_back_beyond_doubt,
    _send_first_traffic,
    _blame_nobody_while_the_primary_fails,
    _count_a_failed_check,
    _go_back_when_blind,
    _hold_without_a_verdict,
    _end_what_stays_undecided,
    _climb_after_a_passed_check,
    _grow_as_far_as_the_budget_allows,
)
