"""`linnet explain`: why a release stands where it does, and what would change that."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from math import log
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from linnet.adapters.kinds import CANARY
from linnet.api.objects import ObjectRef
from linnet.api.status import Phase
from linnet.cli.conditions import ROUTED, one_line, unwritten
from linnet.cli.context import carry_out, connected
from linnet.cli.parameters import CONTEXT, KUBECONFIG, NAMESPACE, object_name
from linnet.cli.routed import with_routes_if_stalled
from linnet.cli.screen import show
from linnet.cli.upcoming import clock, is_seen, neglected, upcoming
from linnet.cli.watching import watch

BAR = 20
"""Characters of the bar that shows how much of the evidence is there."""
COLOURS = {"failed": "red", "inconclusive": "yellow", "passed": "green"}
BAD = {"errors": "failed", "latency": "were slow"}

Object = Mapping[str, Any]

EXAMPLES = """
\b
Examples:
  linnet explain podinfo             why it is where it is, and what would change that
  linnet explain podinfo --watch     the same, live; in a pipe or a file all of it at each change
  linnet explain podinfo -o json     for programs
"""


@click.command(epilog=EXAMPLES)
@click.argument("name", type=object_name, metavar="NAME")
@NAMESPACE
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
def explain(
    name: str, namespace: str | None, stay: bool, output: str, kubeconfig: str, context: str
) -> None:
    """Tell why a release stands where it does, and what would change that."""
    if stay and output == "json":
        raise click.UsageError("--watch is for people: leave out --output json")
    carry_out(_explain(name, namespace, stay, output, kubeconfig, context))


async def _explain(
    name: str, namespace: str | None, stay: bool, output: str, kubeconfig: str, context: str
) -> None:
    async with connected(kubeconfig, context, namespace) as (connection, where):
        ref = ObjectRef(CANARY.name, where, name)
        path = CANARY.path(CANARY.versions[0], where, name)

        async def look() -> Object:
            canary = await connection.request("GET", path, ref)
            return await with_routes_if_stalled(connection, canary)

        if output == "json":
            click.echo(json.dumps(explanation(await look()), indent=2))
        elif stay:
            await watch(look, view, News())
        else:
            show(view(await look(), datetime.now(UTC)))


def explanation(canary: Object) -> dict[str, Any]:
    """Return what explains a Canary, for programs: from its status, and its routes if stalled."""
    meta, status = canary["metadata"], canary.get("status", {})
    decisions = status.get("decisions", [])
    # Between two writes of the status the operator knows more; this is what it wrote last.
    judged: Object = status.get("guard") or next(
        (d for d in decisions[::-1] if "sampleTime" in d), {}
    )
    conditions = {c["type"]: c for c in status.get("conditions", [])}
    return {
        "namespace": meta["namespace"],
        "name": meta["name"],
        "phase": status.get("phase", ""),
        "weight": status.get("canaryWeight", 0),
        "routedWeight": canary.get(ROUTED),
        "unwritten": unwritten(canary),
        "revision": status.get("revision", ""),
        "promotedRevision": status.get("promotedRevision", ""),
        "trafficSince": status.get("trafficSince"),
        "nextCheckAt": status.get("nextCheckAt"),
        "reason": conditions.get("Progressing", {}).get("reason", ""),
        "message": conditions.get("Progressing", {}).get("message", ""),
        "problems": [
            {"reason": c["reason"], "message": c["message"], "since": c["lastTransitionTime"]}
            for kind in ("Stalled", "Blind")
            for c in [conditions.get(kind, {})]
            if c.get("status") == "True"
        ],
        "sampleTime": judged.get("sampleTime"),
        "findings": judged.get("findings", []),
        "exposure": judged.get("exposure"),
        "outlook": judged.get("outlook", ""),
        "note": judged.get("note", ""),
        "decisions": decisions,
    }


def view(canary: Object, now: datetime) -> RenderableType:
    """Return the same for people."""
    return Group(*_parts(canary, now))


class News:
    """What is new of a Canary, call by call: all that explains it, with the time, if it changed."""

    def __init__(self) -> None:
        self._told: tuple[Object, bool] | None = None

    def __call__(self, canary: Object, now: datetime) -> Iterator[RenderableType]:
        """Yield one part, or nothing."""
        told = explanation(canary), bool(neglected(canary, now))
        if told != self._told:
            before = () if self._told is None else (Text(),)
            self._told = told
            yield Group(*before, Text(f"{now:%Y-%m-%dT%H:%M:%SZ}"), view(canary, now))


def _parts(canary: Object, now: datetime) -> Iterator[RenderableType]:
    known = explanation(canary)
    yield Text(
        f"{known['namespace']}/{known['name']}: {_state(known, seen=is_seen(canary))}", style="bold"
    )
    for problem in known["problems"]:
        yield Text(one_line(f"{problem['reason']}: {problem['message']}"), style="yellow")
    if known["message"]:
        yield Text(one_line(f"{known['reason']}: {known['message']}"))
    if known["findings"]:
        yield Text()
        yield _findings(known)
        yield Text(_counted(known, now), style="italic dim")
    if known["exposure"]:
        yield Text(_exposure(known, now))
    if known["note"]:
        yield Text(f"Not compared: {known['note']}", style="yellow")
    yield from _outlook(known)
    if comes := upcoming(canary, now):
        indent = "  " if known["outlook"] else ""
        yield Text(f"{indent}{comes}", style="yellow" if neglected(canary, now) else "")
    yield from _checks(known)
    yield from _decisions(known)


def _state(known: Object, *, seen: bool) -> str:
    promoted, newest = known["promotedRevision"], known["revision"]
    revisions = promoted if promoted == newest else f"{promoted} → {newest}"
    phase = known["phase"] or ("stalled before it began" if seen else "not seen by linnet yet")
    weight = f"{known['weight']}% of the traffic"
    if known["unwritten"]:
        weight += f" decided, {known['unwritten']}"
    return f"{phase}, {weight}, revision {revisions or '-'}"


def _findings(known: Object) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("COMPARED", "CANARY", "PRIMARY", "EVIDENCE", "OF", ""):
        figures = column in ("CANARY", "PRIMARY", "EVIDENCE")  # fold rather than be cut off
        table.add_column(column, no_wrap=not figures, overflow="fold")
    for found in known["findings"]:
        weaker = min(found["relative"], found["absolute"])
        table.add_row(
            found["process"],
            _side(found["canary"], found["process"]),
            _side(found["primary"], found["process"]),
            f"{_number(found['relative'])} worse than it, {_number(found['absolute'])} bad",
            _number(found["needed"]),
            Text(_bar(weaker, found["needed"]), style="red" if weaker > 2 else "green"),
        )
    return table


def _counted(known: Object, now: datetime) -> str:
    """Return of what time the requests in the table are: each process begins anew by itself."""
    counted = [
        f"{found['process']} since {_clock_of(found['since'], now)}"
        for found in known["findings"]
        if found.get("since")
    ]
    until = [f"counted up to {_clock_of(known['sampleTime'], now)}"] if known["sampleTime"] else []
    when = " (when the evidence was last nothing)" if counted else ""
    span = f"{', '.join(until + counted)}{when}; " if until or counted else ""
    return f"{span}both kinds of evidence are needed"


def _exposure(known: Object, now: datetime) -> str:
    """Return what users got from the canary, and up to when it was counted."""
    served, until = known["exposure"], known["sampleTime"]
    counted = f"Up to {_clock_of(until, now)}" if until else "So far"
    later = "" if known["phase"] == Phase.PROGRESSING else "; later ones are not counted"
    return (
        f"{counted} users got {served['requests']:.0f} answers from the canary,"
        f" {served['failed']:.0f} of them failures{later}."
    )


def _clock_of(text: str, now: datetime) -> str:
    return clock(datetime.fromisoformat(text), now)


def _side(side: Object, process: str) -> str:
    bad = BAD.get(process, "were bad")
    return f"{side['bad']:.0f} of {side['requests']:.0f} {bad} ({side['percent']:.3g}%)"


def _bar(evidence: float, needed: float) -> str:
    """Return how much of the evidence is there, on a logarithmic scale as evidence multiplies."""
    part = log(max(evidence, 1.0)) / log(needed) if needed > 1 else 0.0
    full = round(BAR * min(1.0, part))
    return "█" * full + "░" * (BAR - full)


def _outlook(known: Object) -> Iterator[RenderableType]:
    if known["outlook"] and known["phase"] == "Progressing":
        yield Text()
        yield Text("What would change this:", style="bold")
        for prospect in known["outlook"].split("; "):
            yield Text(f"  {prospect}")


def _checks(known: Object) -> Iterator[RenderableType]:
    """What was measured at the last check, and what was asked for it."""
    checked = next((d for d in known["decisions"][::-1] if d.get("measurements")), None)
    if checked is None:
        return
    yield Text()
    yield Text(f"Checked at {_clock(checked['time'])} UTC:", style="bold")
    for measured in checked["measurements"]:
        line = Text("  ")
        line.append(f"{measured['verdict']:<13}", style=COLOURS.get(measured["verdict"], ""))
        line.append(one_line(measured.get("message") or measured["name"]))
        yield line
        if measured.get("query"):
            yield Text(f"               {measured['query']}", style="dim")


def _decisions(known: Object) -> Iterator[RenderableType]:
    if not known["decisions"]:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("TIME", "WEIGHT", "VERDICT", "REASON"):
        table.add_column(column, no_wrap=True)
    table.add_column("DECISION", overflow="fold")
    for decision in known["decisions"]:
        verdict = decision.get("verdict", "")
        table.add_row(
            _clock(decision["time"]),
            f"{decision['weight']}%",
            Text(verdict or "-", style=COLOURS.get(verdict, "")),
            decision["reason"],
            one_line(decision.get("message", "")),
        )
    yield Text()
    yield table


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _clock(text: str) -> str:
    return f"{datetime.fromisoformat(text):%H:%M:%S}"
