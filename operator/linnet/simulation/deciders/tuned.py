"""A threshold tuned for speed: a short window, checked at every scrape."""

from collections.abc import Sequence
from dataclasses import dataclass

from linnet.analysis.tiles import Tile
from linnet.simulation.deciders.ladder import Climb, Rule


@dataclass(frozen=True, slots=True)
class TunedThreshold(Rule):
    """A check at each scrape, over `window` seconds; the failed check `threshold` acts at once.

    Without data there is no check. The ladder's steps need a check that passes.
    """

    minimum: float = 90.0
    threshold: int = 5
    window: float = 15.0
    name: str = "tuned threshold"

    def start(self, before: Sequence[Tile] = ()) -> "_Trial":
        """Begin a release."""
        return _Trial(self)


class _Trial(Climb):
    def __init__(self, rule: TunedThreshold) -> None:
        super().__init__(rule)
        self.rule = rule

    def look(self, at: float) -> None:
        rate = self.success_rate(self.rule.window)
        if rate is not None and rate < self.rule.minimum:
            self.failed_checks += 1
            if self.failed_checks >= self.rule.threshold:
                self.roll_back()
        elif rate is not None and self.is_due(at, self.ladder.interval):
            self.advance()
