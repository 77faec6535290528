"""`linnet simulate`: how releases of a Canary would go, before there is one."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from linnet.cli.manifests import read_canary
from linnet.cli.parameters import (
    SCRAPE_INTERVAL,
    check_traffic,
    number,
    primary_errors,
    share,
    span,
    timed,
)
from linnet.cli.screen import is_screen
from linnet.errors import LinnetError
from linnet.simulation.behaviour import Behaviour, Change
from linnet.simulation.experiment import Circumstances, Experiment
from linnet.simulation.summary import Summary
from linnet.simulation.traffic import Traffic
from linnet.simulation.trial import Decider
from linnet.simulation.world import Run

MAX_RUNS = 1_000_000
SWING = 0.6
"""Diurnal traffic goes up and down by this part of its mean."""
BURST = 5.0
"""Bursts of traffic are so many times as high."""

EPILOG = """
\b
Examples:
  # a release that fails 5% of its requests, over a base of 0.5%
  linnet simulate canary.yaml --rps 50 --primary-errors 0.5% --canary-errors 5%
\b
  # a healthy one: how often would it be taken back by mistake?
  linnet simulate canary.yaml --rps 50 --primary-errors 0.5% --runs 10000
\b
  # beside the rules of Flagger and Argo Rollouts, a tuned threshold and a z-test
  linnet simulate canary.yaml --canary-errors 5% --compare
\b
  # errors that come five at once, in bursts of traffic, after a cold start
  linnet simulate canary.yaml --traffic bursty --error-clusters 5 --cold-start 20%:10s
\b
  # for programs, and as a picture
  linnet simulate canary.yaml --canary-errors 0.05 --seed 1 --output json --plot release.svg
