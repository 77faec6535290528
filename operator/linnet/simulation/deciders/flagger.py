"""Flagger's rule: a success rate against a threshold each tick; failed checks add up."""

from collections.abc import Sequence
from dataclasses import dataclass

from linnet.analysis.tiles import Tile
from linnet.simulation.deciders.ladder import Climb, Rule


@dataclass(frozen=True, slots=True)
class Flagger(Rule):
    """`analysis.interval` is the ladder's. No data is a failed check.

    What the checks have added up to is looked at when the next tick begins, as Flagger 1.44 does.
    """

    minimum: float = 99.0
    threshold: int = 5
    window: float = 60.0
    name: str = "Flagger"

    def start(self, before: Sequence[Tile] = ()) -> "_Trial":
        """Begin a release."""
        return _Trial(self)


class _Trial(Climb):
    def __init__(self, rule: Flagger) -> None:
        super().__init__(rule)
        self.rule = rule

    def look(self, at: float) -> None:
        if not self.is_due(at, self.ladder.interval):
            return
        if self.failed_checks >= self.rule.threshold:
            self.roll_back()
            return
        rate = self.success_rate(self.rule.window)
        if rate is None or rate < self.rule.minimum:
            self.failed_checks += 1
        else:
            self.advance()
