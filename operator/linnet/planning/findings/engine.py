"""What the engine itself has to say, once it has seen the manifests."""

import re
from collections.abc import Iterator
from typing import Final

from linnet.api.status import Phase
from linnet.planning.finding import Finding, Severity
from linnet.planning.findings.case import Case

_FIELD: Final = re.compile(r"spec(?:\.[A-Za-z]+)+")
_ELSEWHERE: Final = "does not exist"


def what_stalls(case: Case) -> Iterator[Finding]:
    """Yield the reasons why the Canary could not begin, and what works but not well."""
    impaired = case.rehearsal.impaired
    for severity, told in (
        *((Severity.ERROR, problem) for problem in case.rehearsal.problems),
        *([(Severity.WARNING, impaired)] if impaired else []),
    ):
        named = _FIELD.search(told.message)
        message = told.message
        if _ELSEWHERE in message:
            message += " (only the manifests given are looked at: give those that have it, too)"
        yield case.finding(severity, told.reason, named[0] if named else "", message)


def what_is_waited_for(case: Case) -> Iterator[Finding]:
    """Yield what keeps the Canary from being initialized though nothing is wrong."""
    rehearsal = case.rehearsal
    if rehearsal.problems or rehearsal.begins_at is not None or case.canary.spec.suspend:
        return
    if rehearsal.phase is not Phase.INITIALIZED:
        yield case.finding(Severity.WARNING, "NotInitialized", "", rehearsal.waiting)


def what_begins_at_once(case: Case) -> Iterator[Finding]:
    """Yield that a release begins as soon as the Canary is there."""
    if case.rehearsal.begins_at is None:
        return
    canary, weight = case.canary, case.rehearsal.begins_at
    yield case.finding(
        Severity.INFO,
        "ReleaseBegins",
        "spec.targetRef",
        f"Deployment {canary.target_name} runs other images than {canary.primary_name}: its release"
        f" begins as soon as the Canary is applied, at weight {weight}",
    )


def what_is_switched_off(case: Case) -> Iterator[Finding]:
    """Yield the switches that keep releases from going on, or from being judged."""
    spec = case.canary.spec
    if spec.suspend:
        yield case.finding(
            Severity.WARNING, "Suspended", "spec.suspend", "linnet does nothing while it is true"
        )
    if spec.paused:
        yield case.finding(
            Severity.WARNING, "Paused", "spec.paused", "no release takes a step while it is true"
        )
    if spec.skip_analysis:
        yield case.finding(
            Severity.WARNING,
            "NoAnalysis",
            "spec.skipAnalysis",
            "every new revision is promoted as soon as its pods are ready: nothing takes it back",
        )
