"""How much traffic a canary may get, so that a bad one fails no more requests than a budget.

Until a fault is noticed and taken back, a canary of weight w fails about u · w · RPS · T requests,
where u is the most that it may fail beyond the primary by what is known so far.
"""

from dataclasses import dataclass
from math import floor, log, sqrt
from typing import Final

FASTEST: Final = 3
"""By how much the weight may be multiplied from one tile to the next."""
FIRST: Final = (1, 20)
"""The bounds of the first weight, in percent."""
TOP: Final = 50
"""The highest weight of a ramp: above it there is too little of the primary left to compare."""


@dataclass(frozen=True, slots=True)
class RampPolicy:
    """What a ramp goes by: the budget in failed requests, the highest weight in percent.

    `reaction` is how many seconds it takes to notice a fault and take it back. `sure` is
    ln(1/alpha) for the bound on what the canary may fail.
    """

    budget: float
    top: int
    reaction: float
    sure: float

    @classmethod
    def of(cls, budget: float, top: int, *, seconds: float, alpha: float) -> "RampPolicy":
        """Return the settings for tiles of `seconds`.

        A fault that is not total takes 20 s, or three tiles, to notice.
        """
        return cls(budget, min(top, TOP), max(20.0, 3 * seconds), log(1 / alpha))

    def first_weight(self, rps: float) -> int:
        """Return the first weight: a canary that fails everything keeps to the budget."""
        low, high = FIRST
        return min(self.top, _whole(self.budget, rps * self.reaction, low, high))

    def next_weight(
        self, weight: int, *, rps: float, requests: float, errors: float, baseline: float
    ) -> int:
        """Return the weight that what is known allows, at most three times as much as now.

        `rps` is what both sides get together; `requests` and `errors` are the canary's so far;
        `baseline` is the primary's error rate.
        """
        if requests <= 0:
            return weight
        excess = self.excess(requests, errors, baseline)
        at_risk = excess * rps * self.reaction
        return _whole(self.budget, at_risk, self.first_weight(rps), min(self.top, FASTEST * weight))

    def excess(self, requests: float, errors: float, baseline: float) -> float:
        """Return the share of requests that the canary may fail beyond the primary, at most."""
        bound = (errors + self.sure + sqrt(2 * self.sure * errors)) / requests
        return min(1.0, max(bound - baseline, 1e-6))


def _whole(budget: float, at_risk: float, low: int, high: int) -> int:
    share = budget / at_risk if at_risk > 0 else 1.0
    return int(max(low, min(high, floor(min(share, 1.0) * 100))))
