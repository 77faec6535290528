"""What is simulated: each cell is one rule in one situation, many releases long."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from linnet.analysis.policy import policy_of
from linnet.api.analysis import Analysis
from linnet.simulation.behaviour import Behaviour, Change
from linnet.simulation.deciders.argo import ArgoRollouts
from linnet.simulation.deciders.flagger import Flagger
from linnet.simulation.deciders.ladder import Ladder
from linnet.simulation.deciders.policy import PolicyDecider
from linnet.simulation.deciders.tuned import TunedThreshold
from linnet.simulation.deciders.ztest import ZTest
from linnet.simulation.traffic import Traffic
from linnet.simulation.trial import Decider
from linnet.simulation.world import Scenario

SEED: Final = "decisions"
RATES: Final = (5, 50, 500)
"""Requests a second."""
FAULTS: Final = (0.01, 0.02, 0.05, 0.2, 1.0)
"""The canary's error rates in the detection table."""
BASE: Final = 0.005
"""The primary's error rate, where nothing else is said."""
WEIGHTS: Final = (10, 20, 30, 40, 50)
STEP: Final = 60.0
LIMIT: Final = 900.0
"""Seconds after which a release counts as undecided; the ladder takes 300."""
LONG: Final = range(3, 63, 3)
"""The ladder of a long release: 20 steps of a minute."""


@dataclass(frozen=True)
class Cell:
    """Releases of one kind in the hands of one rule. Healthy ones are rarely taken back."""

    table: str
    row: str
    column: str
    rps: int
    healthy: bool
    scenario: Scenario
    decider: Callable[[], Decider]
    limit: float = LIMIT

    @property
    def key(self) -> str:
        """What the cell is called in files and in progress."""
        return f"{self.table}/{self.row}/{self.column}/{self.rps}"

    @property
    def is_long(self) -> bool:
        """Whether its releases take longer than those of other cells."""
        return self.limit > LIMIT


def guard(seconds: float, *, edge: float | None = None, **fields: Any) -> PolicyDecider:
    """Return linnet with its guard alone on the common ladder: no threshold metrics."""
    analysis = Analysis.model_validate(
        {"stepWeights": list(WEIGHTS), "interval": f"{STEP:g}s", **fields}
    )
    return PolicyDecider(policy_of(analysis, seconds=seconds, latency=edge))


def ramp(seconds: float) -> PolicyDecider:
    """Return linnet with the weight that grows with the evidence, and promotion by evidence."""
    analysis = Analysis.model_validate({"ramp": {}, "promotion": {"evidence": True}})
    return PolicyDecider(policy_of(analysis, seconds=seconds))


def whole(seconds: float, *, guarded: bool = True) -> PolicyDecider:
    """Return linnet with the thresholds that Flagger has here, and with its guard or without."""
    fields = {
        "stepWeights": list(WEIGHTS),
        "interval": f"{STEP:g}s",
        "threshold": 5,
        "guard": {"enabled": guarded},
        "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}}],
    }
    analysis = Analysis.model_validate(fields)
    return PolicyDecider(policy_of(analysis, seconds=seconds), analysis.metrics)


LADDER: Final = Ladder(WEIGHTS, STEP)

RULES: Final[dict[str, tuple[float, Callable[[], Decider]]]] = {
    "linnet": (5.0, lambda: whole(5.0)),
    "linnet, scraped every 15 s": (15.0, lambda: whole(15.0)),
    "linnet, guard alone": (5.0, lambda: guard(5.0)),
    "linnet, thresholds alone": (5.0, lambda: whole(5.0, guarded=False)),
    "linnet, ramp": (5.0, lambda: ramp(5.0)),
    "Flagger": (5.0, lambda: Flagger(LADDER, 5.0)),
    "Argo Rollouts": (5.0, lambda: ArgoRollouts(LADDER, 5.0)),
    "tuned threshold": (5.0, lambda: TunedThreshold(LADDER, 5.0)),
    "z-test": (5.0, lambda: ZTest(LADDER, 5.0)),
}
"""The rules of the detection table: the scrape interval that each sees, and how it is made."""


def _both(errors: float = BASE, **fields: Any) -> tuple[Behaviour, Behaviour]:
    return Behaviour(errors, **fields), Behaviour(errors, **fields)


