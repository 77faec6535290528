"""The command line: `python -m demo`, or `make demo`."""

import sys
from typing import Any

import click

from cluster.errors import ClusterError
from demo.options import DemoError, Options
from demo.output import Output
from demo.parameters import check_versions, common
from linnet.api.duration import parse_duration

EPILOG = """
\b
Examples:
  make demo                          a good release, then a bad one, live
  KEEP=1 make demo                   leave cluster and linnet up afterwards
  make demo ARGS=--end               end what KEEP=1 left
  make demo ARGS='--bad 2.0.0-slow-900'      a release that is slow instead
  make demo ARGS='--interval 10s --rps 200'  checks every 10 s, more traffic
  make demo ARGS=--fast              checks every second
\b
A version's tag says how it behaves: errors-N, resets-N (percent), slow-MS, never-ready, crash.
docs/local-cluster.md has all of them.

The exit code is 0 only if the good version was promoted without a single failed request, and the
bad one was taken back.
"""


def _interval(_context: click.Context, option: click.Parameter, value: str) -> str:
    try:
        seconds = parse_duration(value).total_seconds()
    except ValueError as error:
        raise click.BadParameter(str(error), param=option) from error
    if not 1 <= seconds <= 60:
        raise click.BadParameter("must be from 1s to 60s", param=option)
    return value


@click.command(
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@common(Options())
@click.option(
    "--interval",
    default=Options.interval,
    show_default=True,
    metavar="DURATION",
    callback=_interval,
    help="The time between two checks of a release, from 1s to 60s.",
)
@click.option("--fast", is_flag=True, help="The same as --interval 1s.")
@click.option("--name", default=Options.name, show_default=True, help="What the cluster is called.")
@click.option(
    "--keep/--no-keep",
    envvar="KEEP",
    show_envvar=True,
    help="Leave cluster and linnet up afterwards.",
)
@click.option("--end", is_flag=True, help="Show nothing: end a demo that was kept.")
@click.option(
    "--picture",
    metavar="FILE",
    type=click.Path(dir_okay=False, writable=True, resolve_path=True),
    help="Save the screen at the end as SVG.",
)
def main(*, end: bool, keep: bool, fast: bool, **options: Any) -> None:
    """Watch linnet release a good version and take back a bad one.

    A Kubernetes cluster is started out of plain processes, in namespaces of its own: API server,
    istiod, Envoy, Prometheus, and linnet. Real requests go through the Envoy gateway the whole
    time, and each is counted. Afterwards nothing is left behind.
    """
    if fast:
        options["interval"] = "1s"
    told = Options(**options)
    check_versions(told)
    output = Output(plain=told.plain)
    from demo import stage  # reads much of the cluster's code: not for --help

    try:
        if end:
            stage.end(told.name, output)
            return
        sys.exit(stage.play(told, output, keep=keep))
    except (ClusterError, DemoError) as error:
        output.problem(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m demo")
