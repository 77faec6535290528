"""What a run measured, for people: docs/benchmarks.md, and a table for the terminal. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from rich.table import Table

from bench.figures import ROWS, Measured, Row, met, quantity, verdict

COMMAND = "make bench"


@dataclass
class Results:
    """One run: when, on what, and what came of it. `load` is the load average before and after."""

    date: str
    machine: str
    load: tuple[float, float]
    quick: bool
    seconds: float = 0.0
    figures: dict[str, Measured] = field(default_factory=dict)
    not_measured: dict[str, str] = field(default_factory=dict)

    def to_object(self) -> dict[str, Any]:
        """Return what `--output json` prints."""
        return asdict(self)

    @classmethod
    def from_object(cls, values: dict[str, Any]) -> Self:
        """Read what `to_object` returned."""
        figures = {name: Measured(**one) for name, one in values["figures"].items()}
        return cls(**{**values, "figures": figures, "load": tuple(values["load"])})


def page(results: Results) -> str:
    """Return docs/benchmarks.md."""
    before, after = results.load
    minutes = results.seconds / 60
    lines = [
        f"# Benchmarks\n\nMade by `{COMMAND}` on {results.date}, in {minutes:.0f} minutes, on",
        f"{results.machine}. Load average {before:.1f} before, {after:.1f} after.",
        *([BUSY] if before >= BUSY_FROM else []),
        "",
        HOW,
        "",
        "| What | Measured | Budget | Verdict | Flagger 1.44 | Argo Rollouts 1.10.2 |",
        "|---|---|---|---|---|---|",
        *_rows(results.figures),
        "",
        PEERS,
        "",
        *_missed(results),
        *_details(results.figures),
        AGAIN,
    ]
    return "\n".join(lines)


HOW = """\
The operator is a process under its ServiceAccount's token, with the flags and the RBAC of
`deploy/`, on the [local cluster](local-cluster.md) with a scrape interval of 5 s. Cluster, traffic
and operator share the machine's cores. API requests are counted in the API server's audit log,
Prometheus queries by the operator's own counter, CPU and memory in `/proc`, users' requests one
by one at the client. Times are seen from outside, by asking the API every 50 ms (every 100 ms
about many Canaries). Unless a row says otherwise, a release has 50 requests a second, the ladder
10, 20, 30, 40, 50 %, interval 10 s, threshold 5, and one metric: 99 % success over 30 s. The
release that fails 100 % and the one that fails 5 % run side by side. All is measured once: 5 % of
the requests of 50 s at weight 10 are 12.5 failures on average, and a run has more or fewer."""

BUSY = """
The machine had other work when this began: times are longer than on an idle one. Counts of requests
and queries hardly depend on it."""
BUSY_FROM = 1.5
UNKNOWN = "Why has not been examined yet."

PEERS = """\
The peers' figures were measured separately and earlier: the same work on the same kind of machine
and local cluster. Empty cells were not measured. A budget for 1,000 Canaries is shown where fewer
were measured: to stay below it then proves nothing yet, to exceed it does. Releases that fail
a few percent are a matter of chance: [decisions.md](decisions.md) has thousands of them. An
interval shorter than the scrape interval is stretched to it."""

AGAIN = """\
`make bench ARGS='rest --quick'` measures one part in short, `--output json` prints figures for
programs, `make bench ARGS=--help` has the rest.
"""


def _rows(figures: Mapping[str, Measured]) -> Iterator[str]:
    for key, row in ROWS.items():
        if key in figures:
            one = figures[key]
            cells = (row.title, _value(row, one), budget(row), verdict(row, one))
            yield "| " + " | ".join((*cells, row.flagger, row.argo)) + " |"


def _missed(results: Results) -> Iterator[str]:
    figures = results.figures
    missed = [k for k in ROWS if k in figures and met(ROWS[k], figures[k]) is False]
    if missed or results.not_measured:
        yield "## Missed"
        yield ""
    for key in missed:
        row, one = ROWS[key], figures[key]
        yield f"- {row.title}: {_value(row, one)}, budget {budget(row)}. {row.why or UNKNOWN}"
    for part, why in results.not_measured.items():
        yield f"- `{part}` was not measured to its end: {why}"
    if missed or results.not_measured:
        yield ""


def _details(figures: Mapping[str, Measured]) -> Iterator[str]:
    yield "## Details"
    yield ""
    for key, row in ROWS.items():
        if key in figures and figures[key].detail and figures[key].value is not None:
            yield f"- {row.title}: {figures[key].detail}"
    yield ""


def table(results: Results) -> Table:
    """Return the table for the terminal. A quick run has no budgets: its work is another one."""
    found = Table("what", box=None, header_style="bold", pad_edge=False)
    found.add_column("measured", justify="right")
    for title in () if results.quick else ("budget", ""):
        found.add_column(title)
    for key, row in ROWS.items():
        if key in results.figures:
            one = results.figures[key]
            cells = [row.title, _value(row, one)]
            if not results.quick:
                cells += [budget(row), verdict(row, one).replace("*", "")]
            found.add_row(*cells)
    return found


def budget(row: Row) -> str:
    """Return the budget as people write it."""
    if row.budget_text:
        return row.budget_text
    return "" if row.budget is None else quantity(row.budget, row.unit)


def _value(row: Row, measured: Measured) -> str:
    return measured.detail if measured.value is None else quantity(measured.value, row.unit)
