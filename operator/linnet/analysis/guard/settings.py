"""What the guard of one release goes by, fixed before it starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from linnet.analysis.guard.persistence import ERROR_GRADES, LATENCY_GRADES, Grade
from linnet.analysis.guard.process import ProcessRules
from linnet.api.guard import Guard

ERRORS: Final = "errors"
LATENCY: Final = "latency"

LATENCY_FLOOR: Final = 0.05
"""The share of slow requests that is always tolerated.

Slow is what takes longer than about the primary's 99th percentile: 1% by itself, up to a few
percent where the nearest bucket edge lies below it.
"""


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """The guard's settings. `objective` is the share of failures that the primary may have.

    `needed` is the evidence that takes a release back: the processes share the chance of a mistake
    equally, so each needs their number over that chance.
    """

    errors: ProcessRules
    latency: ProcessRules | None
    needed: float
    objective: float

    @property
    def processes(self) -> tuple[str, ...]:
        """The names of what is compared."""
        return (ERRORS,) if self.latency is None else (ERRORS, LATENCY)


def guard_policy_of(guard: Guard, *, seconds: float, latency: float | None) -> GuardPolicy:
    """Return the settings for tiles of `seconds`; `latency` is the edge in ms, if there is one."""
    compares_latency = guard.latency.enabled and latency is not None
    needed = (2 if compares_latency else 1) / (guard.false_rollback_rate / 100)

    def rules(floor: float, grades: Sequence[Grade]) -> ProcessRules:
        return ProcessRules.of(guard.ratio, floor, grades, needed=needed, seconds=seconds)

    floor = guard.floor_percent / 100
    return GuardPolicy(
        errors=rules(floor, ERROR_GRADES),
        latency=rules(max(LATENCY_FLOOR, floor), LATENCY_GRADES) if compares_latency else None,
        needed=needed,
        objective=(100 - guard.objective) / 100,
    )
