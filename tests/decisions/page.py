"""The tables and pictures of docs/decisions.md, from the figures of all cells. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from decisions.cells import BASE, FAULTS, RATES, RULES
from decisions.figures import Figures
from linnet.simulation.plot import Line, Panel, svg

ALPHA: Final = 0.05
"""The rate of false rollbacks that the guard promises at most."""
OWN: Final = "linnet"
FAULTS_OF_THE_CANARY: Final = ("cold start", "a blip")
"""Rows of false rollbacks that the promise does not cover: the canary does fail for a moment."""
DRAWN: Final = (OWN, "linnet, ramp", *(rule for rule in RULES if not rule.startswith(OWN)))
"""The rules in the pictures."""
ENOUGH: Final = 0.5
"""A rule that takes back less than this share has no median worth telling."""

NOT: Final = "-"
"""What stands where there is no figure to tell."""

_MARKER = re.compile(
    r"(<!-- (?P<name>[a-z-]+): begin[^>]*-->\n).*?(<!-- (?P=name): end -->)", re.DOTALL
)


@dataclass(frozen=True)
class Results:
    """Figures by cell, in the order of the tables."""

    figures: Mapping[str, Figures]

    def of(self, table: str, row: str, column: str, rps: int) -> Figures | None:
        """Return a cell's figures, None if it was not run."""
        return self.figures.get(f"{table}/{row}/{column}/{rps}")

    def rows(self, table: str) -> list[str]:
        """Return the rows of a table, in order."""
        return list(dict.fromkeys(k.split("/")[1] for k in self.figures if k.startswith(table)))


def page(old: str, results: Results) -> str:
    """Return the page with what stands between its markers made anew."""
    parts = {name: "\n".join(make(results)) for name, make in _PARTS.items()}
    names = {match["name"] for match in _MARKER.finditer(old)}
    if names != parts.keys():
        raise ValueError(f"docs/decisions.md must have the markers {', '.join(parts)}")
    return _MARKER.sub(lambda match: f"{match[1]}\n{parts[match['name']]}\n\n{match[3]}", old)


def table(results: Results) -> str:
    """Return all tables for a terminal."""
    return "\n\n".join("\n".join(make(results)) for make in _PARTS.values())


def pictures(results: Results) -> dict[str, str]:
    """Return the pictures by file name."""
    return {
        "decisions-failed.svg": svg([_panel(results, rps, "failed requests") for rps in RATES]),
        "decisions-seconds.svg": svg(
            [_panel(results, rps, "median seconds to rollback") for rps in RATES]
        ),
    }


def _panel(results: Results, rps: int, what: str) -> Panel:
    lines = []
    for rule in DRAWN:
        points = []
        for fault in FAULTS:
            found = results.of("detect", rule, f"{fault:g}", rps)
            if found is None:
                continue
            if what.startswith("failed"):
                points.append((100 * fault, found.excess))
            elif found.rate >= ENOUGH and found.seconds:
                points.append((100 * fault, found.seconds))
        lines.append(Line(points, rule, marks=True))
    title = f"{rps} requests a second"
    ticks = [100 * fault for fault in FAULTS]
    return Panel(
        title, "the canary fails, in %", what, lines, log_x=True, log_y=True, x_ticks=ticks
    )


def _false(results: Results) -> Iterator[str]:
    intervals = ("5 s", "15 s")
    head = [f"{rps} rps, {seconds}" for seconds in intervals for rps in RATES]
    yield from _head("A canary that is not to blame", [*head, "releases at 5 s / 15 s"])
    for row in results.rows("false"):
        at = [[results.of("false", row, seconds, rps) for rps in RATES] for seconds in intervals]
        runs = " / ".join(filter(None, map(_runs, at)))
        cells = [_share(cell) if cell else "" for cell in chain(*at)]
        yield _row(row, [*cells, runs])
    covered = [
        figures
        for key, figures in results.figures.items()
        if key.startswith("false/") and not any(fault in key for fault in FAULTS_OF_THE_CANARY)
    ]
    if covered:
        most = max(covered, key=Figures.upper)
        yield ""
        yield (
            f"Apart from the cold starts and the blip, the most is {_percent(most.rate)} of"
            f" {most.runs:,} releases, which means a rate below"
            f" {_percent(most.upper())} with a confidence of 99.5%; promised is"
            f" {_percent(ALPHA)} at most."
        )


def _runs(figures: Iterable[Figures | None]) -> str:
    """Return how many releases a figure comes from; of different numbers all."""
    return " or ".join(f"{runs:,}" for runs in sorted({f.runs for f in figures if f}))


def _played(results: Results, table: str, healthy: Callable[[str], bool]) -> str:
    """Return how many releases a table is made of."""
    found = {key: one for key, one in results.figures.items() if key.startswith(f"{table}/")}
    good = _runs(one for key, one in found.items() if healthy(key))
    bad = _runs(one for key, one in found.items() if not healthy(key))
    return f"{bad} releases of each kind" + (f", {good} healthy ones." if good else ".")