"""


@click.command(epilog=EPILOG)
@click.argument("file", metavar="FILE")
@click.option("--name", metavar="NAME", help="Which Canary, where FILE has several.")
@click.option(
    "--rps",
    type=number(1e6),
    default=50,
    show_default=True,
    help="Requests a second that users send, on average, to both versions together.",
)
@click.option(
    "--traffic",
    type=click.Choice(["steady", "diurnal", "bursty"]),
    default="steady",
    show_default=True,
    help="steady: the same rate all along. diurnal: up and down over a day, 60% of the mean each"
    " way, begun at any hour. bursty: 5 times as much for 20 s, every 2 minutes by chance.",
)
@primary_errors("0.5%")
@click.option(
    "--canary-errors",
    type=share,
    show_default="the primary's",
    help="The share of requests that the canary fails.",
)
@click.option(
    "--primary-latency",
    type=span("1ms", "1h"),
    default="100ms",
    show_default=True,
    help="The primary's 99th percentile of durations.",
)
@click.option(
    "--canary-latency",
    type=span("1ms", "1h"),
    show_default="the primary's",
    help="The canary's.",
)
@click.option(
    "--error-clusters",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="How many errors come at once, on both sides.",
)
@click.option(
    "--cold-start",
    type=timed(share, "20%:10s"),
    metavar="SHARE:DURATION",
    help="The canary fails this share at first, for so long.",
)
@click.option(
    "--late-fault",
    type=timed(share, "5%:3m"),
    metavar="SHARE:DURATION",
    help="The canary fails this share from then on.",
)
@click.option(
    "--drift",
    type=timed(number(1000), "2:10m"),
    metavar="FACTOR:DURATION",
    help="The errors of both sides grow evenly, to so many times by then.",
)
@click.option(
    "--lost-data",
    type=share,
    default="0%",
    show_default=True,
    help="The share of scrapes without data, of each side, as after resets of counters.",
)
@SCRAPE_INTERVAL
@click.option(
    "--for",
    "seconds",
    type=span(),
    show_default="twice what the steps take, at least 10 minutes more than they do",
    help="After this time a release counts as undecided.",
)
@click.option(
    "--runs",
    type=click.IntRange(1, MAX_RUNS),
    default=1000,
    show_default=True,
    help="How many releases.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=1,
    show_default=True,
    help="Another seed, other luck; the same seed, the same figures.",
)
@click.option("--compare", is_flag=True, help="Let other rules decide on the same traffic, too.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for programs.",
)
@click.option("--plot", metavar="FILE.svg", help="Draw it, as SVG.")
def simulate(file: str, name: str | None, output: str, plot: str | None, **options: Any) -> None:
    """Try an analysis on simulated releases: how often, how soon, at what cost.

    FILE is a manifest with one Canary; - reads it from stdin. Its analysis decides as in the
    operator. Traffic, errors and durations are drawn by chance, as the options say.
    """
    if plot and not plot.endswith(".svg"):
        raise click.BadParameter(f"{plot} must end in .svg", param_hint="--plot")
    if plot and not Path(plot).parent.is_dir():
        raise click.BadParameter(f"there is no folder {Path(plot).parent}", param_hint="--plot")
    try:
        canary = read_canary(file, name)
    except LinnetError as error:
        raise click.ClickException(str(error)) from error
    if canary.spec.skip_analysis:
        raise click.ClickException(
            f"{file}: Canary {canary.name} has skipAnalysis: true, so nothing would be decided:"
            " leave it out to simulate the analysis"
        )
    check_traffic(canary, options["rps"])
    experiment = Experiment.of(
        canary.spec.analysis, circumstances(options), seconds=options["seconds"]
    )
    others = experiment.compared() if options["compare"] else ()
    summaries = {
        decider.name: summarise(experiment, decider, options["runs"], options["seed"])
        for decider in (experiment.decider, *others)
    }
    _show(canary.name, experiment, options, summaries, output, plot)


def circumstances(options: dict[str, Any]) -> Circumstances:
    """Return what the options say of traffic and of both versions."""
    factor, by = options["drift"] or (1.0, 600.0)
    both = {"drift": factor, "drift_seconds": by, "cluster": options["error_clusters"]}
    changes = []
    if options["cold_start"]:
        rate, end = options["cold_start"]
        changes.append(Change(rate, end=end))
    if options["late_fault"]:
        rate, start = options["late_fault"]
        changes.append(Change(rate, start=start))
    errors, latency = options["primary_errors"], options["primary_latency"]
    canary_errors, canary_latency = options["canary_errors"], options["canary_latency"]
    return Circumstances(
        traffic_of(options["traffic"], options["rps"]),
        Behaviour(errors, p99=1000 * latency, **both),
        Behaviour(
            errors if canary_errors is None else canary_errors,
            tuple(changes),
            p99=1000 * (latency if canary_latency is None else canary_latency),
            **both,
        ),
        options["scrape_interval"],
        options["lost_data"],
    )


def traffic_of(kind: str, rps: float) -> Traffic:
    """Return traffic of one of the kinds, `rps` on average without its bursts."""
    if kind == "diurnal":
        return Traffic(rps, swing=SWING)
    return Traffic(rps, burst=BURST) if kind == "bursty" else Traffic(rps)


def summarise(experiment: Experiment, decider: Decider, runs: int, seed: int) -> Summary:
    """Play the releases; a terminal is shown how far it is."""
    found: list[Run] = []
    with click.progressbar(
        experiment.play(decider, runs, seed),
        length=runs,
        label=decider.name,
        file=sys.stderr,
        hidden=not is_screen(sys.stderr),
        update_min_steps=max(1, runs // 100),
    ) as progress:
        found.extend(progress)
    return Summary.of(found, experiment.circumstances.scrape)


def _show(
    name: str,
    experiment: Experiment,
    options: dict[str, Any],
    summaries: dict[str, Summary],
    output: str,
    plot: str | None,
) -> None:
    from linnet.cli import simulate_report as report

    notes = [
        f"{metric.name} has a query of its own, which nobody can simulate: checks go by the other"
        " metrics"
        for metric in experiment.unmeasured
    ]
    own, *rest = summaries
    if plot:
        _write(plot, report.picture(name, options["scrape_interval"], summaries))
    if output == "json":
        shown = {
            "canary": name,
            "seed": options["seed"],
            **summaries[own].to_object(),
            "notes": notes,
        }
        if rest:
            shown["compared"] = {other: summaries[other].to_object() for other in rest}
        click.echo(json.dumps(shown, indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    for part in report.text(name, experiment, options["runs"], summaries, notes):
        console.print(part)


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error


__all__: Sequence[str] = ["simulate"]
