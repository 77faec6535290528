"""The figures behind a ruling, as the status keeps them and logs tell them."""

from datetime import UTC, datetime
from typing import Any

from linnet.analysis.policy import Policy, ReleaseState
from linnet.analysis.policy.evidence import Finding as Found
from linnet.analysis.policy.evidence import findings_of
from linnet.analysis.policy.outlook import outlook
from linnet.api.judgement import Exposure, Finding, Judgement, Side


def seconds_of(at: datetime | None) -> float | None:
    """Return an instant in seconds since the epoch."""
    return None if at is None else at.timestamp()


def instant_of(at: float | None) -> datetime | None:
    """Return seconds since the epoch as an instant, exact to the microsecond."""
    return None if at is None else datetime.fromtimestamp(at, UTC)


def judgement(policy: Policy, state: ReleaseState, at: float) -> Judgement:
    """Return what is known of a release at a moment."""
    return Judgement(**figures(policy, state, at))


def figures(policy: Policy, state: ReleaseState, at: float) -> dict[str, Any]:
    """Return the fields of a Judgement."""
    known = state.comparison
    return {
        "sample_time": instant_of(state.last_tile),
        "findings": tuple(map(_finding, findings_of(policy, state))),
        "exposure": Exposure(requests=known.requests, failed=known.failed)
        if policy.guard
        else None,
        "outlook": outlook(policy, state, at),
    }


def _finding(found: Found) -> Finding:
    against = found.evidence
    return Finding(
        process=found.process,
        canary=_side(found.canary, found.canary_bad, found.canary_rate),
        primary=_side(found.primary, found.primary_bad, found.primary_rate),
        since=instant_of(found.since),
        relative=against.relative,
        absolute=against.absolute,
        needed=against.needed,
        dispersion=found.dispersion,
    )


def _side(requests: float, bad: float, rate: float) -> Side:
    return Side(requests=requests, bad=bad, percent=100 * rate)


def told(judged: Judgement) -> dict[str, Any]:
    """Return the figures of a decision as logs tell them: flat, and only where there are any."""
    known: dict[str, Any] = {}
    if judged.sample_time is not None:
        known["sample_time"] = judged.sample_time.isoformat()
    for found in judged.findings:
        known[found.process] = (
            f"canary {_bad_of(found.canary)} primary {_bad_of(found.primary)}"
            f" evidence {found.relative:.3g} and {found.absolute:.3g} of {found.needed:g}"
            f" dispersion {found.dispersion:.3g}"
        )
    if judged.exposure is not None:
        known["exposure"] = f"{judged.exposure.failed:g}/{judged.exposure.requests:g}"
    if judged.outlook:
        known["outlook"] = judged.outlook
    return known


def _bad_of(side: Side) -> str:
    return f"{side.bad:g}/{side.requests:g}"
