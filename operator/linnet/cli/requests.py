"""`linnet promote`, `abort`, `pause`, `resume`, `retry`, `skip-step`: what a person asks for.

Each writes one annotation, and tells what linnet made of it.
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from linnet.adapters.connection import Connection
from linnet.adapters.kinds import CANARY
from linnet.api.duration import parse_duration
from linnet.api.names import REQUEST_ANNOTATION
from linnet.api.objects import ObjectRef
from linnet.api.request import Request, Verb
from linnet.api.status import CanaryStatus, Phase, RequestRecord
from linnet.cli.conditions import in_force, one_line, stalled, unwritten
from linnet.cli.context import carry_out, connected
from linnet.cli.parameters import CONTEXT, KUBECONFIG, NAMESPACE, object_name
from linnet.cli.routed import with_routes, with_routes_if_stalled

MANAGER = "linnet-cli"
ANSWER_WITHIN = 10.0
"""Seconds that linnet gets to handle a request, and as many again to write what follows."""
POLL = 0.2
"""Seconds between two looks."""

FOLLOWED = (Verb.PROMOTE, Verb.RETRY)
"""The verbs whose --wait stays until the release is over."""

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One call of a command."""

    verb: Verb
    name: str
    revision: str | None
    wait: bool
    seconds: float


def _command(verb: Verb, summary: str, waits_for: str, details: str) -> click.Command:
    examples = f"""
\b
Examples:
  linnet {verb} podinfo
  linnet {verb} podinfo -n shop --wait
  linnet {verb} podinfo --revision a5aaf002b3    only if this is the newest
  kubectl linnet {verb} podinfo                  the same, as a plugin
"""

    @click.command(name=verb, help=f"{summary}\n\n{details}", short_help=summary, epilog=examples)
    @click.argument("name", type=object_name, metavar="NAME")
    @NAMESPACE
    @click.option(
        "--revision",
        metavar="HASH",
        callback=_revision,
        help="The revision that is meant; linnet refuses if the newest is another."
        "  [default: the newest, as it is now]",
    )
    @click.option("--wait", is_flag=True, help=f"Stay until {waits_for}.")
    @click.option(
        "--timeout",
        metavar="DURATION",
        default="15m",
        show_default=True,
        callback=_seconds,
        help="How long --wait stays, at most.",
    )
    @KUBECONFIG
    @CONTEXT
    def command(
        name: str,
        namespace: str | None,
        revision: str | None,
        wait: bool,
        timeout: float,
        kubeconfig: str,
        context: str,
    ) -> None:
        asked = _Asked(verb, name, revision, wait, timeout)
        carry_out(_run(asked, kubeconfig, context, namespace))

    return command


def _revision(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        try:
            Request.parse(f"{Verb.ABORT} @{value}")
        except ValueError as error:
            raise click.BadParameter(f"{value!r} is no revision such as a5aaf002b3") from error
    return value


def _seconds(ctx: click.Context, param: click.Parameter, value: str) -> float:
    try:
        return parse_duration(value).total_seconds()
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


async def _run(asked: _Asked, kubeconfig: str, context: str, namespace: str | None) -> None:
    async with connected(kubeconfig, context, namespace) as (connection, where):
        ref = ObjectRef(CANARY.name, where, asked.name)
        revision = await _ask(connection, asked, ref)
        if asked.wait and asked.verb in FOLLOWED:
            await _until_it_ends(connection, asked, ref, revision)


async def _ask(connection: Connection, asked: _Asked, ref: ObjectRef) -> str:
    """Write the request, wait until linnet has handled it, and tell how; return the revision."""
    path = CANARY.path(CANARY.versions[0], ref.namespace, ref.name)
    before = await connection.request("GET", path, ref)
    status = _status(before)
    revision = asked.revision or status.revision
    if revision is None:
        raise click.ClickException(f"linnet has not released any revision of {ref} yet")
    text = str(Request(asked.verb, revision))
    after = await connection.request(
        "PATCH",
        path,
        ref,
        body={"metadata": {"annotations": {REQUEST_ANNOTATION: text}}},
        query={"fieldManager": MANAGER},
        content_type="application/merge-patch+json",
    )
    if after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]:
        raise click.ClickException(_twice(ref, text, status.request))
    record = await _answer(connection, path, ref, text, status.request)
    about, said = f"{ref.name}, revision {revision}", one_line(record.message)
    if not record.accepted:
        click.echo(f"{about}: {said}", err=True)
        sys.exit(1)
    if not (asked.wait and asked.verb in FOLLOWED):
        late = f"{about}: decided: {said}"
        told = await _until_written(connection, asked, ref, text, late)
        said = f"{said} (written by now)" if told else said
    click.echo(f"{about}: {said}")
    return revision


def _twice(ref: ObjectRef, text: str, last: RequestRecord | None) -> str:
    if last is not None and last.text == text and last.present:
        return (
            f'{ref} has the request "{text}" already, and linnet has handled it: it came with an'
            f" applied manifest, from which the annotation {REQUEST_ANNOTATION} should be removed"
        )
    return f'{ref} has the request "{text}" already, and linnet has not handled it yet'


