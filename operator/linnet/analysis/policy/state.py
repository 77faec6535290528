"""The state of one release under analysis: small, frozen, and what of it outlives a restart."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from linnet.analysis.guard import Process
from linnet.analysis.policy import memory as remembering
from linnet.analysis.policy.freeze import Freeze
from linnet.analysis.policy.sample import Absence
from linnet.analysis.policy.settings import Policy
from linnet.analysis.promotion import NonInferiority
from linnet.analysis.windows import Window


@dataclass(frozen=True, slots=True)
class Intake:
    """Which tiles have been taken in.

    `last` is the end of the last one. The first tile of a side after one without it is no
    evidence: `primary_lost` and `canary_lost` say that the next one would be that. A canary that
    was never seen is not lost: its counters begin with its traffic.
    """

    last: float | None = None
    canary_seen: bool = False
    canary_lost: bool = False
    primary_lost: bool = False


@dataclass(frozen=True, slots=True)
class Sight:
    """Whether there is anything to judge by. `last_data` is when there last was, in seconds.

    While there is nothing, `absence` says of which kind, `why` in a sentence, and `went_back` that
    the weight has been taken back for it.
    """

    last_data: float | None = None
    absence: Absence | None = None
    why: str = ""
    went_back: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that the guard and the promotion know. The latter's are None where not asked for."""

    errors: Process = field(default_factory=Process)
    latency: Process = field(default_factory=Process)
    promotion: NonInferiority = field(default_factory=NonInferiority)
    latency_promotion: NonInferiority = field(default_factory=NonInferiority)
    canary: Window = field(default_factory=Window)
    primary: Window = field(default_factory=Window)
    requests: float = 0.0
    failed: float = 0.0


@dataclass(frozen=True, slots=True)
class ReleaseState:
    """What is known of a release. `weight` in percent, times in seconds.

    `since` is when the canary first got traffic, `next_check` when its next check is due,
    `freeze` is there while the primary misses its objective. `check_passed` is what the last
    check said. `over` tells that the release was promoted or taken back.
    """

    weight: int = 0
    failed_checks: int = 0
    next_check: float | None = None
    since: float | None = None
    freeze: Freeze | None = None
    check_passed: bool = True
    undecided: bool = False
    over: bool = False
    intake: Intake = field(default_factory=Intake)
    sight: Sight = field(default_factory=Sight)
    comparison: Comparison = field(default_factory=Comparison)

    @property
    def last_tile(self) -> float | None:
        """When the last tile that was taken in ended: tiles after it are to be handed in."""
        return self.intake.last

    @property
    def last_data(self) -> float | None:
        """When there last was something to judge by."""
        return self.sight.last_data

    def memory(self, policy: Policy) -> dict[str, Any]:
        """Return what a restart needs besides weight, failed checks and times; for JSON, ~1 KB."""
        return remembering.pack(policy, self)

    @classmethod
    def resume(
        cls,
        policy: Policy,
        *,
        weight: int,
        failed_checks: int = 0,
        next_check: float | None = None,
        since: float | None = None,
        memory: Mapping[str, Any] | None = None,
    ) -> "ReleaseState":
        """Return the state that goes on where `memory` was written.

        Tiles up to the last one in it are ignored from then on, so that those since can be handed
        in again without care. A memory that cannot be read, or that was written under other
        settings of the guard, counts for nothing: the evidence begins anew. Never raises.
        """
        state = remembering.unpack(policy, memory or {}, cls())
        return replace(
            state,
            weight=weight,
            failed_checks=failed_checks,
            next_check=next_check,
            since=since if weight else None,
        )
