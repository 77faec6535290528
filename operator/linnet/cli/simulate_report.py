"""What `linnet simulate` shows: tables and charts for a terminal, and an SVG. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from linnet.cli.blocks import columns, histogram, resample
from linnet.simulation.experiment import Experiment
from linnet.simulation.plot import Band, Bars, Line, Panel, svg
from linnet.simulation.summary import Spread, Summary

_WIDTH = 64
_HEIGHT = 5
_BINS = 32


def text(
    name: str,
    experiment: Experiment,
    runs: int,
    summaries: Mapping[str, Summary],
    notes: Sequence[str],
) -> Iterator[RenderableType]:
    """Yield what a terminal shows, part by part."""
    own, *others = summaries
    summary, scrape = summaries[own], experiment.circumstances.scrape
    yield Text(f"{runs:,} releases of {name}", style="bold")
    yield Text(_circumstances(experiment))
    yield Text()
    yield _outcomes(summary)
    if summary.rollback_reasons:
        yield Text(_reasons(summary))
    yield Text()
    yield _figures(summary)
    yield from _weight(summary)
    yield from _bins("seconds to rollback", summary.times_to_rollback, scrape)
    yield from _bins("failed requests of a release", summary.failed, 1.0)
    if others:
        yield Text()
        yield _comparison(summaries)
    for note in notes:
        yield Text(f"\nNote: {note}.", style="yellow")


def picture(name: str, scrape: float, summaries: Mapping[str, Summary]) -> str:
    """Return the weight over time, the times to rollback and the failed requests as SVG.

    `scrape` is the time between two scrapes, in seconds: what times are multiples of.
    """
    own = next(iter(summaries.values()))
    instants = own.weight_over_time
    weight: list[Line | Band] = [
        Band([(i.seconds, i.p10, i.p90) for i in instants], "10% to 90% of releases")
    ]
    for decider, summary in summaries.items():
        points = [(i.seconds, i.mean) for i in summary.weight_over_time]
        weight.append(Line(points, f"{decider}, mean", steps=True))
    return svg(
        [
            Panel(f"{name}: weight over time", "seconds", "weight in %", weight, top=100),
            _histogram("Rolled back after", "seconds", own.times_to_rollback, scrape),
            _histogram("Failed requests", "of a release", own.failed, 1.0),
        ]
    )


def _histogram(title: str, x: str, values: Sequence[float], step: float) -> Panel:
    if not values:
        return Panel(f"{title}: none", x, "releases", [])
    counts, start, width = histogram(values, step, _BINS)
    bars = [
        (start + k * width, start + (k + 1) * width, float(count))
        for k, count in enumerate(counts)
        if count
    ]
    return Panel(title, x, "releases", [Bars(bars)])


def _circumstances(experiment: Experiment) -> str:
    given = experiment.circumstances
    primary, canary = given.primary, given.canary
    parts = [
        f"{given.traffic.rps:g} requests a second",
        f"a scrape every {given.scrape:g} s",
        f"the primary fails {_percent(primary.errors)}, the canary {_percent(canary.errors)}",
    ]
    for change in canary.changes:
        when = f"in the first {change.end:g} s" if change.start == 0 else f"from {change.start:g} s"
        parts[-1] += f" ({_percent(change.rate)} {when})"
    if primary.p99 != canary.p99:
        parts.append(f"99% are answered within {primary.p99:g} ms, of the canary {canary.p99:g} ms")
    return "; ".join(parts)


def _outcomes(summary: Summary) -> Text:
    line = Text()
    for count, words, style in (
        (summary.rolled_back, "rolled back", "red"),
        (summary.promoted, "promoted", "green"),
        (summary.undecided, "undecided", "yellow"),
    ):
        share = _percent(count / summary.runs)
        line.append(f"{count:,} {words} ({share})", style=style if count else "dim")
        line.append("   ")
    return line


_REASONS = {
    "GuardTripped": "by the guard",
    "AnalysisFailed": "by failed checks",
    "Undecided": "as undecided at the deadline",
}


def _reasons(summary: Summary) -> str:
    """Return what took releases back."""
    parts = [f"{n:,} {_REASONS.get(why, why)}" for why, n in summary.rollback_reasons.items()]
    return f"rolled back: {', '.join(parts)}"


def _figures(summary: Summary) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for column in ("median", "99% at most", "mean"):
        table.add_column(column, justify="right")
    for title, spread in (
        ("seconds to rollback", summary.seconds_to_rollback),
        ("seconds to promotion", summary.seconds_to_promotion),
        ("failed requests, at the canary", summary.failed_requests),
        ("  beyond what the primary would fail", summary.excess_failed_requests),
    ):
        table.add_row(title, *_cells(spread))
    return table


def _cells(spread: Spread) -> list[str]:
    return [_figure(value) for value in (spread.p50, spread.p99, spread.mean)]


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.1f}"


def _weight(summary: Summary) -> Iterator[Text]:
    instants = summary.weight_over_time
    means = resample([instant.mean for instant in instants], _WIDTH)
    top = max(5.0, *means)
    yield Text(f"\nweight over time, mean of all releases (promoted: 100), up to {top:.0f}%")
    for row in columns(means, _HEIGHT, top):
        yield Text(f"  {row.rstrip()}", style="cyan")
    yield Text(f"  0 s{f'{instants[-1].seconds:g} s':>{_WIDTH - 3}}", style="dim")


def _bins(title: str, values: Sequence[float], step: float) -> Iterator[Text]:
    if len(set(values)) < 2:
        return
    counts, _, _ = histogram(values, step, _WIDTH)
    wide = _WIDTH // len(counts)
    yield Text(f"\n{title}")
    for row in columns([float(count) for count in counts for _ in range(wide)], 3):
        yield Text(f"  {row.rstrip()}", style="magenta")
    low, high = f"{min(values):,.0f}", f"{max(values):,.0f}"
    yield Text(f"  {low}{high:>{wide * len(counts) - len(low)}}", style="dim")


def _comparison(summaries: Mapping[str, Summary]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.add_column("on the same traffic")
    for column in ("rolled back", "promoted", "undecided", "seconds", "failed requests"):
        table.add_column(column, justify="right")
    for name, summary in summaries.items():
        table.add_row(
            name,
            *(
                _percent(count / summary.runs)
                for count in (summary.rolled_back, summary.promoted, summary.undecided)
            ),
            _figure(summary.seconds_to_rollback.p50),
            _figure(summary.failed_requests.mean),
        )
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"