async def _answer(
    connection: Connection, path: str, ref: ObjectRef, text: str, last: RequestRecord | None
) -> RequestRecord:
    end = time.monotonic() + ANSWER_WITHIN
    while time.monotonic() < end:
        record = _status(await connection.request("GET", path, ref)).request
        if record is not None and record.text == text and _is_new(record, last):
            return record
        await asyncio.sleep(POLL)
    raise click.ClickException(
        f'linnet has not handled "{text}" within {ANSWER_WITHIN:g} s. It will once it runs, unless'
        f" another revision comes first; kubectl annotate canary {ref.name} -n {ref.namespace}"
        f" {REQUEST_ANNOTATION}- takes the request back"
    )


def _is_new(record: RequestRecord, last: RequestRecord | None) -> bool:
    # `present` alone may change: that is the old record, whose annotation has just gone.
    return last is None or record.time != last.time


async def _until_written(
    connection: Connection, asked: _Asked, ref: ObjectRef, text: str, decided: str
) -> bool:
    """Wait until what linnet decided is in force; return whether somebody was told that it is not.

    It is told after a while, and is an error in the end.
    """
    path = CANARY.path(CANARY.versions[0], ref.namespace, ref.name)
    begun, told = time.monotonic(), ""
    longest = asked.seconds if asked.wait else ANSWER_WITHIN
    while True:
        seen = await connection.request("GET", path, ref)
        canary = await with_routes_if_stalled(connection, seen)
        if not _is_pending(canary, text) and not unwritten(canary):
            return bool(told)
        if (waited := time.monotonic() - begun) > min(longest, ANSWER_WITHIN):
            line = f"{decided}; {await _what_is_missing(connection, canary)}"
            if waited > longest:
                raise click.ClickException(
                    f"{line}. linnet tries again and again:"
                    f" linnet status {ref.name} -n {ref.namespace} tells how it stands"
                )
            if line != told:
                click.echo(line)
                told = line
        await asyncio.sleep(POLL)


def _is_pending(canary: Object, text: str) -> bool:
    """Tell whether linnet is still at what a request that it accepted calls for.

    The annotation is the last that it sees to; one that came with a manifest stays.
    """
    status = _status(canary)
    if status.declared_request == text:
        return False
    annotations = canary["metadata"].get("annotations") or {}
    return bool(annotations.get(REQUEST_ANNOTATION) == text)


async def _what_is_missing(connection: Connection, canary: Object) -> str:
    looked = await with_routes(connection, canary)
    missing = in_force(looked) or "the routes are written, but not all else that follows"
    why = stalled(looked.get("status") or {})
    return f"{missing} ({why})" if why else missing


async def _until_it_ends(
    connection: Connection, asked: _Asked, ref: ObjectRef, revision: str
) -> None:
    """Tell what happens to the revision until its release is over."""
    path = CANARY.path(CANARY.versions[0], ref.namespace, ref.name)
    end = time.monotonic() + asked.seconds
    told = ""
    while True:
        seen = await connection.request("GET", path, ref)
        canary = await with_routes_if_stalled(connection, seen)
        status, late = _status(canary), unwritten(canary)
        if status.revision != revision:
            raise click.ClickException(f"revision {status.revision} has taken its place")
        message = next((c.message for c in status.conditions if c.type == "Progressing"), "")
        line = f"{status.phase} at {status.canary_weight}%: {one_line(message)}"
        if late:
            line += f"; {late} ({stalled(canary['status'])})"
        if line != told:
            click.echo(line)
            told = line
        if status.phase is Phase.SUCCEEDED and not late:
            return
        if status.phase is Phase.FAILED and not late:
            sys.exit(1)
        if time.monotonic() > end:
            raise click.ClickException(f"still {status.phase} after {asked.seconds:g} s")
        await asyncio.sleep(POLL)


def _status(obj: Object) -> CanaryStatus:
    return CanaryStatus.from_object(obj.get("status") or {})


_END = "the release is over; the exit code is 0 if it was promoted"
_DONE = "it is in force: for abort, until the routes give the canary nothing"

promote = _command(
    Verb.PROMOTE,
    "Promote the revision under analysis now.",
    _END,
    "The rest of the analysis is skipped. All of the canary's pods must be ready, and the primary"
    " becomes ready before it gets its traffic back, as in any promotion.",
)
abort = _command(
    Verb.ABORT,
    "Take the release back now.",
    _DONE,
    "All traffic goes to the primary at once. The revision is not tried again before `linnet"
    " retry`, or a new revision.",
)
pause = _command(
    Verb.PAUSE,
    "Hold the weight of this release.",
    _DONE,
    "Checks go on, and may take the release back. The next revision is not paused.",
)
resume = _command(
    Verb.RESUME,
    "Let a paused release go on.",
    _DONE,
    "It ends a pause by `linnet pause`. A pause by spec.paused is ended where the spec is written.",
)
retry = _command(
    Verb.RETRY,
    "Release the failed revision once more.",
    _END,
    "The release begins at the first step, with no failed checks.",
)
skip_step = _command(
    Verb.SKIP_STEP,
    "Go up to the next step now.",
    _DONE,
    "The weight stays there for a whole interval. A paused release stays paused.",
)