@dataclass(frozen=True)
class _Situation:
    """One in which nobody should be blamed. `first`: seconds of traffic before the first scrape."""

    primary: Behaviour
    canary: Behaviour
    burst: float = 1.0
    lost: float = 0.0
    first: float | None = None

    def scenario(self, rps: int, seconds: float) -> Scenario:
        traffic = Traffic(rps, burst=self.burst)
        part = 1.0 if self.first is None else self.first / seconds
        return Scenario(traffic, self.primary, self.canary, seconds, self.lost, first=part)


def _healthy() -> dict[str, _Situation]:
    """Return the situations by name."""
    outage = (Change(0.3, 120.0, 180.0),)
    cold = Behaviour(BASE, (Change(0.2, end=10.0),))
    dead = Behaviour(BASE, (Change(1.0, end=4.0),))
    blip = Behaviour(BASE, (Change(0.5, 103.0, 108.0),))

    return {
        "independent errors, 0.5%": _Situation(*_both()),
        "as bad as allowed: 0.8%, canary 1%": _Situation(Behaviour(0.008), Behaviour(0.01)),
        "as bad as allowed: 0.1%, canary 0.5%": _Situation(Behaviour(0.001), Behaviour(0.005)),
        "errors 5 at once": _Situation(*_both(cluster=5)),
        "errors 20 at once": _Situation(*_both(cluster=20)),
        "bursts of traffic, errors 5 at once": _Situation(*_both(cluster=5), burst=5.0),
        "10% of the scrapes lost": _Situation(*_both(), lost=0.1),
        "drift to 4 times the errors": _Situation(*_both(drift=4.0, drift_seconds=300.0)),
        "both fail 30% for a minute": _Situation(*_both(changes=outage)),
        # Two or three scrapes share each of these, which is harder to forgive than one.
        "cold start: 20% for 10 s": _Situation(Behaviour(BASE), cold, first=2.5),
        "cold start: everything for 4 s": _Situation(Behaviour(BASE), dead, first=2.0),
        "a blip: the canary fails 50% for 5 s": _Situation(Behaviour(BASE), blip),
    }


def cells() -> list[Cell]:
    """Return all cells, in the order of the tables."""
    return [*_false_rollbacks(), *_long(), *_slow(), *_detection(), *_late()]


def _false_rollbacks() -> list[Cell]:
    found = []
    for row, situation in _healthy().items():
        for seconds in (5.0, 15.0):

            def decider(seconds: float = seconds) -> Decider:
                return guard(seconds)

            for rps in RATES:
                scenario = situation.scenario(rps, seconds)
                found.append(Cell("false", row, f"{seconds:g} s", rps, True, scenario, decider))
    return found


def _long() -> list[Cell]:
    primary, canary = Behaviour(0.008), Behaviour(0.01)

    def decider() -> Decider:
        return guard(5.0, stepWeights=list(LONG))

    return [
        Cell(
            "false",
            "as bad as allowed, for 20 minutes",
            "5 s",
            rps,
            True,
            Scenario(Traffic(rps), primary, canary, 5.0),
            decider,
            len(LONG) * STEP + 600.0,
        )
        for rps in RATES
    ]


def _slow() -> list[Cell]:
    """Slow answers: the primary's p99 is 200 ms, so that slow begins at 250."""
    edge = 250.0

    def decider() -> Decider:
        return guard(5.0, edge=edge)

    return [
        Cell(
            "slow",
            f"{factor:g}",
            "5 s",
            rps,
            factor == 1,
            Scenario(
                Traffic(rps),
                Behaviour(BASE, p99=200.0),
                Behaviour(BASE, p99=200.0 * factor),
                5.0,
                buckets=(edge,),
                edge=edge,
            ),
            decider,
        )
        for factor in (1.0, 1.5, 2.0, 4.0, 10.0)
        for rps in RATES
    ]


def _detection() -> list[Cell]:
    return [
        Cell(
            "detect",
            name,
            f"{fault:g}",
            rps,
            fault == BASE,
            Scenario(Traffic(rps), Behaviour(BASE), Behaviour(fault), seconds),
            make,
        )
        for fault in (BASE, *FAULTS)
        for rps in RATES
        for name, (seconds, make) in RULES.items()
    ]


def _late() -> list[Cell]:
    """A fault that begins in the fourth minute, with a healthy history before it."""
    return [
        Cell(
            "late",
            name,
            "0.05",
            rps,
            False,
            Scenario(
                Traffic(rps),
                Behaviour(BASE),
                Behaviour(BASE, (Change(0.05, start=200.0),)),
                seconds,
            ),
            make,
        )
        for rps in RATES
        for name, (seconds, make) in RULES.items()
    ]
