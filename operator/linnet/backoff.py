"""How long to wait after something went wrong."""

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Growing delays in seconds: `first`, twice that, … up to `longest`, each give or take a third.

    The spread keeps many that failed together from coming back together.
    """

    first: float
    longest: float
    failures: int = 0

    def next(self) -> float:
        """Return the delay after one more failure."""
        delay: float = min(self.longest, self.first * 2 ** min(self.failures, 30))
        self.failures += 1
        return delay * random.uniform(0.67, 1.33)  # noqa: S311 - not a secret

    def reset(self) -> None:
        """Begin anew after a success."""
        self.failures = 0
