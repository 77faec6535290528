"""The built-in metrics: what to ask Prometheus for many workloads at once, and how to read it.

Both terms of a success rate are counted here, from whole requests: a quotient in PromQL has an
empty numerator, and so no value, just when every request fails.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from linnet.analysis.failures import OUTCOME_LABELS, failed
from linnet.analysis.measurement import Measurement, MetricKind, seconds
from linnet.analysis.promql import (
    NAMESPACE_LABEL,
    WORKLOAD_LABEL,
    increments,
    to_workloads,
)
from linnet.analysis.quantile import quantile
from linnet.analysis.samples import Labels, Sample, samples

Workload = tuple[str, str]
"""Namespace and name."""

REQUESTS: Final = "istio_requests_total"
BUCKETS: Final = "istio_request_duration_milliseconds_bucket"
ALL_REQUESTS: Final = 'le="+Inf"'
QUANTILE: Final = 0.99

# Each request is counted by up to three reporters, so one of them is chosen, never their sum.
# Only the client's side sees connections that fail.
_SUCCESS_REPORTERS: Final = ("source", "destination", "waypoint")
# Only the server's side is free of what retries and the network add.
_DURATION_REPORTERS: Final = ("destination", "source", "waypoint")


def success_rate_promql(
    workloads: Collection[Workload], window: timedelta, *, within: bool = False
) -> str:
    """Return the query for requests by outcome, seen in the window that ends at its time."""
    grown = increments(REQUESTS, to_workloads(workloads), window, within=within)
    outcome = ", ".join(OUTCOME_LABELS)
    return f"sum by ({NAMESPACE_LABEL}, {WORKLOAD_LABEL}, reporter, {outcome}) ({grown})"


def request_duration_promql(
    workloads: Collection[Workload], window: timedelta, *, within: bool = False
) -> str:
    """Return the query for requests by duration, seen in the window that ends at its time."""
    grown = increments(
        BUCKETS, to_workloads(workloads), window, resets_of=ALL_REQUESTS, within=within
    )
    return f"sum by ({NAMESPACE_LABEL}, {WORKLOAD_LABEL}, reporter, le) ({grown})"


def read_success_rate(
    rows: Iterable[Any], workloads: Collection[Workload], window: timedelta
) -> dict[Workload, Measurement]:
    """Return each workload's percentage of requests that did not fail, or why there is none."""
    return _read(_SUCCESS_RATE, rows, workloads, window)


def read_request_duration(
    rows: Iterable[Any], workloads: Collection[Workload], window: timedelta
) -> dict[Workload, Measurement]:
    """Return each workload's 99th percentile of request durations in ms, or why there is none."""
    return _read(_DURATION, rows, workloads, window)


def histograms(rows: Iterable[Any]) -> dict[Workload, dict[str, dict[float, float]]]:
    """Return each workload's histogram by reporter: how many requests were at or below a bound."""
    found: dict[Workload, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    for row in samples(rows):
        found[_workload(row.labels)][row.labels.get("reporter", "")].append(row)
    return {
        workload: {reporter: _histogram(some) for reporter, some in by_reporter.items()}
        for workload, by_reporter in found.items()
    }


def seen_in(rows: Iterable[Any]) -> set[Workload]:
    """Return the workloads that the answer speaks of at all, were it of no requests."""
    return {_workload(row.labels) for row in samples(rows)}


@dataclass(frozen=True, slots=True)
class _Reading:
    """How one built-in metric is read.

    `count` says how many requests some rows stand for. `value` returns the value and what it was
    counted from, or the label that rows lack for that.
    """

    kind: MetricKind
    series: str
    reporters: Sequence[str]
    count: Callable[[Iterable[Sample]], float]
    value: Callable[[Sequence[Sample]], tuple[float, str] | str]


def _read(
    reading: _Reading, rows: Iterable[Any], workloads: Collection[Workload], window: timedelta
) -> dict[Workload, Measurement]:
    found: dict[Workload, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    for row in samples(rows):
        found[_workload(row.labels)][row.labels.get("reporter", "")].append(row)
    return {
        workload: _measure(reading, found.get(workload, {}), workload, window)
        for workload in workloads
    }


def _measure(
    reading: _Reading,
    by_reporter: Mapping[str, Sequence[Sample]],
    workload: Workload,
    window: timedelta,
) -> Measurement:
    """Read the rows of the best reporter that saw requests."""
    metric = reading.kind.value
    seen_by = {name for name, rows in by_reporter.items() if reading.count(rows) > 0}
    best = next((name for name in reading.reporters if name in seen_by), None)
    if best is None:
        absent = (
            without_label(reading.series, workload, "reporter")
            if seen_by
            else no_requests(workload, seconds(window))
        )
        return Measurement(metric, absent=absent)
    result = reading.value(by_reporter[best])
    if isinstance(result, str):
        return Measurement(metric, absent=without_label(reading.series, workload, result))
    value, basis = result
    return Measurement(
        metric, value=value, basis=f"{basis}, seen by {best} proxies in {seconds(window)}"
    )


def no_requests(workload: Workload, span: str) -> str:
    """Return the sentence for a workload whose counters stand still."""
    namespace, name = workload
    return (
        f"no requests to {namespace}/{name} were seen by source, destination or waypoint proxies"
        f" in the last {span}; is traffic reaching the canary?"
    )


def without_label(series: str, workload: Workload, label: str) -> str:
    """Return the sentence for a workload whose series lack a label that is needed."""
    return (
        f"{series} for {'/'.join(workload)} has no label {label}: is it removed by a Telemetry with"
        " tagOverrides?"
    )


def seen_by_others(workload: Workload, others: Collection[str], reporter: str) -> str:
    """Return the sentence for a workload that another side reports than the one that counts."""
    return (
        f"requests to {'/'.join(workload)} were seen by {' and '.join(sorted(others))} proxies, and"
        f" not by {reporter} proxies, whose counts this release is judged by"
    )


def _workload(labels: Labels) -> Workload:
    return labels.get(NAMESPACE_LABEL, ""), labels.get(WORKLOAD_LABEL, "")


def _total(rows: Iterable[Sample]) -> float:
    return sum(row.value for row in rows)


def _success_rate(rows: Sequence[Sample]) -> tuple[float, str] | str:
    if any(not row.labels.get("response_code") for row in rows if row.value):
        return "response_code"
    total, bad = _total(rows), _total(row for row in rows if failed(row.labels))
    return 100.0 * (total - bad) / total, f"{bad:.0f} of {total:.0f} requests failed"


def _largest_bucket(rows: Iterable[Sample]) -> float:
    return max(_histogram(rows).values(), default=_total(rows))


def _percentile(rows: Sequence[Sample]) -> tuple[float, str] | str:
    counts = _histogram(rows)
    value = quantile(QUANTILE, counts)
    return (
        "le"
        if value is None
        else (value, f"99th percentile of {max(counts.values()):.0f} requests")
    )


def _histogram(rows: Iterable[Sample]) -> dict[float, float]:
    counts: dict[float, float] = defaultdict(float)
    for row in rows:
        try:
            counts[float(row.labels.get("le", ""))] += row.value
        except ValueError:
            continue
    return dict(counts)


_SUCCESS_RATE: Final = _Reading(
    MetricKind.SUCCESS_RATE, REQUESTS, _SUCCESS_REPORTERS, _total, _success_rate
)
_DURATION: Final = _Reading(
    MetricKind.DURATION, BUCKETS, _DURATION_REPORTERS, _largest_bucket, _percentile
)
