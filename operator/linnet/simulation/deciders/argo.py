"""Argo Rollouts' rule: a background analysis that does not hold the steps."""

from collections.abc import Sequence
from dataclasses import dataclass

from linnet.analysis.tiles import Tile
from linnet.simulation.deciders.ladder import Climb, Rule


@dataclass(frozen=True, slots=True)
class ArgoRollouts(Rule):
    """One measurement each `interval` seconds, the first after one interval (`initialDelay`).

    More than `failure_limit` failed ones abort. Steps are taken whatever the analysis says. The
    success condition is not met without data, as `result[0] >= 0.99` is not by NaN.
    """

    minimum: float = 99.0
    failure_limit: int = 3
    interval: float = 60.0
    window: float = 60.0
    name: str = "Argo Rollouts"

    def start(self, before: Sequence[Tile] = ()) -> "_Trial":
        """Begin a release."""
        return _Trial(self)


class _Trial(Climb):
    def __init__(self, rule: ArgoRollouts) -> None:
        super().__init__(rule)
        self.rule = rule

    def look(self, at: float) -> None:
        if self.is_due(at, self.rule.interval):
            rate = self.success_rate(self.rule.window)
            self.failed_checks += rate is None or rate < self.rule.minimum
            if self.failed_checks > self.rule.failure_limit:
                self.roll_back()
                return
        if self.is_due(at, self.ladder.interval):
            self.advance()
