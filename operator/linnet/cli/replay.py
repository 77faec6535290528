"""`linnet replay`: what an analysis would have decided on what really happened."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import click

from linnet.cli.manifests import read_analysis, read_canary, stdin
from linnet.cli.parameters import moment, namespace_name, span
from linnet.cli.replay_report import clock, table, totals, verdicts
from linnet.cli.screen import console
from linnet.errors import LinnetError, SpecError, UnavailableError
from linnet.simulation.hindsight import Reckoning, Truth, reckon
from linnet.simulation.recording import Recording, read
from linnet.simulation.replay import Candidate, first_traffic
from linnet.simulation.replay import replay as replay_recording

EPILOG = """
\b
Examples:
  # what the default guard says to recorded traffic
  linnet replay --samples release.jsonl
\b
  # with the analysis of a Canary; from another program
  my-export | linnet replay --samples - --canary canary.yaml
\b
  # every release of the last week that Prometheus remembers, against what happened
  linnet replay --prometheus http://127.0.0.1:9090 --canary canary.yaml --from 168h --summary
\b
  # two other analyses side by side with it
  linnet replay --samples release.jsonl --canary canary.yaml --policy strict.yaml --policy lax.yaml
\b
One interval a line, all equally long; times are its end, counts its increments:
  {"time": 15, "canary": {"requests": 75, "errors": 4}, "primary": {"requests": 675, "errors": 3}}
A side may have "slow", how many requests took long; a side that is missing had no data. How to log
in to Prometheus is set in the environment, as for linnet run.
"""


@click.command(epilog=EPILOG)
@click.option(
    "--samples", metavar="FILE", help="Recorded traffic as JSON Lines; - reads it from stdin."
)
@click.option(
    "--prometheus",
    metavar="URL",
    help="Replay the past releases of the Canary's target that this Prometheus remembers.",
)
@click.option(
    "--from",
    "start",
    type=moment,
    default="24h",
    show_default=True,
    metavar="TIME",
    help="With --prometheus: from when on. 2026-01-31T12:00:00Z, or how long ago: 2h.",
)
@click.option(
    "--to", "end", type=moment, default="0s", show_default="now", metavar="TIME", help="Until when."
)
@click.option(
    "-n",
    "--namespace",
    type=namespace_name,
    metavar="NAME",
    help="With --prometheus: where the target is.  [default: the manifest's, else default]",
)
@click.option(
    "--scrape-interval",
    type=span("10ms", "1h"),
    metavar="DURATION",
    help="With --prometheus: how often it scrapes.  [default: found out]",
)
@click.option(
    "--canary",
    metavar="FILE",
    help="The manifest of the Canary whose analysis decides. Without, the guard with its defaults"
    " does, without steps and checks.",
)
@click.option("--name", metavar="NAME", help="Which Canary, where the manifest has several.")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="FILE",
    help="Try this analysis, too: of a Canary, or alone under a key analysis. Repeatable.",
)
@click.option(
    "--summary",
    is_flag=True,
    help="What it would have done against what happened, in place of every interval. Of several"
    " analyses, the first one's guard says what counts as worse.",
)
@click.option(
    "--canary-was",
    type=click.Choice(["good", "bad"]),
    help="What the canary was in truth, for the summary. [default: by all its requests]",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["json", "text"]),
    default="json",
    show_default=True,
    help="JSON Lines for programs, or a table for people.",
)
def replay(
    samples: str | None,
    canary: str | None,
    name: str | None,
    policies: tuple[str, ...],
    summary: bool,
    canary_was: str | None,
    output: str,
    **past: Any,
) -> None:
    """See what an analysis would have decided on recorded traffic.

    The very code of the operator decides. It ends with the interval in which the release is over
    for the analysis, by a rollback or a promotion.
    """
    try:
        candidates = _candidates(canary, name, policies, samples)
        if past["prometheus"]:
            recordings = _remembered(canary, name, samples, past)
        else:
            recordings = {"": _read(samples)}
    except LinnetError as error:
        raise click.ClickException(str(error)) from error
    for candidate in candidates:
        for metric in candidate.unmeasured():
            click.echo(
                f"Note: {candidate.name}: {metric.name} is not among what was recorded: checks go"
                " by the other metrics.",
                err=True,
            )
    if summary:
        truth = {None: None, "good": Truth.NO_WORSE, "bad": Truth.WORSE}[canary_was]
        found = [
            reckon(candidate, recording, candidates[0].guard, release=release, truth=truth)
            for candidate in candidates
            for release, recording in recordings.items()
        ]
        _show_summary(found, output)
        return
    _show_lines(candidates, recordings, output)


def _remembered(
    path: str | None, name: str | None, samples: str | None, past: dict[str, Any]
) -> dict[str, Recording]:
    """Return the releases that Prometheus remembers, by when they began."""
    from linnet.cli.replay_past import releases  # takes long: not for --samples

    if samples or not path:
        raise SpecError(
            "InvalidSamples",
            "--prometheus needs --canary FILE, which says whose releases; and no --samples",
        )
    canary = read_canary(path, name)
    namespace = past["namespace"] or canary.namespace or "default"
    found = releases(canary, namespace, past)
    if not found:
        ends = " and ".join(clock(past[end]) for end in ("start", "end"))
        raise UnavailableError(
            f"{past['prometheus']} remembers no requests to {namespace}/{canary.target_name}"
            f" between {ends}: nothing to replay (--from reaches further back, --namespace"
            " elsewhere)"
        )
    return {clock(one.began + first_traffic(one) * one.seconds): one for one in found}


def _read(samples: str | None) -> Recording:
    if not samples:
        raise SpecError("InvalidSamples", "say what to replay: --samples FILE, or --prometheus URL")
    if samples == "-":
        return read(_text(stdin(), "stdin"), "stdin")
    try:
        with Path(samples).open(encoding="utf-8") as file:
            return read(_text(file, samples), samples)
    except OSError as error:
        raise SpecError("InvalidSamples", f"{samples} cannot be read: {error.strerror}") from error


def _text(file: TextIO, source: str) -> Iterator[str]:
    try:
        yield from file
    except UnicodeDecodeError as error:
        raise SpecError(
            "InvalidSamples", f"{source} is no text in UTF-8: {error.reason}"
        ) from error


def _candidates(
    canary: str | None, name: str | None, policies: Sequence[str], samples: str | None
) -> list[Candidate]:
    if [samples, canary, *policies].count("-") > 1:
        raise SpecError("InvalidSamples", "only one of the files can be stdin (-)")
    found = []
    if canary:
        read_one = read_canary(canary, name)
        found.append(Candidate(read_one.name, read_one.spec.analysis))
    for path in policies:
        title, analysis = read_analysis(path)
        taken = {candidate.name for candidate in found}
        found.append(Candidate(path if title in taken else title, analysis))
    return found or [Candidate("default guard")]


def _show_lines(
    candidates: Sequence[Candidate], recordings: dict[str, Recording], output: str
) -> None:
    lines: Iterator[dict[str, Any]] = (
        {
            **({"policy": candidate.name} if len(candidates) > 1 else {}),
            **({"release": release} if release else {}),
            **judged.to_object(),
        }
        for candidate in candidates
        for release, recording in recordings.items()
        for judged in replay_recording(candidate, recording)
    )
    if output == "json":
        for line in lines:
            click.echo(json.dumps(line))
        return
    console().print(table(lines))


def _show_summary(found: Sequence[Reckoning], output: str) -> None:
    summaries = totals(found)
    if output == "json":
        for one in summaries:
            click.echo(json.dumps(one))
        return
    console().print(verdicts(summaries))
