"""Trying an analysis out: the same releases, in the hands of one or more deciders."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from linnet.analysis.policy import policy_of
from linnet.api.analysis import Analysis
from linnet.api.metric import DURATION, SUCCESS_RATE, Metric
from linnet.simulation.behaviour import Behaviour
from linnet.simulation.checks import split
from linnet.simulation.deciders.argo import ArgoRollouts
from linnet.simulation.deciders.flagger import Flagger
from linnet.simulation.deciders.ladder import Ladder
from linnet.simulation.deciders.policy import PolicyDecider
from linnet.simulation.deciders.tuned import TunedThreshold
from linnet.simulation.deciders.ztest import ZTest
from linnet.simulation.durations import BUCKETS, nearest
from linnet.simulation.traffic import Traffic
from linnet.simulation.trial import Decider
from linnet.simulation.world import Run, Scenario, World

_LONGEST = 7 * 86_400.0
_FIVE_STEPS = (10, 20, 30, 40, 50)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the releases meet: traffic, both versions, the scrape interval in seconds."""

    traffic: Traffic
    primary: Behaviour
    canary: Behaviour
    scrape: float
    lost: float = 0.0


@dataclass(frozen=True, slots=True)
class Experiment:
    """An analysis in its circumstances. A release that takes longer than `seconds` is undecided."""

    analysis: Analysis
    circumstances: Circumstances
    seconds: float

    @classmethod
    def of(
        cls, analysis: Analysis, circumstances: Circumstances, seconds: float | None
    ) -> "Experiment":
        """Return the experiment; without `seconds` releases have twice the time they need."""
        return cls(analysis, circumstances, seconds or patience(analysis, circumstances.scrape))

    @property
    def edge(self) -> float | None:
        """The bound, in ms, above which requests count as slow; None: the guard does not count."""
        guard = self.analysis.guard
        if not (guard.enabled and guard.latency.enabled):
            return None
        return nearest(self.circumstances.primary.p99)

    @property
    def decider(self) -> PolicyDecider:
        """The analysis as linnet goes by it."""
        seen, _ = split(self.analysis.metrics, durations=True)
        policy = policy_of(self.analysis, seconds=self.circumstances.scrape, latency=self.edge)
        return PolicyDecider(policy, seen)

    @property
    def unmeasured(self) -> tuple[Metric, ...]:
        """The metrics that no simulation can know: checks go by the others."""
        return split(self.analysis.metrics, durations=True)[1]

    def compared(self) -> tuple[Decider, ...]:
        """Return other rules for the same releases, on the same ladder and interval.

        In place of a ramp, which has no ladder, they get one of five steps up to 50%.
        """
        policy = self.decider.policy
        scrape = self.circumstances.scrape
        weights = _FIVE_STEPS if policy.ramp else policy.ladder
        ladder = Ladder(weights, max(policy.interval, scrape))
        minimum, window = _threshold(self.analysis)
        return (
            Flagger(
                ladder, scrape, minimum=minimum, threshold=self.analysis.threshold, window=window
            ),
            ArgoRollouts(
                ladder,
                scrape,
                minimum=minimum,
                failure_limit=self.analysis.threshold - 1,
                interval=ladder.interval,
                window=window,
            ),
            TunedThreshold(ladder, scrape, window=max(15.0, scrape)),
            ZTest(ladder, scrape),
        )

    def play(self, decider: Decider, runs: int, seed: int) -> Iterator[Run]:
        """Yield the releases 0 to `runs`-1 of this seed, in the hands of `decider`."""
        world = World(self._scenario(), decider, self.seconds)
        for number in range(runs):
            yield world.play(f"{seed}/{number}")

    def _scenario(self) -> Scenario:
        given, edge = self.circumstances, self.edge
        durations = any(metric.name == DURATION for metric in self.analysis.metrics)
        bounds = BUCKETS if durations else () if edge is None else (edge,)
        return Scenario(
            given.traffic, given.primary, given.canary, given.scrape, given.lost, bounds, edge
        )


def patience(analysis: Analysis, scrape: float) -> float:
    """Return how long a release is given, in seconds: twice its ladder, and at least ten minutes
    more than that; with evidence for a promotion, until its deadline."""
    policy = policy_of(analysis, seconds=scrape)
    ladder = len(policy.ladder) * max(policy.interval, scrape)
    longest = max(2 * ladder, ladder + 600.0)
    if policy.promotion:
        longest = max(longest, policy.promotion.deadline + 2 * scrape)
    return math.ceil(min(longest, _LONGEST) / scrape) * scrape


def _threshold(analysis: Analysis) -> tuple[float, float]:
    """Return the least success rate that passes, in percent, and over how many seconds."""
    for metric in analysis.metrics:
        if metric.name == SUCCESS_RATE and metric.threshold_range.min is not None:
            return metric.threshold_range.min, metric.interval.total_seconds()
    return 99.0, 60.0
