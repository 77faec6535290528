"""`linnet status`: Canaries as a person wants to see them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from linnet.adapters.connection import Connection
from linnet.adapters.kinds import CANARY
from linnet.api.objects import ObjectRef
from linnet.cli.conditions import ROUTED, condition, one_line, stalled, unwritten
from linnet.cli.context import NO_CRDS, UNKNOWN, carry_out, connected
from linnet.cli.parameters import CONTEXT, KUBECONFIG, NAMESPACE, object_name
from linnet.cli.routed import with_routes_if_stalled
from linnet.cli.screen import show
from linnet.cli.upcoming import neglected, upcoming
from linnet.cli.watching import watch

COLOURS = {
    "Succeeded": "green",
    "Initialized": "green",
    "Failed": "red",
    "Progressing": "cyan",
    "Promoting": "cyan",
    "Finalising": "cyan",
}

NONE = Text("No Canaries here. With -A, linnet status looks in all namespaces.")
STREAMED = ("NAMESPACE", "NAME", "PHASE", "WEIGHT", "REVISION", "LAST DECISION")

Object = Mapping[str, Any]

EXAMPLES = """
\b
Examples:
  linnet status                      Canaries of the current namespace
  linnet status -A                   of all namespaces
  linnet status podinfo              one Canary, with its last decisions
  linnet status podinfo --watch      the same, live; in a pipe or a file a line for each change
  linnet status -A --output json     for programs
"""


@click.command(epilog=EXAMPLES)
@click.argument("name", type=object_name, metavar="[NAME]", required=False)
@NAMESPACE
@click.option("-A", "--all-namespaces", is_flag=True, help="Canaries of all namespaces.")
@click.option("-w", "--watch", "stay", is_flag=True, help="Stay, and show changes as they happen.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for programs.",
)
@KUBECONFIG
@CONTEXT
def status(
    name: str | None,
    namespace: str | None,
    all_namespaces: bool,
    stay: bool,
    output: str,
    kubeconfig: str,
    context: str,
) -> None:
    """Show Canaries: phase, weight, revisions and the last decision in words."""
    if name and all_namespaces:
        raise click.UsageError("a NAME and --all-namespaces do not go together")
    if stay and output == "json":
        raise click.UsageError("--watch is for people: use kubectl get canaries --watch -o json")
    carry_out(
        _show(name, namespace, all_namespaces, stay, output, kubeconfig, context),
        UNKNOWN if name else f": {NO_CRDS}",
    )


async def _show(
    name: str | None,
    namespace: str | None,
    everywhere: bool,
    stay: bool,
    output: str,
    kubeconfig: str,
    context: str,
) -> None:
    async with connected(kubeconfig, context, namespace) as (connection, here):
        where = "" if everywhere else here

        async def look() -> list[Object]:
            return await _fetch(connection, where, name)

        async def look_at_routes() -> list[Object]:
            return [await with_routes_if_stalled(connection, canary) for canary in await look()]

        if output == "json":
            click.echo(json.dumps(await look(), indent=2))
        elif stay:
            await watch(look_at_routes, lambda found, now: view(found, now, bool(name)), News())
        else:
            show(view(await look_at_routes(), _now(), bool(name)))


async def _fetch(connection: Connection, namespace: str, name: str | None) -> list[Object]:
    ref = ObjectRef(CANARY.name, namespace, name or "")
    path = CANARY.path(CANARY.versions[0], namespace, name or "")
    answer = await connection.request("GET", path, ref if name else "Canaries")
    return [answer] if name else sorted(answer["items"], key=_key)


def _key(canary: Object) -> tuple[str, str]:
    return canary["metadata"]["namespace"], canary["metadata"]["name"]


def _now() -> datetime:
    return datetime.now(UTC)


def view(canaries: Sequence[Object], now: datetime, details: bool) -> RenderableType:
    """Return the table of all Canaries, or one Canary's story."""
    if not canaries:
        return NONE
    if details:
        return Group(_table(canaries, now), *_story(canaries[0], now))
    return Group(_table(canaries, now), *_neglect(canaries, now))