def _detect(results: Results) -> Iterator[str]:
    yield _played(results, "detect", lambda key: key.split("/")[2] == f"{BASE:g}")
    yield ""
    for rps in RATES:
        yield f"**{rps} requests a second**"
        yield ""
        yield from _head("", ["healthy", *(f"{_percent(fault)} fail" for fault in FAULTS)])
        for rule in RULES:
            healthy = results.of("detect", rule, f"{BASE:g}", rps)
            cells = [_share(healthy) if healthy else ""]
            for fault in FAULTS:
                found = results.of("detect", rule, f"{fault:g}", rps)
                cells.append(_detected(found) if found else "")
            yield _row(rule, cells)
        yield ""


def _detected(figures: Figures) -> str:
    """Return failed requests and seconds; the share that was caught, where some were not."""
    seconds = f"{figures.seconds:.0f} s" if figures.seconds and figures.rate >= ENOUGH else NOT
    missed = "" if figures.rate > 0.995 else f" ({_percent(figures.rate)})"
    return f"{figures.excess:,.0f} / {seconds}{missed}"


def _behind(results: Results) -> Iterator[str]:
    """Yield where a rule does less damage than linnet, and at which price."""
    yield from _head("", ["linnet", "less by (taken back; false rollbacks)"])
    for rps in RATES:
        for fault in FAULTS:
            own = results.of("detect", OWN, f"{fault:g}", rps)
            better = [
                _better(results, rule, fault, rps)
                for rule in RULES
                if not rule.startswith(OWN) and own and _is_better(results, rule, fault, rps)
            ]
            if own and better:
                title = f"{rps} requests a second, {_percent(fault)} fail"
                yield _row(title, [f"{own.excess:,.0f} ({_percent(own.rate)})", "; ".join(better)])


def _is_better(results: Results, rule: str, fault: float, rps: int) -> bool:
    own = results.of("detect", OWN, f"{fault:g}", rps)
    other = results.of("detect", rule, f"{fault:g}", rps)
    if own is None or other is None:
        return False
    return other.excess < 0.9 * own.excess and own.excess - other.excess >= 0.5


def _better(results: Results, rule: str, fault: float, rps: int) -> str:
    other = results.of("detect", rule, f"{fault:g}", rps)
    healthy = results.of("detect", rule, f"{BASE:g}", rps)
    if other is None or healthy is None:
        return ""
    return f"{rule} {other.excess:,.0f} ({_percent(other.rate)}; {_share(healthy)})"


GAIN: Final = ((500, 1.0), (50, 0.2), (50, 0.05), (5, 0.05))
"""Requests a second and the canary's error rate, for the table of what the gain is made of."""


def _gain(results: Results) -> Iterator[str]:
    """Yield by how many times each rule has fewer failed requests than Flagger's."""
    yield from _head("", [f"{rps} rps, {_percent(fault)} fail" for rps, fault in GAIN])
    for rule in RULES:
        cells = []
        for rps, fault in GAIN:
            base = results.of("detect", "Flagger", f"{fault:g}", rps)
            own = results.of("detect", rule, f"{fault:g}", rps)
            times = base.excess / own.excess if base and own and own.excess > 0 else None
            cells.append("" if times is None else _times(times))
        yield _row(rule, cells)


def _times(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _late(results: Results) -> Iterator[str]:
    yield _played(results, "late", lambda _: False)
    yield ""
    yield from _head("", [f"{rps} rps" for rps in RATES])
    for rule in RULES:
        cells = [results.of("late", rule, "0.05", rps) for rps in RATES]
        yield _row(rule, [_after(cell, 200.0) if cell else "" for cell in cells])


def _after(figures: Figures, start: float) -> str:
    seconds = f"{figures.seconds - start:.0f} s" if figures.seconds else NOT
    return f"{figures.excess:,.0f} / {seconds if figures.rate >= ENOUGH else NOT}" + (
        "" if figures.rate > 0.995 else f" ({_percent(figures.rate)})"
    )


def _slow(results: Results) -> Iterator[str]:
    yield _played(results, "slow", lambda key: key.split("/")[1] == "1")
    yield ""
    yield from _head("The canary's 99th percentile", [f"{rps} rps" for rps in RATES])
    for row in results.rows("slow"):
        cells = [results.of("slow", row, "5 s", rps) for rps in RATES]
        title = "that of the primary" if row == "1" else f"{row} times the primary's"
        yield _row(title, [_caught(cell) if cell else "" for cell in cells])


def _caught(figures: Figures) -> str:
    seconds = f", {figures.seconds:.0f} s" if figures.seconds and figures.rate >= ENOUGH else ""
    return f"{_share(figures)}{seconds}"


def _head(first: str, columns: Iterable[str]) -> Iterator[str]:
    columns = list(columns)
    yield _row(first, columns)
    yield "|---|" + "---:|" * len(columns)


def _row(first: str, cells: Sequence[str]) -> str:
    return "| " + " | ".join((first, *cells)) + " |"


def _share(figures: Figures) -> str:
    return _percent(figures.rate) if figures.rolled_back else "0"


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%" if share < 0.995 else f"{100 * share:.0f}%"


_PARTS: Final = {
    "false-rollbacks": _false,
    "detection": _detect,
    "not-ahead": _behind,
    "late-faults": _late,
    "slow-answers": _slow,
    "gain": _gain,
}
