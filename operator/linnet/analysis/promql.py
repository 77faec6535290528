"""Building blocks of PromQL: durations, matchers, and the exact increments of counters."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

NAMESPACE_LABEL: Final = "destination_workload_namespace"
WORKLOAD_LABEL: Final = "destination_workload"

BASELINE_REACH: Final = timedelta(minutes=2)
"""How far before a window the sample may lie that its increments are counted from.

It bounds what a gap in the data can bring into a window, and so the scrape interval that works.
"""
STALE: Final = timedelta(minutes=5)
"""Prometheus' default for how long an instant selector finds a sample."""

_TAG: Final = "linnet_tag"

_SECOND: Final = timedelta(seconds=1)
_MILLISECOND: Final = timedelta(milliseconds=1)


def duration(span: timedelta) -> str:
    """Return the span as Prometheus writes it: whole seconds if it is some, else milliseconds.

    No shorter than 1ms: Prometheus refuses an empty range.
    """
    milliseconds = max(1, span // _MILLISECOND)
    seconds, rest = divmod(milliseconds, 1000)
    return f"{milliseconds}ms" if rest else f"{seconds}s"


def on_whole_seconds(
    at: datetime, window: timedelta, *, within: bool = False
) -> tuple[datetime, timedelta]:
    """Return the window with both ends moved back to the last whole second before them.

    Windows that met still meet, so nothing is counted twice or lost. A window within one second
    is left as it is. With `within`, nothing from before the window may come in: its start moves on
    to the next whole second.
    """
    start, end = (at - window).replace(microsecond=0), at.replace(microsecond=0)
    if within and start != at - window:
        start += _SECOND
    return (end, end - start) if end - start >= _SECOND else (at, window)


def one_of(label: str, values: Iterable[str]) -> str:
    """Return a matcher for exactly these values (Prometheus anchors its regular expressions)."""
    pattern = "|".join(re.escape(value) for value in sorted(set(values)))
    return f"{label}=~{json.dumps(pattern)}"


def to_workloads(workloads: Iterable[tuple[str, str]]) -> str:
    """Return matchers for requests to these (namespace, workload) pairs.

    They also match a namespace of one pair with the workload of another: readers drop those.
    """
    pairs = list(workloads)
    namespaces = one_of(NAMESPACE_LABEL, (namespace for namespace, _ in pairs))
    return f"{namespaces},{one_of(WORKLOAD_LABEL, (workload for _, workload in pairs))}"


def told_apart(expressions: Iterable[tuple[str, str]]) -> str:
    """Return one expression for several, each under a tag of its own.

    A single one is left as it is: `rows_of` takes rows without a tag for those of any.
    """
    tagged = list(expressions)
    if len(tagged) == 1:
        return tagged[0][1]
    return " or ".join(
        f'label_replace({expression}, "{_TAG}", {json.dumps(tag)}, "", "")'
        for tag, expression in tagged
    )


def rows_of(rows: Iterable[Any], tag: str) -> list[Any]:
    """Return the rows of an answer that belong to the expression under this tag."""
    return [
        row
        for row in rows
        if not isinstance(row, Mapping) or (row.get("metric") or {}).get(_TAG, tag) == tag
    ]


def increments(
    counter: str, matchers: str, window: timedelta, *, resets_of: str = "", within: bool = False
) -> str:
    """Return an expression for what each series of a counter grew by in the window that ends now.

    Exact, unlike `increase()`, which extrapolates and loses a series' first samples: windows that
    meet add up to whole requests. The growth is the last sample within the window less the last
    one before it. A series that has none before it is

    - new, and counted from 0, when its target was up at the last scrape before the window, or
      when the target itself is new and Prometheus has been at work for longer;
    - else no evidence: a target that had failed, or a Prometheus that has just come (back) to
      life, reads the whole life of a counter at once.

    When any series of a target went down, its process was restarted: the target gives no evidence
    in this window, as what is left of it would be a one-sided rest. `resets_of` are matchers that
    narrow down the series looked at for this.

    `within` counts from the first scrape inside the window instead: less evidence, by what was
    counted until then, but none from before the window. A series that begins after that scrape is
    counted from 0.
    """
    span, reach = duration(window), duration(BASELINE_REACH)
    long_before = duration(window + BASELINE_REACH)
    # Whoever can be seen at `long_before` can be seen in here, too.
    lifetime = duration(BASELINE_REACH + STALE)

    def before(matchers: str) -> str:
        return f"last_over_time({counter}{{{matchers}}}[{reach}] offset {span})"

    newcomers = f"(up unless last_over_time(up[{lifetime}] offset {span}))"
    up = (
        f"(last_over_time(up[{reach}] offset {span})"
        f" or ({newcomers} and on () (up offset {long_before}))) == 1"
    )
    last = f"last_over_time({counter}{{{matchers}}}[{span}])"
    later = (
        f"count_over_time({counter}{{{matchers}}}[{span}])"
        f" < on (job, instance) group_left () count_over_time(up[{span}])"
    )
    from_first = f"(0 * ({last} and ({later})) or min_over_time({counter}{{{matchers}}}[{span}]))"
    from_before = f"({before(matchers)} or 0 * ({last} and on (job, instance) ({up})))"
    grown = f"({last} - {from_first if within else from_before})"
    watched = ",".join(filter(None, (matchers, resets_of)))
    restarted = (
        f"(resets({counter}{{{watched}}}[{span}]) > 0)"
        f" or (min_over_time({counter}{{{watched}}}[{span}]) < {before(watched)})"
    )
    return f"{grown} unless on (job, instance) ({restarted})"
