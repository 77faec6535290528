"""What is found out of a primary before a release: whose counts, how often, what is slow."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any, Final

from linnet.analysis.promql import NAMESPACE_LABEL, WORKLOAD_LABEL, one_of, to_workloads
from linnet.analysis.quantile import quantile
from linnet.analysis.queries import QUANTILE, REQUESTS, Workload
from linnet.analysis.samples import samples
from linnet.analysis.watch import REPORTERS

LOOK_BACK: Final = "10m"
ENOUGH_REQUESTS: Final = 100
"""From so many requests on a 99th percentile says something."""
_TARGETS_A_JOB: Final = 3

Target = tuple[str, str]
"""Job and instance."""


@dataclass(slots=True)
class Sources:
    """Who reports requests to a workload, and how many in the last minutes, about."""

    requests: dict[str, float] = field(default_factory=dict)
    """By reporter."""
    jobs: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By reporter."""

    @property
    def reporter(self) -> str:
        """Whose counts are taken: empty if there are none.

        The best reporter that saw at least half of what any other saw. Where most callers have no
        proxy, the pods' own side knows more than the callers' side.
        """
        known = [name for name in REPORTERS if name in self.requests]
        most = max((self.requests[name] for name in known), default=0.0)
        return next((name for name in known if 2 * self.requests[name] >= most), "")


def sources_promql(workloads: Collection[Workload]) -> str:
    """Return the query for who reports requests to some workloads."""
    series = f"{REQUESTS}{{{to_workloads(workloads)}}}"
    labels = f"{NAMESPACE_LABEL}, {WORKLOAD_LABEL}, reporter, job"
    return (
        f"sum by ({labels}) (increase({series}[{LOOK_BACK}])) or 0 * group by ({labels}) ({series})"
    )


def read_sources(rows: Iterable[Any]) -> dict[Workload, Sources]:
    """Read the answer to `sources_promql`."""
    found: dict[Workload, Sources] = defaultdict(Sources)
    for row in samples(rows):
        workload = row.labels.get(NAMESPACE_LABEL, ""), row.labels.get(WORKLOAD_LABEL, "")
        reporter = row.labels.get("reporter", "")
        sources = found[workload]
        sources.requests[reporter] = sources.requests.get(reporter, 0.0) + row.value
        sources.jobs[reporter].add(row.labels.get("job", ""))
    return dict(found)


def targets_promql(jobs: Iterable[str]) -> str:
    """Return the query for a few targets of each job that has Istio's counters."""
    counters = f"{REQUESTS}{{{one_of('job', jobs)}}}"
    return f"topk by (job) ({_TARGETS_A_JOB}, group by (job, instance) ({counters}))"


def any_targets_promql() -> str:
    """Return the query for a few targets of each job that has Istio's counters of anybody.

    Where there are none yet, some target of each job there is. Asked only for a workload that
    nobody has called.
    """
    counted = f"group by (job, instance) ({REQUESTS})"
    return (
        f"topk by (job) ({_TARGETS_A_JOB}, {counted})"
        f" or topk by (job) (1, group by (job, instance) (up) unless on () group ({REQUESTS}))"
    )


def usual_interval(intervals: Collection[float]) -> float:
    """Return the scrape interval that most jobs have, the longest of those; 0 without any."""
    counts = Counter(intervals)
    return max(counts, key=lambda seconds: (counts[seconds], seconds), default=0.0)


def read_targets(rows: Iterable[Any]) -> list[Target]:
    """Read the answer to `targets_promql`."""
    return [(row.labels.get("job", ""), row.labels.get("instance", "")) for row in samples(rows)]


def scrapes_promql(targets: Collection[Target]) -> str:
    """Return the query for the times at which some targets were scraped."""
    jobs = one_of("job", (job for job, _ in targets))
    instances = one_of("instance", (instance for _, instance in targets))
    return f"up{{{jobs},{instances}}}[{LOOK_BACK}]"


def read_intervals(rows: Iterable[Any]) -> dict[str, float]:
    """Return how often each job is scraped, in seconds, from the answer to `scrapes_promql`."""
    best: dict[str, list[float]] = {}
    for row in rows:
        if not isinstance(row, Mapping) or not isinstance(row.get("values"), list):
            continue
        times = [float(point[0]) for point in row["values"]]
        job = (row.get("metric") or {}).get("job", "")
        if len(times) > len(best.get(job, [0.0, 0.0])):
            best[job] = times
    return {
        job: _rounded(median(after - before for before, after in pairwise(times)))
        for job, times in best.items()
    }


def _rounded(seconds: float) -> float:
    """Scrapes come some milliseconds early or late; intervals are round figures."""
    whole = round(seconds)
    return float(whole) if whole and abs(seconds - whole) < 0.05 else max(0.01, round(seconds, 2))


def latency_edge(buckets: Mapping[float, float]) -> float | None:
    """Return the finite bound nearest to the 99th percentile; None with too few requests.

    `buckets` maps upper bounds in ms to how many requests were at or below. Bounds grow by factors,
    so the nearest one is that with the least ratio.
    """
    percentile = quantile(QUANTILE, buckets)
    bounds = [bound for bound in buckets if 0 < bound < math.inf]
    if percentile is None or not bounds or buckets[math.inf] < ENOUGH_REQUESTS:
        return None
    at = math.log(max(percentile, 1e-9))
    return min(bounds, key=lambda bound: abs(math.log(bound) - at))
