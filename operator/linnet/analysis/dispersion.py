"""How much more the primary's failures scatter than independent ones would.

Failures that come in clusters make evidence look stronger than it is. Pearson's dispersion
φ̂ = Σ (E_i - n_i p)² / (n_i p (1-p)) / (k-1) over the primary's last tiles measures by how much;
log evidence is divided by it. Approximate, as what holds for the primary need not for the canary.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

TILES: Final = 60
"""Over how many tiles φ̂ is taken: a tile's weight fades so that as many count in effect."""
LEAST_TILES: Final = 10
"""With fewer tiles nothing is known of the scatter, and nothing is corrected."""
LARGEST: Final = 20.0

_FADE: Final = 1 - 2 / (TILES + 1)
_QUANTILE: Final = 1.2816
"""Of the standard normal distribution: with a chance of 90%, φ̂ is not taken for too small."""
_MOST: Final = 2.0
"""How much φ̂ may be corrected upwards, where there are too few failures to tell."""


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Fading sums over the primary's tiles: all that φ̂ needs."""

    tiles: float = 0.0
    requests: float = 0.0
    bad: float = 0.0
    squares: float = 0.0

    def after(self, requests: float, bad: float) -> "Dispersion":
        """Return the sums with one more tile; one without requests tells nothing."""
        if requests <= 0:
            return self
        return Dispersion(
            self.tiles * _FADE + 1,
            self.requests * _FADE + requests,
            self.bad * _FADE + bad,
            self.squares * _FADE + bad * bad / requests,
        )

    @property
    def value(self) -> float:
        """φ̂ as evidence is divided by it: at most 20."""
        return min(self.scatter, LARGEST)

    @property
    def scatter(self) -> float:
        """φ̂, corrected upwards for how uncertain it is; at least 1."""
        if self.tiles < LEAST_TILES or self.bad <= 0:
            return 1.0
        rate = self.bad / self.requests
        if rate >= 1:
            return 1.0
        freedom = self.tiles - 1
        pearson = (self.squares - self.bad * rate) / (rate * (1 - rate))
        # Tiles without a failure say little: no more degrees of freedom than failures.
        informed = max(1.0, min(freedom, self.bad))
        raised = min(_MOST, 1 / _lower_quantile(informed))
        return max(pearson / freedom * raised, 1.0)


def _lower_quantile(freedom: float) -> float:
    """Return the lower 10% quantile of χ²/df, by Wilson and Hilferty; at least 0.01."""
    part = 2 / (9 * freedom)
    return float(max(0.01, (1 - part - _QUANTILE * sqrt(part)) ** 3))
