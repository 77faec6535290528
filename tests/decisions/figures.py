"""What came of a cell, small enough to be kept in a file."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from linnet.simulation.summary import Spread
from linnet.simulation.trial import Outcome
from linnet.simulation.world import Run


@dataclass(frozen=True)
class Figures:
    """Counts, seconds to rollback, and failed requests beyond the primary's."""

    runs: int
    rolled_back: int
    promoted: int
    seconds: float | None
    slowest: float | None
    excess: float

    @classmethod
    def of(cls, runs: Sequence[Run]) -> Self:
        """Return the figures of these releases."""
        back = Spread.of([run.seconds for run in runs if run.outcome is Outcome.ROLLED_BACK])
        return cls(
            len(runs),
            sum(run.outcome is Outcome.ROLLED_BACK for run in runs),
            sum(run.outcome is Outcome.PROMOTED for run in runs),
            back.p50,
            back.p99,
            math.fsum(run.excess for run in runs) / len(runs),
        )

    @property
    def rate(self) -> float:
        """The share of releases that were rolled back."""
        return self.rolled_back / self.runs

    def upper(self) -> float:
        """Return the rate that it is below with 99.5% confidence (Wilson's interval)."""
        z, n, rate = 2.576, self.runs, self.rate
        middle = rate + z * z / (2 * n)
        spread = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
        return (middle + spread) / (1 + z * z / n)

    def to_object(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)

    @classmethod
    def from_object(cls, values: dict[str, Any]) -> Self:
        """Read what `to_object` returned."""
        return cls(**values)
