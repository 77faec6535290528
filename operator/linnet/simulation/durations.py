"""Istio's duration buckets, and which of them are needed to judge by."""

from collections.abc import Sequence
from itertools import accumulate
from math import log
from typing import Final

from linnet.analysis.quantile import quantile

BUCKETS: Final = (
    0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0,
    30_000.0, 60_000.0, 300_000.0, 600_000.0, 1_800_000.0, 3_600_000.0,
)  # fmt: skip
"""The upper bounds of `istio_request_duration_milliseconds_bucket`, in ms, without +Inf."""


def percentile(q: float, counts: Sequence[float]) -> float | None:
    """Return the q-quantile, in ms, of requests counted by bucket, +Inf being the last."""
    bounds = (*BUCKETS, float("inf"))
    return quantile(q, dict(zip(bounds, accumulate(counts), strict=True)))


def nearest(milliseconds: float) -> float:
    """Return the bound that is nearest, by ratio: where slow requests begin."""
    return min(BUCKETS, key=lambda bound: abs(log(bound / milliseconds)))
