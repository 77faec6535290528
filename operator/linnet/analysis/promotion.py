"""Evidence that a canary is not worse than it may be: non-inferiority.

The null hypothesis is the other way round: the canary's rate is at least ratio times the
primary's, plus a margin. For a in (0, 1) and b = 1 + (1-a) ratio n_c/n_b, the tile's e-value is
a^E_c · b^E_b · exp((1-a) margin n_c); the evidence is the mean of their running products.
"""

from dataclasses import dataclass
from math import exp, log
from typing import Final

_A: Final = (0.001, 0.1, 0.25, 0.5, 0.75)
_PAIRS: Final = tuple((log(a), 1 - a) for a in _A)
_LARGEST: Final = 300.0


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """The log of the running product for each a."""

    logs: tuple[float, ...] = (0.0,) * len(_A)

    @property
    def value(self) -> float:
        """The evidence: 1/alpha is enough for a chance of alpha to promote what is worse."""
        return sum(map(exp, self.logs)) / len(_A)

    def after(
        self,
        canary: float,
        canary_bad: float,
        primary: float,
        primary_bad: float,
        *,
        ratio: float,
        margin: float,
        dispersion: float = 1.0,
    ) -> "NonInferiority":
        """Return the evidence after one tile. Without requests on both sides it tells nothing."""
        if canary <= 0 or primary <= 0:
            return self
        per = ratio * canary / primary
        gain = margin * canary
        return NonInferiority(
            tuple(
                [
                    min(
                        so_far
                        + (
                            canary_bad * ln
                            + (primary_bad * log(1 + rest * per) if primary_bad else 0.0)
                            + rest * gain
                        )
                        / dispersion,
                        _LARGEST,
                    )
                    for so_far, (ln, rest) in zip(self.logs, _PAIRS, strict=True)
                ]
            )
        )

    def clean_requests_to(self, needed: float, margin: float, dispersion: float = 1.0) -> float:
        """Return about how many requests to the canary without any failure reach `needed`."""
        if self.value >= needed:
            return 0.0
        low, high = 0.0, 1.0
        while self._with_clean(high, margin, dispersion) < needed and high < 1e12:
            high *= 2
        for _ in range(40):
            middle = (low + high) / 2
            if self._with_clean(middle, margin, dispersion) < needed:
                low = middle
            else:
                high = middle
        return high

    def _with_clean(self, requests: float, margin: float, dispersion: float) -> float:
        gain = margin * requests / dispersion
        logs = (log_e + rest * gain for log_e, (_, rest) in zip(self.logs, _PAIRS, strict=True))
        return sum(exp(min(log_e, _LARGEST)) for log_e in logs) / len(_A)
