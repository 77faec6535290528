"""The PromQL of tiles: what each workload served in one scrape interval, in whole requests."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Final

from linnet.analysis.failures import OUTCOME_LABELS
from linnet.analysis.promql import (
    BASELINE_REACH,
    NAMESPACE_LABEL,
    STALE,
    WORKLOAD_LABEL,
    duration,
    one_of,
    to_workloads,
)
from linnet.analysis.queries import ALL_REQUESTS, BUCKETS, REQUESTS, Workload

LATE: Final = "linnet_late"
"""The label of the row that counts targets whose scrape in this tile is not there (yet)."""

_WORKLOAD: Final = f"{NAMESPACE_LABEL}, {WORKLOAD_LABEL}, reporter"


def outcomes_promql(workloads: Collection[Workload], seconds: float, reporter: str = "") -> str:
    """Return the query for requests by outcome in the tile that ends at its time.

    It also says how many of the targets that were up in the tile before have not been scraped in
    this one.
    """
    matchers = _matchers(workloads, reporter)
    return (
        f"sum by ({_WORKLOAD}, {', '.join(OUTCOME_LABELS)}) ({_grown(REQUESTS, matchers, seconds)})"
        f" or {_late(f'{REQUESTS}{{{matchers}}}', seconds)}"
    )


def durations_promql(
    workloads: Collection[Workload], edges: Iterable[float], seconds: float, reporter: str = ""
) -> str:
    """Return the query for all requests (`le="+Inf"`) and those within `edges` ms, in the tile."""
    matchers = f"{_matchers(workloads, reporter)},{_bounds(edges)}"
    return f"sum by ({_WORKLOAD}, le) ({_grown(BUCKETS, matchers, seconds)})"


def _matchers(workloads: Collection[Workload], reporter: str) -> str:
    return to_workloads(workloads) + (f",{one_of('reporter', [reporter])}" if reporter else "")


def _bounds(edges: Iterable[float]) -> str:
    # Prometheus 3 writes bounds as floats (250.0), older ones as the proxies do (250).
    bounds = "|".join(f"{edge:.15g}([.]0)?" for edge in sorted(set(edges)))
    return f'le=~"{bounds}|[+]Inf"'


def _grown(counter: str, matchers: str, seconds: float) -> str:
    """Return an expression for what each series of a counter grew by in one tile.

    As `promql.increments`, and stricter, as a tile is a single scrape: growth is counted from the
    last two tiles only; after a longer gap there is no evidence, rather than many tiles in one.
    """
    tile = timedelta(seconds=seconds)
    span, reach, both = duration(tile), duration(2 * tile), duration(3 * tile)
    long_before, lifetime = duration(tile + BASELINE_REACH), duration(BASELINE_REACH + STALE)
    series = f"{counter}{{{matchers}}}"
    last = f"last_over_time({series}[{span}])"
    newcomers = f"(up unless last_over_time(up[{lifetime}] offset {span}))"
    up = (
        f"(last_over_time(up[{reach}] offset {span})"
        f" or ({newcomers} and on () (up offset {long_before}))) == 1"
    )
    grown = (
        f"({last} - last_over_time({series}[{reach}] offset {span}))"
        f" or ({last} and on (job, instance) ({up}))"
    )
    watched = f"{matchers},{ALL_REQUESTS}" if counter == BUCKETS else matchers
    restarted = f"resets({counter}{{{watched}}}[{both}]) > 0"
    return f"({grown}) unless on (job, instance) ({restarted})"


def _late(series: str, seconds: float) -> str:
    span = duration(timedelta(seconds=seconds))
    waited_for = (
        f"(last_over_time(up[{span}] offset {span}) == 1 unless last_over_time(up[{span}]))"
        f" and on (job, instance) {series}"
    )
    return f'label_replace(count({waited_for}), "{LATE}", "1", "", "")'
