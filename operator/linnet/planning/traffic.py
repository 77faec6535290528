"""How much traffic a workload has had lately, as Prometheus counts it."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any, Final, NamedTuple

from linnet.analysis.failures import OUTCOME_LABELS, failed
from linnet.analysis.promql import duration, to_workloads
from linnet.analysis.queries import REQUESTS, Workload
from linnet.analysis.samples import Sample, samples

LATELY: Final = timedelta(hours=1)
_REPORTERS: Final = ("source", "destination", "waypoint")


class Seen(NamedTuple):
    """Requests a second, and the share of them that failed (0 to 1)."""

    rps: float
    errors: float


def traffic_promql(workloads: Collection[Workload]) -> str:
    """Return the query for requests a second to these workloads in the last hour, by outcome."""
    by = ", ".join(("reporter", *OUTCOME_LABELS))
    return f"sum by ({by}) (rate({REQUESTS}{{{to_workloads(workloads)}}}[{duration(LATELY)}]))"


def read_traffic(rows: Iterable[Any]) -> Seen | None:
    """Return what one kind of proxies has seen of it; None where none saw a request.

    Each request is counted by several kinds of proxies: never their sum.
    """
    found: dict[str, list[Sample]] = defaultdict(list)
    for row in samples(rows):
        found[row.labels.get("reporter", "")].append(row)
    for reporter in _REPORTERS:
        total = sum(row.value for row in found[reporter])
        if total > 0:
            bad = sum(row.value for row in found[reporter] if failed(row.labels))
            return Seen(total, bad / total)
    return None