class News:
    """What is new of Canaries, call by call: a line for each that changed, with the time."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[str, ...]] | None = None
        self._widths: list[int] = []

    def __call__(self, canaries: Sequence[Object], now: datetime) -> Iterator[Text]:
        """Yield the lines; a header comes first."""
        rows = {_key(canary): _row(canary, now) for canary in canaries}
        if not rows and self._known is None:
            yield NONE
        known, self._known = self._known or {}, rows
        gone = {key: (*key, "deleted", "", "", "") for key in known if key not in rows}
        seen = f"{now:%Y-%m-%dT%H:%M:%SZ}"
        lines = [(seen, *row) for key, row in (rows | gone).items() if row != known.get(key)]
        if lines and not self._widths:
            lines.insert(0, ("TIME", *STREAMED))
            self._widths = [0] * len(lines[0])
        for line in lines:
            self._widths = [max(w, len(cell)) for w, cell in zip(self._widths, line, strict=True)]
        yield from map(self._text, lines)

    def _text(self, line: Sequence[str]) -> Text:
        """Return a line, its cells below those that came before; the last one may be long."""
        cells = [cell.ljust(width) for cell, width in zip(line[:-1], self._widths, strict=False)]
        return Text("  ".join((*cells, line[-1])).rstrip())


def _row(canary: Object, now: datetime) -> tuple[str, ...]:
    """Return what there is to tell, without what only time changes."""
    status = canary.get("status", {})
    return (
        *_key(canary),
        _state(status) or "-",
        _weight(canary),
        _revisions(status),
        neglected(canary, now) or _message(canary),
    )


def _neglect(canaries: Sequence[Object], now: datetime) -> list[Text]:
    """Return that nobody takes care of the Canaries, if so, as one of them shows."""
    found = [(key, why) for c in canaries for key in [_key(c)] if (why := neglected(c, now))]
    if not found:
        return []
    (namespace, name), why = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return [Text(), Text(f"{namespace}/{name}{more}: {why}", style="yellow")]


def _table(canaries: Sequence[Object], now: datetime) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("NAMESPACE", "NAME", "PHASE", "WEIGHT", "REVISION", "SINCE"):
        table.add_column(column, no_wrap=column != "REVISION")
    table.add_column("LAST DECISION", overflow="fold")
    for canary in canaries:
        meta, status = canary["metadata"], canary.get("status", {})
        phase = status.get("phase", "")
        table.add_row(
            meta["namespace"],
            meta["name"],
            Text(_state(status) or "-", style=COLOURS.get(phase, "yellow")),
            _weight(canary),
            _revisions(status),
            _age(status.get("lastTransitionTime"), now),
            _message(canary),
        )
    return table


def _state(status: Object) -> str:
    phase = str(status.get("phase", ""))
    if stalled(status):
        return f"{phase} (stalled)".strip()
    paused = condition(status, "Progressing").get("reason") == "Paused"
    return f"{phase} (paused)" if paused else phase


def _revisions(status: Object) -> str:
    promoted, newest = status.get("promotedRevision", "-"), status.get("revision", "-")
    return promoted if promoted == newest else f"{promoted} → {newest}"


def _weight(canary: Object) -> str:
    """Return the weight that was decided, and that of the routes where that is another."""
    decided = f"{canary.get('status', {}).get('canaryWeight', 0)}%"
    if not unwritten(canary):
        return decided
    share = canary.get(ROUTED)
    return f"{'?' if share is None else f'{share}%'}, not yet {decided}"


def _message(canary: Object) -> str:
    status = canary.get("status", {})
    said = one_line(condition(status, "Progressing").get("message", ""))
    if late := unwritten(canary):
        return f"{said}; {late} ({stalled(status)})"
    return stalled(status) or said


def _story(canary: Object, now: datetime) -> list[RenderableType]:
    status = canary.get("status", {})
    parts: list[RenderableType] = []
    if comes := upcoming(canary, now):
        parts += [Text(), Text(comes, style="yellow" if neglected(canary, now) else "")]
    if request := status.get("request"):
        style = "" if request.get("accepted") else "red"
        asked = f"last request, {_age(request.get('time'), now)} ago: {request.get('message', '')}"
        parts += [Text(), Text(one_line(asked), style=style)]
    decisions = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("TIME", "WEIGHT", "VERDICT", "REASON"):
        decisions.add_column(column, no_wrap=True)
    decisions.add_column("DECISION", overflow="fold")
    for decision in status.get("decisions", ()):
        verdict = decision.get("verdict", "")
        style = {"failed": "red", "inconclusive": "yellow", "passed": "green"}.get(verdict, "")
        decisions.add_row(
            decision["time"][11:19],
            f"{decision['weight']}%",
            Text(verdict or "-", style=style),
            decision["reason"],
            one_line(decision.get("message", "")),
        )
    if decisions.row_count:
        parts += [Text(), decisions]
    return parts


def _age(text: str | None, now: datetime) -> str:
    if not text:
        return "-"
    seconds = int(max(0, (now - _time(text)).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
