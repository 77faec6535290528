"""Decisions in words: what was decided, on which figures."""

from linnet.analysis.guard import ERRORS
from linnet.analysis.policy.evidence import Finding, findings_of
from linnet.analysis.policy.settings import Policy
from linnet.analysis.policy.state import ReleaseState


def message(
    policy: Policy, state: ReleaseState, at: float, *, reason: str, detail: str, before: int
) -> str:
    """Return the sentence of a ruling; those without one of their own only hold."""
    if detail:
        return detail
    if reason == "PrimaryMissesObjective":
        return frozen(policy, state, at)
    if state.sight.absence and reason == state.sight.absence.value:
        return f"holding at weight {before}: {absent(state, at)}"
    figures = "; ".join(map(compared, findings_of(policy, state)))
    why = {
        "Soaking": "the canary has not had traffic for long enough to be promoted; ",
        "AwaitingEvidence": "not yet enough evidence to promote; ",
    }.get(reason, "")
    if state.sight.absence:
        figures = absent(state, at)
    return f"holding at weight {before}: {why}{figures or 'waiting for the next check'}"


def compared(finding: Finding) -> str:
    """Return the counts of both sides and the evidence."""
    against = finding.evidence
    return (
        f"canary {_counts(finding.process, finding.canary_bad, finding.canary)},"
        f" primary {_counts(finding.process, finding.primary_bad, finding.primary)},"
        f" evidence {number(against.relative)} and {number(against.absolute)}"
        f" of {number(against.needed)}"
    )


def guilty(policy: Policy, state: ReleaseState, process: str) -> str:
    """Return why the guard takes the release back."""
    finding = next(f for f in findings_of(policy, state) if f.process == process)
    verb = "failed" if process == ERRORS else "answered slowly"
    against = finding.evidence
    guard = policy.guard
    rules = guard and (guard.errors if process == ERRORS else guard.latency)
    floor = f" of {percent(rules.floor.rate)}" if rules else ""
    return (
        f"the canary {verb} in {_share(finding.canary_bad, finding.canary)} requests, the primary"
        f" in {_share(finding.primary_bad, finding.primary)}; evidence {number(against.relative)}"
        f" against the primary and {number(against.absolute)} against the floor{floor},"
        f" {number(against.needed)} is enough"
    )


def frozen(policy: Policy, state: ReleaseState, at: float) -> str:
    """Return why nothing is decided while the primary fails."""
    window = state.comparison.primary
    allowed = percent(policy.guard.objective) if policy.guard else "its objective"
    if state.freeze and policy.guard and window.meets(policy.guard.objective):
        return (
            f"frozen at weight {state.weight}: the primary itself failed more than {allowed} of its"
            f" requests; it has met its objective for {span(state.freeze.trial.seconds)}"
        )
    since = "" if state.freeze is None else f" for {span(at - state.freeze.since)}"
    return (
        f"frozen at weight {state.weight}: the primary itself fails {percent(window.error_rate)} of"
        f" its requests{since}, more than {allowed}"
    )


def absent(state: ReleaseState, at: float) -> str:
    """Return what there is not, and since when."""
    since = state.sight.last_data
    lasting = "" if since is None else f" (nothing to judge by for {span(max(0.0, at - since))})"
    return f"{state.sight.why}{lasting}"


def failing(message: str, failed: int, threshold: int) -> str:
    """Return what a check failed at, and how many have; the threshold may have been lowered."""
    of = f" of {threshold}" if failed <= threshold else f", threshold {threshold}"
    return f"{message} (failed check {failed}{of})"


def blind(policy: Policy, state: ReleaseState, at: float, weight: int) -> str:
    """Return why the weight goes back for want of data."""
    moved = (
        f"weight {state.weight} → {weight}"
        if weight != state.weight
        else f"holding at weight {weight}"
    )
    return f"{moved}: {absent(state, at)}, longer than blindTimeout ({span(policy.blind_timeout)})"


def undecided(policy: Policy, state: ReleaseState, at: float) -> str:
    """Return why a release is undecided at its deadline."""
    asked, known = policy.promotion, state.comparison
    needed = number(asked.needed) if asked else ""
    value = known.promotion.value
    if policy.guard and policy.guard.latency:
        value = min(value, known.latency_promotion.value)
    lasting = "" if state.since is None else f" after {span(at - state.since)}"
    return (
        f"undecided{lasting} at weight {state.weight}: evidence to promote {number(value)}, needed"
        f" {needed}; {_share(known.failed, known.requests)} requests to the canary failed"
    )


def trusted(policy: Policy, state: ReleaseState) -> str:
    """Return what a promotion by evidence rests on."""
    known = state.comparison
    needed = f" of {number(policy.promotion.needed)}" if policy.promotion else ""
    return (
        f"{_share(known.failed, known.requests)} requests to the canary failed; evidence to"
        f" promote {number(known.promotion.value)}{needed}"
    )


def grown(policy: Policy, state: ReleaseState, weight: int) -> str:
    """Return why the exposure budget allows more weight."""
    return f"weight {state.weight} → {weight}: {_risk(policy, state)}"


def limited(policy: Policy, state: ReleaseState, weight: int) -> str:
    """Return why the exposure budget asks for less weight."""
    return f"weight {state.weight} → {weight}: {_risk(policy, state)}"


def _risk(policy: Policy, state: ReleaseState) -> str:
    known, ramp = state.comparison, policy.ramp
    if ramp is None:
        return ""
    excess = ramp.excess(known.requests, known.failed, known.primary.error_rate)
    return (
        f"with {_share(known.failed, known.requests)} requests failed the canary fails at most"
        f" {percent(excess)} more than the primary; the budget is {ramp.budget:g} failed requests"
    )


def _counts(process: str, bad: float, requests: float) -> str:
    return f"{number(bad)}/{number(requests)} {'failed' if process == ERRORS else 'slow'}"


def _share(bad: float, requests: float) -> str:
    rate = f" ({percent(bad / requests)})" if requests else ""
    return f"{number(bad)} of {number(requests)}{rate}"


def number(value: float) -> str:
    """Return a figure with two significant digits, or whole where it is large."""
    if value < 0.01:
        return "0"
    return f"{value:.0f}" if 10 <= value < 1e7 else f"{value:.2g}"


def percent(share: float) -> str:
    """Return a share of 1 as a percentage."""
    return f"{100 * share:.3g}%"


def span(seconds: float) -> str:
    """Return a span of time for people."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
