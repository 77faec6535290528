"""What a recorded canary was in truth, and what a policy would have made of it."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from math import sqrt
from typing import Any, Final

from linnet.analysis.guard import GuardPolicy, guard_policy_of
from linnet.analysis.policy import RulingVerdict
from linnet.analysis.tiles import Counts, Tile
from linnet.api.guard import Guard
from linnet.simulation.recording import Recording
from linnet.simulation.replay import Candidate, first_traffic, replay

_SURE: Final = 2.33
"""Standard errors for a whole recording: one in 100 by chance."""
_VERY_SURE: Final = 4.0
"""Standard errors for a part of it, of which there are many."""
_PART: Final = 120.0
"""Seconds of such a part."""


class Truth(StrEnum):
    """What a canary was, seen from the end."""

    WORSE = "worse"
    NO_WORSE = "no worse"
    UNCLEAR = "unclear"


class Judgement(StrEnum):
    """What a policy would have made of a release, against what the canary was."""

    CAUGHT = "caught"
    MISSED = "missed"
    FALSE_ALARM = "false alarm"
    PASSED = "passed"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Reckoning:
    """One policy on one recording. Times in seconds since the canary's first traffic.

    `failed_requests` is what the canary failed in truth; `spared` is how many of these came after
    the policy's rollback, less what the primary would have failed of the same requests.
    """

    policy: str
    release: str
    decided: RulingVerdict
    seconds: float | None
    reason: str
    message: str
    truth: Truth
    judgement: Judgement
    requests: float
    failed_requests: float
    primary_rate: float
    spared: float

    def to_object(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "release": self.release,
            "judgement": self.judgement.value,
            "would_have": self.decided.value,
            "seconds": self.seconds,
            "reason": self.reason,
            "message": self.message,
            "canary_was": self.truth.value,
            "canary_requests": _whole(self.requests),
            "failed_requests": _whole(self.failed_requests),
            "failed_requests_spared": round(self.spared, 1),
        }


def reckon(
    candidate: Candidate,
    recording: Recording,
    yardstick: Guard,
    *,
    release: str = "",
    truth: Truth | None = None,
) -> Reckoning:
    """Return what the policy would have done.

    What the canary was is measured by `yardstick`, the same for all policies that are compared;
    unless the user knows better, and gives the `truth`.
    """
    last = deque(replay(candidate, recording), maxlen=1)[0]
    guard = guard_policy_of(
        yardstick,
        seconds=recording.seconds,
        latency=recording.edge if recording.measures_slow else None,
    )
    tiles = [i.tile for i in recording.intervals[first_traffic(recording) :]]
    was = truth or truth_of(tiles, guard, recording.seconds)
    ended = last.verdict in (RulingVerdict.ROLLBACK, RulingVerdict.PROMOTE)
    began = recording.began + first_traffic(recording) * recording.seconds
    back = last.verdict is RulingVerdict.ROLLBACK
    after = [i.tile for i in recording.intervals if i.at > last.at]
    totals = _totals(tiles, "errors")
    return Reckoning(
        candidate.name,
        release,
        last.verdict if ended else RulingVerdict.HOLD,
        last.at - began if ended else None,
        last.reason,
        last.message,
        was,
        _judgement(was, back),
        totals.canary,
        totals.bad,
        totals.primary_bad / totals.primary if totals.primary else 0.0,
        _spared(after, totals) if back else 0.0,
    )


def truth_of(tiles: Sequence[Tile], guard: GuardPolicy, seconds: float) -> Truth:
    """Return what the canary was by all its requests: worse than the guard's settings allow?

    Worse is beyond `ratio` times the primary and above the floor, in the whole or in two minutes of
    it, by a plain test that may look at the end only.
    """
    found = [_truth(tiles, "errors", guard.errors.ratio, guard.errors.floor.rate, seconds)]
    if guard.latency:
        rules = guard.latency
        found.append(_truth(tiles, "slow", rules.ratio, rules.floor.rate, seconds))
    for truth in (Truth.WORSE, Truth.UNCLEAR):
        if truth in found:
            return truth
    return Truth.NO_WORSE


@dataclass(frozen=True, slots=True)
class _Totals:
    """Sums over tiles in which both sides got requests.

    `expected` is what the canary would have had of bad requests at the primary's rate in each tile,
    `variance` that of this expectation.
    """

    canary: float = 0.0
    bad: float = 0.0
    primary: float = 0.0
    primary_bad: float = 0.0
    expected: float = 0.0
    variance: float = 0.0

    def plus(self, other: "_Totals", sign: float = 1.0) -> "_Totals":
        return _Totals(
            self.canary + sign * other.canary,
            self.bad + sign * other.bad,
            self.primary + sign * other.primary,
            self.primary_bad + sign * other.primary_bad,
            self.expected + sign * other.expected,
            self.variance + sign * other.variance,
        )

    def beyond(self, ratio: float, floor: float) -> float:
        """Return by how many standard errors the canary is above both what is tolerated."""
        if not self.bad:
            return 0.0
        relative = (self.bad - ratio * self.expected) / sqrt(
            self.bad + ratio * ratio * self.variance
        )
        absolute = (self.bad - floor * self.canary) / sqrt(self.bad)
        return min(relative, absolute)


def _truth(tiles: Sequence[Tile], what: str, ratio: float, floor: float, seconds: float) -> Truth:
    sums = list(accumulate((_of(tile, what) for tile in tiles), _Totals.plus, initial=_Totals()))
    whole = sums[-1].beyond(ratio, floor)
    part = max(1, round(_PART / seconds))
    parts = [
        now.plus(then, -1.0).beyond(ratio, floor)
        for now, then in zip(sums[part:], sums[:-part], strict=True)
    ]
    if whole > _SURE or max(parts, default=0.0) > _VERY_SURE:
        return Truth.WORSE
    return Truth.UNCLEAR if whole > 0 or not sums[-1].canary else Truth.NO_WORSE


def _of(tile: Tile, what: str) -> _Totals:
    canary, primary = tile.canary, tile.primary
    if canary is None or primary is None or not canary.requests or not primary.requests:
        return _Totals()
    bad, primary_bad = _bad(canary, what), _bad(primary, what)
    per = canary.requests / primary.requests
    return _Totals(
        canary.requests, bad, primary.requests, primary_bad, per * primary_bad, per**2 * primary_bad
    )


def _bad(counts: Counts, what: str) -> float:
    return counts.errors if what == "errors" else counts.slow or 0.0


def _totals(tiles: Sequence[Tile], what: str) -> _Totals:
    total = _Totals()
    for tile in tiles:
        canary, primary = tile.canary or Counts(0, 0), tile.primary or Counts(0, 0)
        total = total.plus(
            _Totals(
                canary.requests, _bad(canary, what), primary.requests, _bad(primary, what), 0, 0
            )
        )
    return total


def _spared(after: Sequence[Tile], whole: _Totals) -> float:
    rest = _totals(after, "errors")
    known = rest if rest.primary else whole
    rate = known.primary_bad / known.primary if known.primary else 0.0
    return max(0.0, rest.bad - rate * rest.canary)


def _judgement(truth: Truth, rolled_back: bool) -> Judgement:
    if truth is Truth.UNCLEAR:
        return Judgement.UNCLEAR
    if truth is Truth.WORSE:
        return Judgement.CAUGHT if rolled_back else Judgement.MISSED
    return Judgement.FALSE_ALARM if rolled_back else Judgement.PASSED


def _whole(value: float) -> float | int:
    return int(value) if value == int(value) else value
