"""One moment of the demo on a terminal, from 80 x 24 on. Pure."""

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from demo.chart import chart
from demo.figures import Side
from demo.frame import Act, Frame, title, window
from demo.story import sentence
from linnet.api.status import DecisionRecord, Phase, Verdict

COLOURS = {
    Phase.PROGRESSING: "cyan",
    Phase.PROMOTING: "cyan",
    Phase.FINALISING: "cyan",
    Phase.SUCCEEDED: "green",
    Phase.INITIALIZED: "green",
    Phase.FAILED: "red",
}
MARKS = {
    Verdict.PASSED: ("✔", "green"),
    Verdict.FAILED: ("✘", "red"),
    Verdict.INCONCLUSIVE: ("?", "yellow"),
    Verdict.NONE: ("•", "cyan"),
}
NONE = "-"
"""Where there is no figure."""
FIXED_ROWS = 16
"""All rows but those of the chart and of the decisions."""
STORY_ROWS = 3
WIDEST = 110


def render(frame: Frame, width: int, height: int) -> RenderableType:
    """Return the whole screen, no higher than `height` rows if that is 24 or more."""
    spare = max(5, height - FIXED_ROWS)
    chart_rows = min(8, spare // 2)
    decision_rows = min(14, spare - chart_rows)
    inner = min(width, WIDEST) - 4
    return Padding(
        Group(
            _header(frame),
            Rule(style="dim"),
            _story(frame, inner),
            _phase(frame),
            _weight(frame, inner),
            Text(),
            _sides(frame),
            Text(),
            *chart(frame, inner, chart_rows),
            Text(),
            _decisions(frame, inner, decision_rows),
            Text(),
            _footer(frame),
        ),
        (0, max(2, width - inner - 2), 0, 2),
    )


def clock(seconds: float) -> str:
    """Return M:SS."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _header(frame: Frame) -> Table:
    row = Table.grid(expand=True, padding=(0, 1))
    row.add_column(no_wrap=True, ratio=1)
    row.add_column(justify="right", no_wrap=True)
    bad = frame.act is Act.BAD
    row.add_row(
        Text.assemble(
            ("linnet", "bold"), "   ", (title(frame), "bold red" if bad else "bold green")
        ),
        Text(clock(frame.elapsed), style="bold"),
    )
    return row


def _story(frame: Frame, width: int) -> Text:
    text = Text(sentence(frame), style="italic")
    lines = _wrapped(text, width)[:STORY_ROWS]
    return Text("\n").join([*lines, *[Text()] * (STORY_ROWS - len(lines))])


def _wrapped(text: Text, width: int) -> list[Text]:
    return list(text.wrap(Console(width=width), width))


def _labelled() -> Table:
    row = Table.grid(expand=True, padding=(0, 2, 0, 0))
    row.add_column(width=8, style="dim")
    row.add_column(no_wrap=True, ratio=1)
    row.add_column(no_wrap=True, justify="right")
    return row


def _phase(frame: Frame) -> Table:
    phase, row = frame.status.phase, _labelled()
    notes = []
    if (left := frame.next_check_in) is not None:
        notes.append(f"next check in {left:.0f} s" if left else "checking")
    if frame.releasing:
        notes.append(f"failed checks: {frame.status.failed_checks} of {frame.threshold}")
    style = COLOURS.get(phase, "yellow") if phase else "yellow"
    row.add_row("Phase", Text(phase or "…", style=f"bold {style}"), " · ".join(notes))
    return row


def _weight(frame: Frame, width: int) -> Table:
    weight, row = frame.status.canary_weight, _labelled()
    cells = max(10, width - 52)
    full = round(cells * weight / 100)
    bar = Text.assemble(
        ("█" * full, _colour(frame)), ("░" * (cells - full), "dim"), (f" {weight:3} %", "bold")
    )
    row.add_row("Weight", bar, _ladder(frame))
    return row


def _ladder(frame: Frame) -> Text:
    text = Text()
    phase, active = frame.status.phase, frame.releasing
    on_top = active and phase in (Phase.PROMOTING, Phase.FINALISING, Phase.SUCCEEDED)
    for weight in (0, *frame.ladder):
        here = not on_top and weight == frame.status.canary_weight
        text.append(f" {weight} ", style=f"reverse {_colour(frame)}" if here else "dim")
        text.append("→", style="dim")
    text.append(" all ", style="reverse green" if on_top else "dim")
    return text


def _colour(frame: Frame) -> str:
    return "red" if frame.act is Act.BAD else "green"


def _sides(frame: Frame) -> Table:
    table = Table(box=None, pad_edge=False, expand=True, header_style="dim", padding=(0, 1))
    table.add_column(f"Last {window(frame.now, frame.weights):.0f} s", no_wrap=True, width=8)
    table.add_column("version", no_wrap=True, ratio=1)
    for column in ("requests", "share", "succeeded", "p50", "p99"):
        table.add_column(column, justify="right", no_wrap=True)
    for side in frame.sides:
        table.add_row(*_cells(side))
    return table


def _cells(side: Side) -> tuple[str | Text, ...]:
    good = side.succeeded is None or side.succeeded > 0.99
    return (
        Text(side.name, style="bold"),
        side.version,
        f"{side.requests:,}",
        percent(side.share),
        Text(percent(side.succeeded), style="green" if good else "bold red"),
        milliseconds(side.p50),
        milliseconds(side.p99),
    )


def percent(share: float | None) -> str:
    """Return a share (0 to 1) in percent; never 100 for less than all."""
    if share is None:
        return NONE
    value = 100 * share
    return f"{min(value, 99.9) if value < 100 else value:.1f} %"


def milliseconds(seconds: float | None) -> str:
    """Return a latency."""
    return NONE if seconds is None else f"{1000 * seconds:.0f} ms"


def _decisions(frame: Frame, width: int, rows: int) -> Text:
    if not frame.decisions:
        lines = _wrapped(Text(f"linnet: {frame.message or '…'}", style="dim"), width)
    else:
        lines = _wrapped(_decision(frame, frame.decisions[-1]), width)[:2]
        for decision in reversed(frame.decisions[:-1]):
            line = _decision(frame, decision)
            line.truncate(width, overflow="ellipsis")
            lines.insert(0, line)
    lines = lines[-rows:]
    return Text("\n").join([*lines, *[Text()] * (rows - len(lines))])


def _decision(frame: Frame, decision: DecisionRecord) -> Text:
    mark, style = MARKS[decision.verdict]
    at = clock(max(0.0, decision.time.timestamp() - frame.began))
    return Text.assemble((f"{at} ", "dim"), (f"{mark} ", style), decision.message)


def _footer(frame: Frame) -> Table:
    row = Table.grid(expand=True)
    row.add_column(no_wrap=True, ratio=1)
    row.add_column(no_wrap=True, justify="right", style="dim")
    failed = f"{frame.failed:,} failed"
    row.add_row(
        Text.assemble(
            ("Requests so far ", "dim"),
            f"{frame.sent:,} sent, ",
            (failed, "bold red" if frame.failed else "green"),
        ),
        "" if frame.over else "Ctrl-C ends the demo",
    )
    return row
