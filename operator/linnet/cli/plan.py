"""`linnet plan`: what a Canary will do, told from its manifests before the merge."""

import json
import sys
from collections.abc import Callable
from typing import Any

import click
from rich.console import Console

from linnet.api.canary import Canary
from linnet.api.names import GROUP, KIND, VERSION
from linnet.cli import plan_sources
from linnet.cli.manifests import canaries_in
from linnet.cli.parameters import (
    CONTEXT,
    SCRAPE_INTERVAL,
    check_traffic,
    namespace_name,
    number,
    primary_errors,
)
from linnet.cli.plan_sources import render
from linnet.cli.screen import is_screen
from linnet.errors import LinnetError, SpecError
from linnet.planning.assumptions import Assumptions
from linnet.planning.finding import Severity, is_worse_or_as_bad
from linnet.planning.manifests import CANARY, Manifests
from linnet.planning.plan import Plan, plan_of

QUICK_RUNS = 25
ASSUMED_RPS = 50.0
ASSUMED_ERRORS = 0.005
EVALUATIONS = 12
"""About how many error rates are tried for one Canary: what a progress bar goes by."""
FINDINGS = 1
"""The exit code where something is amiss."""
WIDTH = 100
"""Columns of text that goes to a file or a pipe."""

EPILOG = """
\b
Examples:
  # what is in a folder: YAML, or a kustomization, which is built
  linnet plan deploy/overlays/production
\b
  # what Helm makes of a chart
  helm template charts/shop | linnet plan -
\b
  # at the traffic of the last hour
  linnet plan . --prometheus-url http://prometheus.example.com:9090
  linnet plan . --context production --prometheus-url http://prometheus.istio-system:9090
\b
  # in CI: a comment for the pull request; fails where something does not work
  linnet plan . -o markdown > comment.md
  linnet plan . --fail-on warning
"""


@click.command(epilog=EPILOG)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option(
    "-n",
    "--namespace",
    type=namespace_name,
    default="default",
    show_default=True,
    metavar="NAME",
    help="The namespace of objects that name none.",
)
@click.option("--name", metavar="NAME", help="Only the Canary of this name.")
@click.option(
    "--rps",
    type=number(1e6),
    show_default=f"{ASSUMED_RPS:g}, or what Prometheus says",
    help="Requests a second that users send to both versions together.",
)
@primary_errors(otherwise=f"{ASSUMED_ERRORS:.1%}, or what Prometheus says")
@click.option(
    "--prometheus-url",
    default="",
    metavar="URL",
    help="Take the rate and the errors of the last hour from this Prometheus. With --context or"
    " --kubeconfig one inside the cluster will do, such as http://prometheus.istio-system:9090."
    "  [default: with these, the Canary's spec.metricsServer]",
)
@click.option("--kubeconfig", metavar="FILE", default="", help="Whose cluster to ask.")
@CONTEXT
@SCRAPE_INTERVAL
@click.option(
    "--runs",
    type=click.IntRange(10, 10_000),
    default=100,
    show_default=True,
    help="How many releases are simulated for each error rate.",
)
@click.option("--quick", is_flag=True, help=f"The same as --runs {QUICK_RUNS}.")
@click.option(
    "--fail-on",
    type=click.Choice([each.value for each in Severity]),
    default=Severity.ERROR.value,
    show_default=True,
    help="Exit with 1 if there is a finding as bad as this.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="For people, for programs, or for a comment on a pull request.",
)
def plan(paths: tuple[str, ...], output: str, fail_on: str, **options: Any) -> None:
    """Tell what Canaries will do, from their manifests: before the merge.

    For each Canary in PATH (a folder, a file, or - for stdin; default: this folder): what linnet
    creates and changes, when its releases step, how many requests they carry, and the smallest
    error rate that is noticed. The very code of the operator decides; nothing is sent to a cluster.

    Exit codes: 0 all is well, 1 a finding (see --fail-on), 2 what was given cannot be read.
    """
    try:
        plans = _plans(paths or (".",), options)
    except LinnetError as error:
        raise _UnreadableError(str(error)) from error
    _show(plans, output)
    limit = Severity(fail_on)
    if any(is_worse_or_as_bad(one.severity, limit) for plan in plans for one in plan.findings):
        sys.exit(FINDINGS)


