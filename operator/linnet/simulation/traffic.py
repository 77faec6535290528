"""How many requests users send: steady, by the hour of the day, in bursts."""

import math
from dataclasses import dataclass
from random import Random
from typing import Final

_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests a second that users send to the service as a whole.

    Each request comes by itself, as in a Poisson process, at a rate around the mean `rps`:

    - `swing`: over a day the rate goes up and down by this part of the mean, as a sine does; a
      release begins at any hour. 0 to 1.
    - `burst`: in bursts the rate is so many times as high; 1 for none. They begin by chance, every
      `burst_every` seconds on average, and last `burst_seconds`.
    """

    rps: float
    swing: float = 0.0
    burst: float = 1.0
    burst_every: float = 120.0
    burst_seconds: float = 20.0

    def expected(self, random: Random, tiles: int, seconds: float) -> list[float]:
        """Return the mean number of requests in each of so many tiles of one release.

        `random` chooses the hour of the day and the bursts.
        """
        steady = self.rps * seconds
        means = [steady] * tiles
        if self.swing:
            phase = random.random()
            for k in range(tiles):
                turn = phase + (k + 0.5) * seconds / _DAY
                means[k] = steady * (1.0 + self.swing * math.sin(2.0 * math.pi * turn))
        if self.burst != 1.0:
            self._add_bursts(means, random, seconds)
        return means

    def _add_bursts(self, means: list[float], random: Random, seconds: float) -> None:
        end = len(means) * seconds
        # As if the world had been going on before the release began.
        start = random.expovariate(1.0 / self.burst_every) - self.burst_seconds
        while start < end:
            stop = start + self.burst_seconds
            for k in range(max(0, int(start / seconds)), min(len(means), int(stop / seconds) + 1)):
                share = min(stop, (k + 1) * seconds) - max(start, k * seconds)
                means[k] *= 1.0 + (self.burst - 1.0) * max(0.0, share) / seconds
            start = stop + random.expovariate(1.0 / self.burst_every)
