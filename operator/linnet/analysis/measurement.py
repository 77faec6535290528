"""What is asked of Prometheus, and what comes back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class MetricKind(StrEnum):
    """Where a metric's query comes from."""

    SUCCESS_RATE = "request-success-rate"
    DURATION = "request-duration"
    INLINE = "inline"


_COUNTED: Final = {
    MetricKind.SUCCESS_RATE: ("istio_requests_total", "response code"),
    MetricKind.DURATION: ("istio_request_duration_milliseconds_bucket", "le"),
}


def seconds(window: timedelta) -> str:
    """Return a span for people, with three digits where it is short."""
    total = window.total_seconds()
    return f"{total:.3g} s" if total < 100 else f"{total:.0f} s"


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

    @property
    def text(self) -> str:
        """What is asked, for people: the query itself, or what a built-in metric counts."""
        if self.promql is not None:
            return self.promql
        series, by = _COUNTED[self.kind]
        return (
            f"increments of {series}{{"
            f'destination_workload_namespace="{self.namespace}",'
            f'destination_workload="{self.workload}"}}'
            f" over {seconds(self.window)} by {by}"
        )


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value, or the reason why there is none.

    `value` is a percentage for request-success-rate, milliseconds for request-duration, and
    whatever the query returned for an inline metric; never NaN or infinite. `absent` says in a
    sentence why there is no value; exactly one of the two is set. `basis` says in a few words what
    a built-in metric's value was counted from. `query` is what was asked, for people.
    """

    metric: str
    value: float | None = None
    absent: str | None = None
    basis: str = ""
    query: str = ""