class _UnreadableError(click.ClickException):
    exit_code = 2


def _plans(paths: tuple[str, ...], options: dict[str, Any]) -> list[Plan]:
    read = plan_sources.read(paths, options["namespace"])
    for chart in read.charts:
        click.echo(f"Note: {chart} is a Helm chart, and passed over: {render(chart)}", err=True)
    manifests = Manifests.of(read.manifests)
    chosen = [one for one in manifests.of_kind(CANARY) if options["name"] in (None, one.ref.name)]
    if not chosen:
        raise SpecError("InvalidManifest", _nothing(paths, options["name"], manifests))
    canaries = canaries_in(read.documents[id(one.object)] for one in chosen)
    wanted = list(zip(chosen, canaries, strict=True))
    runs = QUICK_RUNS if options["quick"] else options["runs"]
    plans = []
    with click.progressbar(
        length=len(wanted) * EVALUATIONS * runs,
        label="simulating releases",
        file=sys.stderr,
        hidden=not is_screen(sys.stderr),
        update_min_steps=runs // 10,
    ) as bar:
        tell: Callable[[], None] = lambda: bar.update(1)  # noqa: E731 - a name for its type
        for manifest, canary in wanted:
            assumed = _assumed(canary, options)
            plans.append(plan_of(manifest, canary, manifests, assumed, runs, tell))
    return plans


def _assumed(canary: Canary, options: dict[str, Any]) -> Assumptions:
    """Return the traffic to go by: what was given, what Prometheus has seen, what is usual."""
    rps, errors, scrape = options["rps"], options["primary_errors"], options["scrape_interval"]
    check_traffic(canary, rps)
    given = [n for n, v in (("--rps", rps), ("--primary-errors", errors)) if v is not None]
    rest = "given by " + " and ".join(given) if given else ""
    if len(given) == 2:
        return Assumptions(rps, errors, scrape, rest)
    found, who = None, "assumed: --rps, --primary-errors" if not given else ""
    if options["prometheus_url"] or options["kubeconfig"] or options["context"]:
        from linnet.cli.plan_traffic import seen

        found, server = seen(
            canary, options["prometheus_url"], options["kubeconfig"], options["context"]
        )
        who = f"in the last hour, by {server}"
        if found is None:
            who = f"assumed: {server} knows of no request in the last hour"
    usual = found or (ASSUMED_RPS, ASSUMED_ERRORS)
    return Assumptions(
        usual[0] if rps is None else rps,
        usual[1] if errors is None else errors,
        scrape,
        "; ".join(filter(None, (rest, who))),
        known=errors is not None or found is not None,
    )


def _nothing(paths: tuple[str, ...], name: str | None, manifests: Manifests) -> str:
    where = ", ".join("stdin" if path == "-" else path for path in paths)
    if name is not None:
        names = ", ".join(one.ref.name for one in manifests.of_kind(CANARY)) or "no Canary at all"
        return f"{where} has no Canary {name}: there is {names}"
    theirs = next((one for one in manifests.all if one.kind == KIND), None)
    if theirs is not None:
        version = theirs.object.get("apiVersion", "no apiVersion")
        return f"{theirs.at()}: a Canary of {version}: write apiVersion: {GROUP}/{VERSION}"
    kinds = ", ".join(sorted({one.kind for one in manifests.all}))
    return f"{where} has no Canary" + (f", only {kinds}" if kinds else " and no other object")


def _show(plans: list[Plan], output: str) -> None:
    if output == "json":
        click.echo(json.dumps({"canaries": [one.to_object() for one in plans]}, indent=2))
        return
    if output == "markdown":
        from linnet.cli.plan_markdown import markdown

        click.echo(markdown(plans), nl=False)
        return
    from linnet.cli.plan_text import text

    console = Console(highlight=False, width=None if is_screen(sys.stdout) else WIDTH)
    with console.capture() as shown:
        for one in plans:
            for part in text(one, console.width):
                console.print(part)
            console.print()
    click.echo("\n".join(line.rstrip() for line in shown.get().rstrip().splitlines()))
