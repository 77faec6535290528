"""Why a built-in metric has no value: a second, cheap look, taken only when there is nothing."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from linnet.analysis.measurement import seconds
from linnet.analysis.promql import NAMESPACE_LABEL, WORKLOAD_LABEL, one_of, to_workloads
from linnet.analysis.queries import (
    Workload,
    no_requests,
    seen_by_others,
    without_label,
)
from linnet.analysis.samples import Sample, samples

_MISSING: Final = "missing"
_LOOK_BACK: Final = "5 min"


@dataclass(frozen=True, slots=True)
class Series:
    """The series that a metric is counted from: name, and matchers that pick one per request."""

    name: str
    matchers: str = ""

    def select(self, *matchers: str) -> str:
        """Return a selector that narrows the series down."""
        return f"{self.name}{{{','.join(filter(None, (self.matchers, *matchers)))}}}"


def probe_promql(series: Series, workloads: Collection[Workload]) -> str:
    """Return the query that tells why `workloads` have no samples.

    It yields the time of each workload's newest sample by each reporter, how many series each
    namespace has, and how many series lack a label that workloads are told apart by.
    """
    namespaces = one_of(NAMESPACE_LABEL, (namespace for namespace, _ in workloads))
    newest = f"timestamp({series.select(to_workloads(workloads))})"
    parts = [
        f"max by ({NAMESPACE_LABEL}, {WORKLOAD_LABEL}, reporter) ({newest})",
        f"count by ({NAMESPACE_LABEL}) ({series.select(namespaces)})",
    ]
    for label in (NAMESPACE_LABEL, WORKLOAD_LABEL):
        without = series.select(f'{label}=""')
        parts.append(f'label_replace(count({without}), "{_MISSING}", "{label}", "", "")')
    return " or ".join(parts)


def explain(
    rows: Iterable[Any],
    series: Series,
    workloads: Collection[Workload],
    at: datetime,
    window: timedelta,
    *,
    reporter: str = "",
    hint: str = "the metric's interval must be at least Prometheus' scrape interval",
) -> dict[Workload, str]:
    """Return a sentence for each workload that had no sample to count in the window before `at`.

    With `reporter` only its samples count. `hint` says what to look at when samples come too
    seldom.
    """
    evidence = list(samples(rows))
    newest: dict[Workload, float] = {}
    reporters: dict[Workload, set[str]] = defaultdict(set)
    for row in evidence:
        if WORKLOAD_LABEL in row.labels:
            reporters[_workload(row)].add(row.labels.get("reporter", ""))
            newest[_workload(row)] = max(row.value, newest.get(_workload(row), 0.0))
    missing = {row.labels[_MISSING]: row.value for row in evidence if _MISSING in row.labels}
    namespaces = {row.labels.get(NAMESPACE_LABEL) for row in evidence}
    sentences = {}
    for workload in workloads:
        others = reporters[workload] - {reporter}
        if reporter and others and reporter not in reporters[workload]:
            sentences[workload] = (
                without_label(series.name, workload, "reporter")
                if others == {""}
                else seen_by_others(workload, others - {""}, reporter)
            )
        elif workload in newest:
            age = max(0.0, at.timestamp() - newest[workload])
            sentences[workload] = _not_counted(series, workload, age, window, hint)
        elif missing:
            sentences[workload] = _unlabelled(series, workload, missing)
        elif workload[0] in namespaces:
            sentences[workload] = no_requests(workload, _LOOK_BACK)
        else:
            sentences[workload] = (
                f"there is no {series.name} for namespace {workload[0]}: does this Prometheus"
                " scrape Istio's proxies, and is traffic reaching the canary?"
            )
    return sentences


def _not_counted(
    series: Series, workload: Workload, age: float, window: timedelta, hint: str
) -> str:
    name = "/".join(workload)
    if age >= window.total_seconds():
        return (
            f"no new sample of {series.name} for {name} within the last {seconds(window)}; the"
            f" newest is {age:.0f} s old ({hint})"
        )
    return (
        f"the counters of {series.name} for {name} began anew, or to be scraped, within the last"
        f" {seconds(window)}: there is nothing to compare them with yet"
    )


def _unlabelled(series: Series, workload: Workload, missing: Mapping[str, float]) -> str:
    labels = " and ".join(sorted(missing))
    return (
        f"no requests to {'/'.join(workload)} are on record, but {max(missing.values()):.0f} series"
        f" of {series.name} have no label {labels}: is it removed by a Telemetry with tagOverrides?"
    )


def _workload(row: Sample) -> Workload:
    return row.labels.get(NAMESPACE_LABEL, ""), row.labels[WORKLOAD_LABEL]
