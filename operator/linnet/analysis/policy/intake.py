"""Taking a sample in: which tiles are evidence, and whether there is anything to judge by."""

from dataclasses import replace
from math import inf
from typing import NamedTuple

from linnet.analysis import schedule
from linnet.analysis.policy.freeze import freeze_after
from linnet.analysis.policy.sample import Absence, Sample
from linnet.analysis.policy.settings import Policy
from linnet.analysis.policy.state import Comparison, Intake, ReleaseState, Sight
from linnet.analysis.tiles import Counts, Tile
from linnet.api.status import Verdict

_HOLE = 1.5
"""From how many tile lengths on the time since the last tile is a hole."""


def take_in(policy: Policy, state: ReleaseState, sample: Sample) -> tuple[ReleaseState, bool]:
    """Return the state that knows the sample, and whether its tile became evidence."""
    counted = False
    sight, intake, known = state.sight, state.intake, state.comparison
    freeze = state.freeze
    if sample.tile is not None:
        end = sample.at if sample.end is None else sample.end
        if intake.last is None or end > intake.last:
            canary, primary = _valid(sample.tile.canary), _valid(sample.tile.primary)
            new_to = _new_to(intake, end, policy.seconds)
            intake = _after(intake, end, new_to, canary, primary)
            with_traffic = state.weight > 0 and (state.since is None or end > state.since)
            if policy.guard:
                evident = None if new_to.primary else primary
                known, counted = _compare(
                    policy,
                    known,
                    canary if with_traffic and not new_to.either else None,
                    evident,
                    end,
                )
                freeze, lately = freeze_after(policy, freeze, known.primary, evident, end)
                if lately is not known.primary:
                    known = replace(known, primary=lately)
            if with_traffic:
                sight = _look(sight, sample, canary, primary, end, state.weight)
    elif sample.absent:
        sight = _nothing(sight, sample.at, sample.absence, sample.absent)
    check, next_check, passed = sample.check, state.next_check, state.check_passed
    if check is not None:
        planned = sample.at if next_check is None else next_check
        next_check = schedule.next_check(planned, sample.at, policy.interval)
        passed = check.verdict is Verdict.PASSED
        if check.verdict is Verdict.INCONCLUSIVE:
            if policy.guard is None:
                sight = _nothing(sight, sample.at, Absence.NO_DATA, check.message)
        elif policy.measured:
            sight = Sight(sample.at)
    return (
        ReleaseState(
            state.weight,
            state.failed_checks,
            next_check,
            state.since,
            freeze,
            passed,
            state.undecided,
            state.over,
            intake,
            sight,
            known,
        ),
        counted,
    )


def take_in_before(policy: Policy, state: ReleaseState, tile: Tile, end: float) -> ReleaseState:
    """Return the state that knows what the primary did in a tile before the release."""
    return take_in(policy, state, Sample(end, Tile(None, tile.primary)))[0]


def _valid(counts: Counts | None) -> Counts | None:
    """Return counts that make sense, or None: a negative number is a counter that was reset."""
    if counts is None or not 0 <= counts.requests < inf or not 0 <= counts.errors < inf:
        return None
    if counts.slow is not None and not 0 <= counts.slow < inf:
        return None
    return counts


class _NewTo(NamedTuple):
    """On which sides a tile is the first one after there was no data."""

    canary: bool
    primary: bool

    @property
    def either(self) -> bool:
        return self.canary or self.primary


def _new_to(intake: Intake, end: float, seconds: float) -> _NewTo:
    """Tell where a counter may bring its whole life along.

    As any series does after a tile without it, and every series after Prometheus has lost its
    data. What comes after a hole in time is the same.
    """
    hole = intake.last is not None and end - intake.last > _HOLE * seconds
    return _NewTo(intake.canary_lost or (hole and intake.canary_seen), intake.primary_lost or hole)


def _after(
    intake: Intake, end: float, new_to: _NewTo, canary: Counts | None, primary: Counts | None
) -> Intake:
    seen = intake.canary_seen or canary is not None
    return Intake(end, seen, canary is None and (seen or new_to.canary), primary is None)


def _compare(
    policy: Policy, known: Comparison, canary: Counts | None, primary: Counts | None, end: float
) -> tuple[Comparison, bool]:
    """Return what is known after a tile. A side that is None is no evidence."""
    guard = policy.guard
    if guard is None or primary is None:
        return known, False
    start = end - policy.seconds
    served, failed = primary.requests, min(primary.errors, primary.requests)
    slow = primary.slow if guard.latency else None
    window = known.primary.after(policy.seconds, served, failed)
    if canary is None or canary.requests <= 0:
        errors = known.errors.before(served, failed)
        latency = known.latency if slow is None else known.latency.before(served, min(slow, served))
        if canary is None and known.canary.seconds == 0:
            canary_window = known.canary
        else:
            canary_window = known.canary.after(policy.seconds, 0.0, 0.0)
        return (
            Comparison(
                errors,
                latency,
                known.promotion,
                known.latency_promotion,
                canary_window,
                window,
                known.requests,
                known.failed,
            ),
            False,
        )
    tried, bad = canary.requests, min(canary.errors, canary.requests)
    errors = known.errors.after(guard.errors, tried, bad, served, failed, start=start)
    latency, canary_slow = known.latency, canary.slow
    compares_latency = guard.latency is not None and slow is not None and canary_slow is not None
    if guard.latency and slow is not None and canary_slow is not None:
        latency = known.latency.after(
            guard.latency, tried, min(canary_slow, tried), served, min(slow, served), start=start
        )
    elif slow is not None:
        latency = known.latency.before(served, min(slow, served))
    promotion, latency_promotion = known.promotion, known.latency_promotion
    asked = policy.promotion
    if asked:
        promotion = promotion.after(
            tried,
            bad,
            served,
            failed,
            ratio=asked.ratio,
            margin=asked.margin,
            dispersion=known.errors.dispersion.value,
        )
        if compares_latency and slow is not None and canary_slow is not None:
            latency_promotion = latency_promotion.after(
                tried,
                min(canary_slow, tried),
                served,
                min(slow, served),
                ratio=asked.ratio,
                margin=asked.latency_margin,
                dispersion=known.latency.dispersion.value,
            )
    return (
        Comparison(
            errors,
            latency,
            promotion,
            latency_promotion,
            known.canary.after(policy.seconds, tried, bad),
            window,
            known.requests + tried,
            known.failed + bad,
        ),
        True,
    )


def _look(
    sight: Sight,
    sample: Sample,
    canary: Counts | None,
    primary: Counts | None,
    end: float,
    weight: int,
) -> Sight:
    """Return whether the tile lets one judge, and if not, why."""
    if sample.absent:
        return _nothing(sight, sample.at, sample.absence, sample.absent)
    if canary is None:
        return _nothing(
            sight, sample.at, Absence.NO_DATA, "Prometheus has no data on the canary's requests"
        )
    if primary is None and weight < 100:
        return _nothing(
            sight, sample.at, Absence.NO_DATA, "Prometheus has no data on the primary's requests"
        )
    if canary.requests <= 0:
        return _nothing(sight, sample.at, Absence.NO_TRAFFIC, "the canary gets no requests")
    return Sight(end)


def _nothing(sight: Sight, at: float, absence: Absence, why: str) -> Sight:
    last_data = at if sight.last_data is None else sight.last_data
    return Sight(last_data, absence, why, sight.went_back)
