"""Many releases in figures: outcomes, times, failed requests, the weight over time."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from linnet.simulation.trial import Outcome
from linnet.simulation.world import Run

_MAX_POINTS = 240


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, 99th percentile (both by nearest rank) and mean of some values; None of none."""

    p50: float | None = None
    p99: float | None = None
    mean: float | None = None

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Return the spread of these values."""
        if not values:
            return cls()
        ordered = sorted(values)
        return cls(
            ordered[rank(0.5, len(ordered))],
            ordered[rank(0.99, len(ordered))],
            math.fsum(ordered) / len(ordered),
        )

    def to_object(self) -> dict[str, float | None]:
        """Return it as JSON has it."""
        values = {"p50": self.p50, "p99": self.p99, "mean": self.mean}
        return {k: None if v is None else round(v, 3) for k, v in values.items()}


def rank(share: float, count: int) -> int:
    """Return the index of a quantile, by nearest rank, in `count` ordered values."""
    return max(0, math.ceil(share * count) - 1)


@dataclass(frozen=True, slots=True)
class Instant:
    """The canary's weight at one second of all releases; one that is over has 0 or 100."""

    seconds: float
    p10: float
    p50: float
    p90: float
    mean: float

    def to_object(self) -> dict[str, float]:
        """Return it as JSON has it."""
        return {
            "seconds": self.seconds,
            "p10": self.p10,
            "p50": self.p50,
            "p90": self.p90,
            "mean": round(self.mean, 3),
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of some releases. Failed requests are counted at the canary until the outcome.

    `excess_failed_requests` leaves out what the primary would have failed of the same requests.
    """

    runs: int
    rolled_back: int
    promoted: int
    undecided: int
    seconds_to_rollback: Spread
    seconds_to_promotion: Spread
    failed_requests: Spread
    excess_failed_requests: Spread
    rollback_reasons: dict[str, int]
    weight_over_time: tuple[Instant, ...]
    times_to_rollback: tuple[float, ...]
    failed: tuple[int, ...]

    @classmethod
    def of(cls, runs: Sequence[Run], scrape: float) -> Self:
        """Return the summary of these releases, whose tiles are `scrape` seconds long."""
        back = [run.seconds for run in runs if run.outcome is Outcome.ROLLED_BACK]
        promoted = [run.seconds for run in runs if run.outcome is Outcome.PROMOTED]
        return cls(
            runs=len(runs),
            rolled_back=len(back),
            promoted=len(promoted),
            undecided=len(runs) - len(back) - len(promoted),
            seconds_to_rollback=Spread.of(back),
            seconds_to_promotion=Spread.of(promoted),
            failed_requests=Spread.of([run.failed_requests for run in runs]),
            excess_failed_requests=Spread.of([run.excess for run in runs]),
            rollback_reasons=_reasons(runs),
            weight_over_time=tuple(_weights(runs, scrape)),
            times_to_rollback=tuple(back),
            failed=tuple(run.failed_requests for run in runs),
        )

    def to_object(self) -> dict[str, Any]:
        """Return what `--output json` prints of it."""
        return {
            "runs": self.runs,
            "rolled_back": self.rolled_back,
            "promoted": self.promoted,
            "undecided": self.undecided,
            "seconds_to_rollback": self.seconds_to_rollback.to_object(),
            "seconds_to_promotion": self.seconds_to_promotion.to_object(),
            "failed_requests": self.failed_requests.to_object(),
            "excess_failed_requests": self.excess_failed_requests.to_object(),
            "rollback_reasons": self.rollback_reasons,
            "weight_over_time": [instant.to_object() for instant in self.weight_over_time],
        }


def _reasons(runs: Sequence[Run]) -> dict[str, int]:
    """Return how many releases each reason took back, the most frequent one first."""
    back = Counter(run.reason for run in runs if run.outcome is Outcome.ROLLED_BACK)
    return {reason: count for reason, count in back.most_common() if reason}


def _weights(runs: Sequence[Run], scrape: float) -> list[Instant]:
    longest = max((len(run.weights) for run in runs), default=0)
    every = max(1, math.ceil(longest / _MAX_POINTS))
    instants = []
    for k in range(0, longest + every, every):
        ordered = sorted(_weight(run, k) for run in runs)
        low, middle, high = (ordered[rank(q, len(ordered))] for q in (0.1, 0.5, 0.9))
        mean = sum(ordered) / len(ordered)
        instants.append(Instant(k * scrape, low, middle, high, mean))
    return instants


def _weight(run: Run, tile: int) -> int:
    if tile < len(run.weights):
        return run.weights[tile]
    if run.outcome is Outcome.UNDECIDED:
        return run.weights[-1]
    return 100 if run.outcome is Outcome.PROMOTED else 0
