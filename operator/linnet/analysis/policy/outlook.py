"""What would change a verdict: how many requests, how long."""

from collections.abc import Iterator
from math import ceil

from linnet.analysis.guard import ERRORS
from linnet.analysis.policy.evidence import processes_of
from linnet.analysis.policy.sentences import number, span
from linnet.analysis.policy.settings import Policy
from linnet.analysis.policy.state import ReleaseState

_NOTEWORTHY = 2.0
"""The evidence from which on it is worth saying what would clear the canary."""


def outlook(policy: Policy, state: ReleaseState, at: float) -> str:
    """Return what would change the verdict, as a sentence without an end; empty after the end.

    It is kept and read later: spans in it are counted from what stays, never from `at`.
    """
    return "" if state.over else "; ".join(_prospects(policy, state, at))


def _prospects(policy: Policy, state: ReleaseState, at: float) -> Iterator[str]:
    if not state.weight:
        yield "first traffic as soon as nothing holds it"
        return
    yield from _rollback(policy, state)
    if state.sight.absence is not None:
        yield from _data(policy, state)
    elif state.freeze is not None:
        yield f"steps again once the primary has met its objective for {span(policy.thaw_after)}"
    else:
        yield from _progress(policy, state, at)


def _rollback(policy: Policy, state: ReleaseState) -> Iterator[str]:
    # A threshold that was lowered since acts at the next failed check, not at once.
    left = max(1, policy.threshold - state.failed_checks)
    if state.failed_checks:
        yield f"taken back after {left} more failed check{'s' if left > 1 else ''}"
    for name, process in processes_of(policy, state):
        if process.evidence >= _NOTEWORTHY and policy.guard:
            yield (
                f"{name}: taken back at evidence {number(policy.guard.needed)}"
                f" ({number(process.evidence)} at the last count), cleared by about"
                f" {_requests(state, process_clean(policy, state, name))}"
            )


def process_clean(policy: Policy, state: ReleaseState, name: str) -> float:
    """Return about how many clean requests bring a process' evidence back to 1."""
    guard = policy.guard
    process = dict(processes_of(policy, state))[name]
    rules = guard and (guard.errors if name == ERRORS else guard.latency)
    if not rules:
        return 0.0
    low, high = 0.0, 1.0

    def remaining(requests: float) -> float:
        clean = [requests * loss for loss in rules.floor.losses]
        return process.absolute.after(clean, 0.0, process.dispersion.value).value

    if process.absolute.value <= 1:
        return 0.0
    while remaining(high) > 1 and high < 1e9:
        high *= 2
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if remaining(middle) > 1 else (low, middle)
    return high


def _data(policy: Policy, state: ReleaseState) -> Iterator[str]:
    if state.sight.went_back or state.sight.last_data is None:
        yield "goes on from the first step as soon as there is data"
        return
    timeout = span(policy.blind_timeout)
    yield f"goes on as soon as there is data; back to the first step after {timeout} without any"


def _progress(policy: Policy, state: ReleaseState, at: float) -> Iterator[str]:
    if policy.ramp is None and state.next_check is not None:
        higher = policy.step_above(state.weight)
        then = "promotion" if higher is None else f"weight {higher}"
        yield f"{then} if the next check passes"
    asked, known = policy.promotion, state.comparison
    if asked is None:
        return
    if state.since is not None and at - state.since < asked.soak:
        yield f"promotion {span(asked.soak)} after the first traffic at the soonest"
    clean = known.promotion.clean_requests_to(
        asked.needed, asked.margin, known.errors.dispersion.value
    )
    if policy.guard and policy.guard.latency:
        slow = known.latency_promotion.clean_requests_to(
            asked.needed, asked.latency_margin, known.latency.dispersion.value
        )
        clean = max(clean, slow)
    if clean > 0:
        yield f"enough evidence to promote after about {_requests(state, clean)}"


def _requests(state: ReleaseState, requests: float) -> str:
    rate = state.comparison.canary.rate
    lasting = f" ({span(requests / rate)} of traffic)" if rate else ""
    return f"{ceil(requests)} more clean requests{lasting}"
