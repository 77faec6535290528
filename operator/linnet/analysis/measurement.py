"""What is asked of Prometheus, and what comes back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class MetricKind(StrEnum):
    """Where a metric's query comes from."""

    SUCCESS_RATE = "request-success-rate"
    DURATION = "request-duration"
    INLINE = "inline"


@dataclass(frozen=True, slots=True)
class Query:
    """One metric of one Canary, to be measured at one instant.

    `window` is the span that ends at `at`. With `within`, increments are counted between samples
    inside the window only: what was counted before it may be another revision's. `promql` is the
    rendered text of an inline query, None for the built-in metrics, which are asked for many
    workloads at once.
    """

    metric: str
    kind: MetricKind
    namespace: str
    workload: str
    at: datetime
    window: timedelta
    server: str = ""
    promql: str | None = None
    within: bool = False


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value, or the reason why there is none.

    `value` is a percentage for request-success-rate, milliseconds for request-duration, and
    whatever the query returned for an inline metric; never NaN or infinite. `absent` says in a
    sentence why there is no value; exactly one of the two is set. `basis` says in a few words what
    a built-in metric's value was counted from.
    """

    metric: str
    value: float | None = None
    absent: str | None = None
    basis: str = ""
