"""Threshold checks, measured from what a release has counted so far instead of by Prometheus."""

from collections.abc import Callable, Sequence
from typing import Final

from linnet.analysis.checks import judge_all, overall, why
from linnet.analysis.measurement import Measurement
from linnet.analysis.policy import CheckResult
from linnet.api.metric import DURATION, SUCCESS_RATE, Metric
from linnet.simulation.durations import percentile
from linnet.simulation.history import History, Totals

_NO_REQUESTS: Final = "no requests to the canary"


def _success_rate(seen: Totals) -> float | None:
    return 100.0 * (seen.requests - seen.errors) / seen.requests if seen.requests else None


def _duration(seen: Totals) -> float | None:
    return percentile(0.99, seen.durations) if seen.durations else None


_MEASURES: Final[dict[str, Callable[[Totals], float | None]]] = {
    SUCCESS_RATE: _success_rate,
    DURATION: _duration,
}


def split(
    metrics: Sequence[Metric], *, durations: bool
) -> tuple[tuple[Metric, ...], tuple[Metric, ...]]:
    """Return the metrics that can be measured from tiles, and those that cannot.

    `durations` says whether requests are counted by duration.
    """
    known = {SUCCESS_RATE, DURATION} if durations else {SUCCESS_RATE}
    return (
        tuple(metric for metric in metrics if metric.name in known),
        tuple(metric for metric in metrics if metric.name not in known),
    )


def check(metrics: Sequence[Metric], history: History) -> CheckResult:
    """Return what a check says now: each metric over its own interval, never before the release."""
    measurements = []
    for metric in metrics:
        value = _MEASURES[metric.name](history.over(metric.interval.total_seconds()))
        absent = _NO_REQUESTS if value is None else None
        measurements.append(Measurement(metric.name, value=value, absent=absent))
    checks = judge_all(metrics, measurements)
    verdict = overall(checks)
    return CheckResult(verdict, why(checks, verdict))
