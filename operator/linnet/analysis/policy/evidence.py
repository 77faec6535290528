"""The evidence of a release as figures for people and programs."""

from dataclasses import dataclass

from linnet.analysis.guard import ERRORS, LATENCY, Process
from linnet.analysis.policy.settings import Policy
from linnet.analysis.policy.state import ReleaseState


@dataclass(frozen=True, slots=True)
class Evidence:
    """How strong the evidence of one process is; a rollback needs both at `needed`.

    `relative`: against being no worse than the primary. `absolute`: against being below the floor.
    """

    process: str
    relative: float
    absolute: float
    needed: float


@dataclass(frozen=True, slots=True)
class Finding:
    """What both sides served since the evidence began to rise (`since`, in seconds).

    While it does not rise: in the last tile.

    `bad` are the failed requests, or the slow ones. Rates are shares, from 0 to 1.
    """

    process: str
    canary: float
    canary_bad: float
    primary: float
    primary_bad: float
    since: float | None
    dispersion: float
    evidence: Evidence

    @property
    def canary_rate(self) -> float:
        """The canary's share of bad requests."""
        return self.canary_bad / self.canary if self.canary else 0.0

    @property
    def primary_rate(self) -> float:
        """The primary's share of bad requests."""
        return self.primary_bad / self.primary if self.primary else 0.0


@dataclass(frozen=True, slots=True)
class Exposure:
    """How many requests the canary served so far, and how many of them failed."""

    requests: float
    errors: float


def processes_of(policy: Policy, state: ReleaseState) -> tuple[tuple[str, Process], ...]:
    """Return what is compared, by name."""
    if policy.guard is None:
        return ()
    known = state.comparison
    errors = (ERRORS, known.errors)
    return (errors,) if policy.guard.latency is None else (errors, (LATENCY, known.latency))


def evidence_of(policy: Policy, state: ReleaseState) -> tuple[Evidence, ...]:
    """Return the evidence of each process."""
    needed = policy.guard.needed if policy.guard else 0.0
    return tuple(
        Evidence(name, process.relative.value, process.absolute.value, needed)
        for name, process in processes_of(policy, state)
    )


def findings_of(policy: Policy, state: ReleaseState) -> tuple[Finding, ...]:
    """Return the counts behind the evidence of each process."""
    return tuple(
        Finding(
            name,
            process.run.canary,
            process.run.canary_bad,
            process.run.primary,
            process.run.primary_bad,
            process.run.since,
            process.dispersion.value,
            evidence,
        )
        for (name, process), evidence in zip(
            processes_of(policy, state), evidence_of(policy, state), strict=True
        )
    )
