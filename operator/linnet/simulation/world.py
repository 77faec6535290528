"""The world that releases are tried out in: requests, answers, and scrapes that count them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random

from linnet.analysis.tiles import Counts, Tile
from linnet.simulation.behaviour import Behaviour
from linnet.simulation.draws import poisson
from linnet.simulation.traffic import Traffic
from linnet.simulation.trial import Decider, Outcome


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens to a release. `scrape` is the time between two scrapes, in seconds.

    `lost` is the probability that a side has no data in a tile, as after a reset of its counters;
    the requests are sent, and fail, all the same. Requests are counted by duration between the
    bounds `buckets`, in ms; `edge`, one of them, is where slow ones begin. Without bounds durations
    are not measured. `first` is the part of the first tile in which the canary has traffic, above
    0 and up to 1: a release may begin anywhere between two scrapes.
    """

    traffic: Traffic
    primary: Behaviour
    canary: Behaviour
    scrape: float = 15.0
    lost: float = 0.0
    buckets: tuple[float, ...] = ()
    edge: float | None = None
    first: float = 1.0


@dataclass(frozen=True, slots=True)
class Run:
    """One release. `weights` has the canary's share in each tile until it was over.

    `failed_requests` are those that the canary failed; `excess` is by how many they exceed what
    the primary would have failed of the same requests on average. `seconds` is the time from the
    canary's first traffic until the outcome, `reason` the decider's word for why.
    """

    outcome: Outcome
    seconds: float
    failed_requests: int
    excess: float
    weights: Sequence[int]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Side:
    """One side, worked out for every tile: probability of an error; of each bucket if none."""

    errors: Sequence[float]
    cluster: int
    buckets: Sequence[float]
    slow_from: int | None

    def answer(self, tile: int, expected: float, random: Random) -> tuple[Counts, Sequence[int]]:
        """Return what becomes of the requests of one tile."""
        rate = self.errors[tile]
        errors = self.cluster * poisson(expected * rate / self.cluster, random.random())
        served = expected * (1.0 - rate)
        if not self.buckets:
            return Counts(errors + poisson(served, random.random()), errors), ()
        # Independent Poisson numbers, as those of the parts of a Poisson stream are.
        durations = [poisson(served * share, random.random()) for share in self.buckets]
        slow = None if self.slow_from is None else sum(durations[self.slow_from :])
        durations[0] += errors  # an error comes quickly
        return Counts(sum(durations), errors, slow), durations


@dataclass(slots=True)
class World:
    """A scenario, made ready for releases of up to `seconds` in the hands of one decider."""

    scenario: Scenario
    decider: Decider
    seconds: float
    tiles: int = field(init=False)
    _primary: _Side = field(init=False)
    _canary: _Side = field(init=False)

    def __post_init__(self) -> None:
        self.tiles = max(1, math.ceil(self.seconds / self.scenario.scrape))
        self._primary = self._side(self.scenario.primary)
        self._canary = self._side(self.scenario.canary)

    def play(self, seed: str) -> Run:
        """Let one release happen. The same seed brings the same luck, whoever decides."""
        random = Random(seed)  # noqa: S311 - a simulation, not a secret
        scrape, lost, first = self.scenario.scrape, self.scenario.lost, self.scenario.first
        expected = self.scenario.traffic.expected(random, self.tiles, scrape)
        trial = self.decider.start(self._before(seed))
        weights: list[int] = []
        failed, excess = 0.0, 0.0
        for k in range(self.tiles):
            weight = trial.weight
            weights.append(weight)
            share = weight / 100.0 if k else first * weight / 100.0
            canary, durations = self._canary.answer(k, expected[k] * share, random)
            primary, _ = self._primary.answer(k, expected[k] * (1.0 - share), random)
            failed += canary.errors
            excess += canary.errors - canary.requests * self._primary.errors[k]
            tile = Tile(canary, primary)
            if lost:
                seen = random.random() >= lost, random.random() >= lost
                tile = Tile(canary if seen[0] else None, primary if seen[1] else None)
                durations = durations if seen[0] else [0] * len(durations)
            trial.see((k + first) * scrape, tile, durations)
            if trial.outcome is not Outcome.UNDECIDED:
                break
        seconds = (len(weights) - 1 + first) * scrape
        return Run(trial.outcome, seconds, int(failed), excess, weights, trial.reason)

    def _before(self, seed: str) -> list[Tile]:
        """Return the tiles before the release: the primary alone, without what changes later."""
        tiles = self.decider.looks_back
        if not tiles:
            return []
        random = Random(f"{seed} before")  # noqa: S311 - a simulation, not a secret
        behaviour = self.scenario.primary
        side = replace(self._primary, errors=[behaviour.errors] * tiles)
        expected = self.scenario.traffic.expected(random, tiles, self.scenario.scrape)
        return [Tile(None, side.answer(k, expected[k], random)[0]) for k in range(tiles)]

    def _side(self, behaviour: Behaviour) -> _Side:
        scrape, first = self.scenario.scrape, self.scenario.first
        ends = [(k + first) * scrape for k in range(self.tiles)]
        errors = [behaviour.error_rate(max(0.0, end - scrape), end) for end in ends]
        bounds, edge = self.scenario.buckets, self.scenario.edge
        above = [1.0, *map(behaviour.slower_than, bounds), 0.0]
        shares = [more - less for more, less in pairwise(above)] if bounds else []
        slow_from = None if edge is None else bounds.index(edge) + 1
        return _Side(errors, behaviour.cluster, shares, slow_from)
