"""What one side served in a while, and whether an objective is met in it or missed."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

SPAN: Final = 60.0
"""How many seconds the window reaches back: older tiles have faded."""

_LEAST_ERRORS: Final = 5.0
_BEYOND_DOUBT: Final = 3.0
"""By how many standard errors an objective is missed before it counts as missed."""


@dataclass(frozen=True, slots=True)
class Window:
    """Sums over tiles of one length, which may fade."""

    seconds: float = 0.0
    requests: float = 0.0
    errors: float = 0.0

    def after(self, seconds: float, requests: float, errors: float) -> "Window":
        """Return the sums with one more tile of `seconds`, those before it a little faded."""
        fade = max(0.5, 1 - seconds / SPAN)
        return Window(
            self.seconds * fade + seconds,
            self.requests * fade + requests,
            self.errors * fade + errors,
        )

    def plus(self, seconds: float, requests: float, errors: float) -> "Window":
        """Return the sums with one more tile of `seconds`, none of them faded."""
        return Window(self.seconds + seconds, self.requests + requests, self.errors + errors)

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def error_rate(self) -> float:
        """The share of requests that failed."""
        return self.errors / self.requests if self.requests else 0.0

    def meets(self, allowed: float) -> bool:
        """Tell whether no more than a share of `allowed` fails."""
        return self.errors <= self.requests * allowed

    def misses(self, allowed: float) -> bool:
        """Tell whether more than a share of `allowed` fails, by three standard errors."""
        expected = self.requests * allowed
        return self.errors >= max(_LEAST_ERRORS, expected + _BEYOND_DOUBT * sqrt(expected))
