"""Judging measurements against thresholds.

A value outside its range fails. No value is inconclusive: never a pass, never a failure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from linnet.analysis.measurement import Measurement
from linnet.api.canary import Metric
from linnet.api.status import Verdict


@dataclass(frozen=True, slots=True)
class Check:
    """One metric's verdict, with the figure it rests on and a sentence for people.

    `query` is what was asked for it.
    """

    metric: str
    verdict: Verdict
    message: str
    value: float | None = None
    query: str = ""


def judge(metric: Metric, measurement: Measurement) -> Check:
    """Compare one measurement with its metric's threshold range."""
    verdict, message = _compare(metric, measurement)
    return Check(metric.name, verdict, message, measurement.value, measurement.query)


def _compare(metric: Metric, measurement: Measurement) -> tuple[Verdict, str]:
    value, bounds = measurement.value, metric.threshold_range
    if value is None:
        return Verdict.INCONCLUSIVE, f"{metric.name}: {measurement.absent}"
    if bounds is not None and bounds.min is not None and value < bounds.min:
        return Verdict.FAILED, f"{metric.name} {value:g} is below the minimum {bounds.min:g}"
    if bounds is not None and bounds.max is not None and value > bounds.max:
        return Verdict.FAILED, f"{metric.name} {value:g} is above the maximum {bounds.max:g}"
    return Verdict.PASSED, f"{metric.name} {value:g}"


def judge_all(metrics: Sequence[Metric], measurements: Iterable[Measurement]) -> tuple[Check, ...]:
    """Judge every metric; one that was not measured is inconclusive."""
    by_name = {measurement.metric: measurement for measurement in measurements}
    return tuple(
        judge(metric, by_name.get(metric.name, Measurement(metric.name, absent="not measured")))
        for metric in metrics
    )


def overall(checks: Iterable[Check]) -> Verdict:
    """Return failed if any check failed, else inconclusive if any was, else passed."""
    verdicts = {check.verdict for check in checks}
    for verdict in (Verdict.FAILED, Verdict.INCONCLUSIVE):
        if verdict in verdicts:
            return verdict
    return Verdict.PASSED


def why(checks: Sequence[Check], verdict: Verdict) -> str:
    """Return the sentences of the checks that led to `verdict`."""
    return "; ".join(check.message for check in checks if check.verdict is verdict)
