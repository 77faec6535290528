"""Releases to try the automaton on: policies, tiles, traffic from a seed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import exp, sqrt
from random import Random
from typing import Any

from linnet.analysis.policy import (
    CheckResult,
    Policy,
    ReleaseState,
    Ruling,
    RulingVerdict,
    Sample,
    begin,
    check_due,
    observe_before,
    policy_of,
    step,
)
from linnet.analysis.tiles import Counts, Tile
from linnet.api.analysis import Analysis
from linnet.api.status import Verdict

METRIC = {"name": "request-success-rate", "thresholdRange": {"min": 99}}
PASSED = CheckResult(Verdict.PASSED, "request-success-rate 100")
FAILED = CheckResult(Verdict.FAILED, "request-success-rate 90 is below the minimum 99")
UNKNOWN = CheckResult(Verdict.INCONCLUSIVE, "request-success-rate: no requests")


def policy(seconds: float = 5, latency: float | None = None, **analysis: Any) -> Policy:
    """A policy with three steps, checked each 30 s on a metric."""
    ladder = {} if "ramp" in analysis else {"stepWeights": [10, 30, 50]}
    spec = {"interval": "30s", "threshold": 3, "metrics": [METRIC], **ladder, **analysis}
    return policy_of(Analysis.model_validate(spec), seconds=seconds, latency=latency)


def tile(
    canary: tuple[float, ...] | None = (25, 0), primary: tuple[float, ...] | None = (225, 1)
) -> Tile:
    """A tile from (requests, errors, slow); None is no data."""
    return Tile(Counts(*canary) if canary else None, Counts(*primary) if primary else None)


def started(rules: Policy, at: float = 0.0) -> ReleaseState:
    """The state of a release whose canary has just got its first traffic."""
    ruling = step(rules, begin(rules, at), Sample(at))
    assert ruling.verdict is RulingVerdict.ADVANCE
    return ruling.state


def play(rules: Policy, state: ReleaseState, samples: Iterable[Sample]) -> list[Ruling]:
    """Give the samples to the automaton, one after the other."""
    rulings = []
    for sample in samples:
        rulings.append(step(rules, state, sample))
        state = rulings[-1].state
    return rulings


def every(
    seconds: float, tiles: Iterable[Tile], *, start: float = 0.0, **sample: Any
) -> list[Sample]:
    """Samples of tiles that follow each other."""
    return [Sample(start + (i + 1) * seconds, tile=each, **sample) for i, each in enumerate(tiles)]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests per second, the error rates of both sides, and the size of clusters of errors."""

    rps: float
    primary: float = 0.005
    canary: float = 0.005
    cluster: int = 1
    cold: float = 0.0
    cold_seconds: float = 0.0


def release(rules: Policy, traffic: Traffic, random: Random, *, until: float = 600) -> Ruling:
    """Play a whole release with passing checks; return how it ended."""
    seconds = rules.seconds
    state = observe_before(rules, begin(rules, 0), _before(rules, traffic, random))
    ruling = step(rules, state, Sample(0))
    at = 0.0
    while at < until and not ruling.state.over:
        at += seconds
        cold = traffic.cold if at - seconds < traffic.cold_seconds else 0.0
        served = traffic.rps * seconds
        canary = _count(served * ruling.weight / 100, random)
        primary = _count(served * (1 - ruling.weight / 100), random)
        both = Tile(
            Counts(canary, _bad(canary, max(cold, traffic.canary), traffic.cluster, random)),
            Counts(primary, _bad(primary, traffic.primary, traffic.cluster, random)),
        )
        check = PASSED if check_due(ruling.state, at) else None
        ruling = step(rules, ruling.state, Sample(at, tile=both, check=check))
    return ruling


def _before(rules: Policy, traffic: Traffic, random: Random) -> Iterator[tuple[float, Tile]]:
    for i in range(60):
        served = _count(traffic.rps * rules.seconds, random)
        bad = _bad(served, traffic.primary, traffic.cluster, random)
        yield (i - 59) * rules.seconds, Tile(None, Counts(served, bad))


def _bad(requests: int, rate: float, cluster: int, random: Random) -> int:
    if rate >= 1:
        return requests
    if requests * rate > 30:
        spread = sqrt(requests * rate * (1 - rate) * cluster)
        return min(requests, max(0, round(random.gauss(requests * rate, spread))))
    return min(requests, cluster * _count(requests * rate / cluster, random))


def _count(expected: float, random: Random) -> int:
    """Draw from a Poisson distribution."""
    if expected > 50:
        return max(0, round(random.gauss(expected, sqrt(expected))))
    limit, product, count = exp(-expected), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count
