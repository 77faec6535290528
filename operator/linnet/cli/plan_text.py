"""What `linnet plan` shows people. Pure."""

from collections.abc import Iterator
from textwrap import TextWrapper

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from linnet.cli import plan_words as words
from linnet.planning.finding import Finding, Severity
from linnet.planning.plan import Plan

_INDENT = 2
_HEAD = 9
COLOURS = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def _wrap(sentence: str, width: int) -> list[str]:
    return TextWrapper(width, break_on_hyphens=False).wrap(sentence)


def text(plan: Plan, width: int) -> Iterator[RenderableType]:
    """Yield what a terminal so many columns wide shows of one Canary, part by part."""
    name = f"Canary {plan.canary.namespace}/{plan.canary.name}"
    title = Text().append(name, style="bold").append(f"  {plan.where}", style="dim")
    yield title
    inner = width - 2 * _INDENT
    yield from _section("Applied", _applied(plan, inner), width)
    yield from _section("A healthy release, from its first traffic", _release(plan, inner), width)
    if plan.notice is not None:
        yield from _section(f"At {words.assumed(plan)}", _noticed(plan, inner), width)
    if plan.findings:
        found = (_finding(one, inner) for one in plan.findings)
        yield from _section("Findings", found, width)


def _section(title: str, parts: Iterator[RenderableType], width: int) -> Iterator[RenderableType]:
    yield Text()
    for line in _wrap(title, width):
        yield Text(line, style="bold")
    yield Padding(Group(*parts), (0, 0, 0, _INDENT), expand=False)


def _applied(plan: Plan, width: int) -> Iterator[RenderableType]:
    if plan.rehearsal.problems:
        yield Text("nothing: it stalls (see below)")
        return
    table = Table.grid(padding=(0, 2))
    for kind, names in words.created(plan).items():
        table.add_row(Text("create", style="green"), kind, ", ".join(names))
    for change in plan.rehearsal.changed:
        fields = "\n".join(map(words.change, change.fields))
        named = Text(f"{change.ref.name}\n{fields}")
        table.add_row(Text("change", style="yellow"), change.ref.kind, named)
    yield table if table.row_count else Text("nothing is created or changed")


def _release(plan: Plan, width: int) -> Iterator[RenderableType]:
    schedule = plan.schedule
    if schedule.steps:
        table = Table.grid(padding=(0, 3))
        for _ in range(4):
            table.add_column(justify="right")
        table.add_row(*(Text(t, style="dim") for t in ("weight", "from", "until", "requests")))
        for step in schedule.steps:
            table.add_row(
                f"{step.weight}%",
                words.span(step.start),
                words.span(step.end),
                words.requests(step.requests),
            )
        table.add_row("", "", Text("total", style="dim"), words.requests(schedule.requests))
        yield table
    for sentence in (*words.ends(schedule), *words.gates(plan.canary)):
        yield _point(sentence, width)


def _noticed(plan: Plan, width: int) -> Iterator[RenderableType]:
    assert plan.notice is not None  # noqa: S101 - the caller has looked
    yield _point(words.noticed(plan), width)
    table = Table.grid(padding=(0, 3))
    for _ in words.COLUMNS:
        table.add_column(justify="right")
    table.add_row(*(Text(title, style="dim") for title in words.COLUMNS))
    for one in (plan.notice.healthy, *plan.notice.table):
        table.add_row(*words.row(one))
    yield table


def _point(sentence: str, width: int) -> Text:
    lines = _wrap(sentence, width - 2)
    return Text("\n".join(f"{'· ' if not n else '  '}{line}" for n, line in enumerate(lines)))


def _finding(one: Finding, width: int) -> Text:
    """Return a finding: how bad, the sentence, and below what it is about and where."""
    line, *more = _wrap(one.message, width - _HEAD) or [""]
    found = Text().append(f"{one.severity.value:{_HEAD}}", style=COLOURS[one.severity])
    found.append(line)
    about = " · ".join(filter(None, (one.reason, f"{one.object} {one.field}".strip(), one.where)))
    for each in more:
        found.append(f"\n{'':{_HEAD}}{each}")
    for each in _wrap(about, width - _HEAD):
        found.append(f"\n{'':{_HEAD}}{each}", style="dim")
    return found
