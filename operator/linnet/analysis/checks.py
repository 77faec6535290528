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
    """One metric's verdict, with the figure it rests on and a sentence for people."""

    metric: str
    verdict: Verdict
    message: str
    value: float | None = None


def judge(metric: Metric, measurement: Measurement) -> Check:
    """Compare one measurement with its metric's threshold range."""
    value = measurement.value
    if value is None:
        return Check(metric.name, Verdict.INCONCLUSIVE, f"{metric.name}: {measurement.absent}")
    bounds = metric.threshold_range
    if bounds is not None and bounds.min is not None and value < bounds.min:
        message = f"{metric.name} {value:g} is below the minimum {bounds.min:g}"
        return Check(metric.name, Verdict.FAILED, message, value)
    if bounds is not None and bounds.max is not None and value > bounds.max:
        message = f"{metric.name} {value:g} is above the maximum {bounds.max:g}"
        return Check(metric.name, Verdict.FAILED, message, value)
    return Check(metric.name, Verdict.PASSED, f"{metric.name} {value:g}", value)


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
