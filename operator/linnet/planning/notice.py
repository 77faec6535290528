"""What an analysis notices: simulated releases of canaries that fail more or less."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from linnet.api.analysis import Analysis
from linnet.simulation.experiment import Circumstances, Experiment
from linnet.simulation.summary import rank
from linnet.simulation.trial import Outcome
from linnet.simulation.world import Run

CERTAIN: Final = 0.95
"""An error rate is noticed that takes back this share of releases at least."""
GRID: Final = (
    0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.006, 0.0075, 0.01, 0.0125, 0.015, 0.02, 0.025,
    0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0,
)  # fmt: skip
"""The error rates among which the smallest that is noticed is looked for."""
TABLE: Final = (0.02, 0.05, 0.2, 1.0)
SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Noticed:
    """Releases of a canary that fails `errors` (0 to 1) of its requests.

    `back`, `promoted` and `undecided` are shares of them. Seconds until the rollback, and requests
    that had failed by then: of those taken back; None where there are none.
    """

    errors: float
    runs: int
    back: float
    promoted: float
    undecided: float
    seconds: tuple[float, float] | None
    failed: tuple[float, float] | None

    @classmethod
    def of(cls, errors: float, runs: Sequence[Run]) -> Self:
        """Return the figures of these releases."""
        back = [run for run in runs if run.outcome is Outcome.ROLLED_BACK]
        promoted = sum(run.outcome is Outcome.PROMOTED for run in runs)
        return cls(
            errors,
            len(runs),
            len(back) / len(runs),
            promoted / len(runs),
            (len(runs) - len(back) - promoted) / len(runs),
            _median_and_p95([run.seconds for run in back]),
            _median_and_p95([float(run.failed_requests) for run in back]),
        )

    @property
    def is_certain(self) -> bool:
        """Tell whether nearly all releases were taken back."""
        return self.back >= CERTAIN

    def to_object(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "errors": self.errors,
            "rolledBack": round(self.back, 4),
            "promoted": round(self.promoted, 4),
            "undecided": round(self.undecided, 4),
            "secondsToRollback": _pair(self.seconds),
            "failedRequests": _pair(self.failed),
        }


@dataclass(frozen=True, slots=True)
class Notice:
    """What is noticed: `healthy` fails as much as the primary; `smallest` is None for nothing."""

    runs: int
    healthy: Noticed
    smallest: Noticed | None
    table: tuple[Noticed, ...]

    def to_object(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "runs": self.runs,
            "healthy": self.healthy.to_object(),
            "smallest": self.smallest.to_object() if self.smallest else None,
            "table": [row.to_object() for row in self.table],
        }


def notice(
    analysis: Analysis, given: Circumstances, runs: int, tell: Callable[[], None] = lambda: None
) -> Notice:
    """Find the smallest error rate of `GRID` that the analysis notices; `tell` is called at times.

    The same figures each time: the luck of the releases is drawn from a fixed seed.
    """
    known: dict[float, Noticed] = {}

    def at(errors: float) -> Noticed:
        if errors not in known:
            canary = replace(given.canary, errors=errors)
            experiment = Experiment.of(analysis, replace(given, canary=canary), None)
            known[errors] = Noticed.of(errors, list(_played(experiment, runs, tell)))
        return known[errors]

    healthy = at(given.primary.errors)
    table = tuple(at(errors) for errors in TABLE if errors > given.primary.errors)
    smallest = None
    if at(1.0).is_certain:
        smallest = _smallest([rate for rate in GRID if rate > given.primary.errors], at)
    return Notice(runs, healthy, smallest, table)


def _played(experiment: Experiment, runs: int, tell: Callable[[], None]) -> Iterator[Run]:
    for run in experiment.play(experiment.decider, runs, SEED):
        yield run
        tell()


def _smallest(rates: Sequence[float], at: Callable[[float], Noticed]) -> Noticed:
    """Return the lowest rate that is noticed, by halving; the last one is."""
    low, high = 0, len(rates) - 1
    while low < high:
        middle = (low + high) // 2
        if at(rates[middle]).is_certain:
            high = middle
        else:
            low = middle + 1
    return at(rates[high])


def _median_and_p95(values: Sequence[float]) -> tuple[float, float] | None:
    if not values:
        return None
    ordered = sorted(values)
    return ordered[rank(0.5, len(ordered))], ordered[rank(0.95, len(ordered))]


def _pair(pair: tuple[float, float] | None) -> dict[str, float] | None:
    return None if pair is None else {"p50": pair[0], "p95": pair[1]}
