"""Every figure that is measured: its unit, its budget, and what the peers need. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_RELEASES: Final = (
    "Besides the five intervals it takes the start of the new pods, at most a quarter of an"
    " interval until checks fall on the grid that Canaries share, and the roll-out of the primary."
)
_GUARD: Final = (
    "The guard needs two scrapes of a canary that fails everything, and more the less it fails: a"
    " scrape is seen up to one scrape interval after the failure, and 50 requests a second at 10 %"
    " are 5 a second for the canary."
)


@dataclass(frozen=True)
class Row:
    """What is to be measured. The budget is the most that is allowed."""

    title: str
    unit: str = ""
    budget: float | None = None
    budget_text: str = ""
    flagger: str = ""
    argo: str = ""
    for_more: bool = False
    """The budget is for more Canaries than are measured."""
    why: str = ""
    """Why a budget is missed, where that is known."""


@dataclass(frozen=True)
class Measured:
    """One figure of a run. Without a value, `detail` says what happened instead."""

    value: float | None
    detail: str = ""


ROWS: Final[Mapping[str, Row]] = {
    "rest-1-requests": Row(
        "1 Canary at rest: API requests a second, beyond watches and lease",
        budget=0,
        flagger="1.2",
        argo="0.02",
    ),
    "rest-1-queries": Row("1 Canary at rest: Prometheus queries a second", budget=0),
    "rest-1-cpu": Row("1 Canary at rest: CPU", "% of a core"),
    "rest-1-memory": Row("1 Canary at rest: resident memory", "MB"),
    "rest-100-requests": Row(
        "100 Canaries at rest: API requests a second, beyond watches and lease",
        budget=0,
        flagger="124",
        argo="0",
    ),
    "rest-100-queries": Row("100 Canaries at rest: Prometheus queries a second", budget=0),
    "rest-100-cpu": Row(
        "100 Canaries at rest: CPU",
        "% of a core",
        2,
        budget_text="2 % of a core, with 1,000",
        for_more=True,
    ),
    "rest-100-memory": Row(
        "100 Canaries at rest: resident memory",
        "MB",
        150,
        budget_text="150 MB, with 1,000",
        for_more=True,
    ),
    "create-100": Row(
        "100 Canaries created at once: all Initialized",
        "s",
        10,
        flagger="55 s",
        argo="18.7 s",
        why="See the details for who kept the machine busy: the API server, its controllers and the"
        " pods share it with the operator.",
    ),
    "create-100-routes": Row("100 Canaries created at once: all routes written", "s"),
    "releases-20": Row(
        "20 releases at once: the last one promoted",
        "s",
        55,
        flagger="94.3 s",
        argo="53.9 s",
        why=_RELEASES,
    ),
    "releases-20-ratio": Row(
        "20 releases at once: the last one against the ideal schedule",
        "times",
        1.1,
        budget_text="1.1 times, with 1,000",
        for_more=True,
        why=_RELEASES,
    ),
    "releases-20-queries": Row(
        "20 releases at once: Prometheus queries an interval",
        budget=1,
        budget_text="1 a metric",
        why="Checks are due on a grid that Canaries share; those whose windows begin at their own"
        " first traffic still differ, and the guard asks for counts once a scrape.",
    ),
    "failing-100": Row(
        "Failing 100 %: failed requests",
        budget=60,
        flagger="297",
        argo="promoted; with failureLimit 1: 1,043",
        why=_GUARD,
    ),
    "failing-100-seconds": Row(
        "Failing 100 %: first traffic to weight 0",
        "s",
        12,
        flagger="59.8 s",
        argo="promoted; with failureLimit 1: 59.1 s",
        why=_GUARD,
    ),
    "failing-100-last": Row("Failing 100 %: first traffic to the last failed request", "s"),
    "failing-5": Row(
        "Failing 5 %: failed requests",
        budget=12,
        flagger="21",
        argo="promoted; with failureLimit 1: 29",
        why=_GUARD,
    ),
    "failing-5-seconds": Row("Failing 5 %: first traffic to weight 0", "s"),
    "failing-5-last": Row("Failing 5 %: first traffic to the last failed request", "s"),
    "failing-100-fast": Row("Failing 100 %, interval 1 s, threshold 2: failed requests"),
    "failing-100-fast-seconds": Row(
        "Failing 100 %, interval 1 s, threshold 2: first traffic to weight 0", "s"
    ),
    "failing-5-fast": Row("Failing 5 %, interval 1 s, threshold 2: failed requests"),
    "failing-5-fast-seconds": Row(
        "Failing 5 %, interval 1 s, threshold 2: first traffic to weight 0", "s"
    ),
    "healthy": Row("Healthy release: promoted", "s", 60, flagger="83.7 s", argo="50.1 s"),
    "healthy-failed": Row("Healthy release: failed requests", budget=0, flagger="0", argo="0"),
    "step-writes": Row("Healthy release: API writes a step (status, route)", budget=2),
    "step-events": Row("Healthy release: Events a step, written besides"),
    "step-queries": Row(
        "Healthy release: Prometheus queries an interval",
        budget=1,
        why="The guard asks for counts once a scrape, besides the metric that gates the steps.",
    ),
    "prometheus-away": Row(
        "Prometheus away for 90 s: goes on after",
        "s",
        budget_text="holds, goes on",
        flagger="rolled back",
        argo="aborted",
    ),
    "operator-killed": Row(
        "Operator killed, started 20 s later: goes on after",
        "s",
        1,
        flagger="10.4 s",
        why="It is the start of a Python process, from imports to the first listings; see the"
        " details for when it was ready.",
        argo="0.2 s",
    ),
    "set-back": Row(
        "Image set back in mid-run: weight 0 after",
        "s",
        1,
        flagger="promotes it, then runs the whole release again",
        argo="at once",
    ),
}


def met(row: Row, measured: Measured) -> bool | None:
    """Tell whether the budget is met; None where there is none."""
    if row.budget is None:
        return None if not row.budget_text else measured.value is not None
    return measured.value is not None and measured.value <= row.budget


def verdict(row: Row, measured: Measured) -> str:
    """Return `met`, or by how much the budget is missed; empty where there is none."""
    holds = met(row, measured)
    if holds is None:
        return ""
    if holds:
        return "below it, with fewer" if row.for_more else "met"
    if measured.value is None or row.budget is None:
        return "**missed**"
    over = f"**missed** by {quantity(measured.value - row.budget, row.unit)}"
    ratio = measured.value / row.budget if row.budget else 0
    return over + (f" ({ratio:.1f} times the budget)" if ratio >= 1.05 else "")


def quantity(value: float, unit: str = "") -> str:
    """Return a figure with its unit: three digits behind the point below 2, one above 10."""
    digits = 3 if abs(value) < 2 else 2 if abs(value) < 10 else 1
    text = f"{value:,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {unit}".rstrip()
