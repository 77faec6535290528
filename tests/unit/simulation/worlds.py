"""Worlds for tests: a canary that fails so and so often, and linnet or another rule to decide."""

from typing import Any

from linnet.api.analysis import Analysis
from linnet.simulation.behaviour import Behaviour, Change
from linnet.simulation.experiment import Circumstances, Experiment
from linnet.simulation.summary import Summary
from linnet.simulation.traffic import Traffic

CHECKED: dict[str, Any] = {
    "interval": "1m",
    "threshold": 2,
    "stepWeights": [10, 50],
    "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}}],
}
UNGUARDED: dict[str, Any] = {"guard": {"enabled": False}}


def analysis(**fields: Any) -> Analysis:
    """Return an analysis with a ladder of two steps and one threshold."""
    return Analysis.model_validate({**CHECKED, **fields})


def circumstances(
    canary: float = 0.005,
    *,
    primary: float = 0.005,
    rps: float = 50.0,
    scrape: float = 5.0,
    changes: tuple[Change, ...] = (),
    lost: float = 0.0,
    p99: float = 100.0,
) -> Circumstances:
    """Return steady traffic to two versions."""
    return Circumstances(
        Traffic(rps), Behaviour(primary), Behaviour(canary, changes, p99=p99), scrape, lost
    )


def played(experiment: Experiment, runs: int = 40, seed: int = 1) -> Summary:
    """Return what came of some releases in linnet's hands."""
    found = list(experiment.play(experiment.decider, runs, seed))
    return Summary.of(found, experiment.circumstances.scrape)
