"""The command line: `python -m demo_gitops`, or `make demo-gitops`."""

import sys
from dataclasses import replace
from typing import Any

import click

from cluster.errors import ClusterError
from demo.options import DemoError, Options
from demo.output import Output
from demo.parameters import check_versions, common

NAME = "demo-gitops"
DEFAULTS = Options(name=NAME, interval="3s")
EPILOG = """
\b
Examples:
  make demo-gitops
  make demo-gitops ARGS='--bad 1.2.0-slow-900'   a release that is slow instead of wrong
  make demo-gitops ARGS=--end                    end what is left of one that was killed
\b
A version's tag says how it behaves: errors-N, resets-N (percent), slow-MS. docs/local-cluster.md
has all of them.

The exit code is 0 only if all that the demo promises came true.
"""


@click.command(
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@common(DEFAULTS)
@click.option("--end", is_flag=True, help="Show nothing: end a demo that is left over.")
def main(*, end: bool, **options: Any) -> None:
    """Watch a team release by commits, with Argo CD and linnet on one VirtualService.

    Git has two Deployments and a VirtualService at 90/10; Argo CD syncs with prune and selfHeal;
    linnet moves the weights. Real requests go through an Envoy the whole time, and each is counted.
    Afterwards nothing is left behind.
    """
    told = replace(DEFAULTS, **options)
    check_versions(told)
    output = Output(plain=told.plain)
    from demo import stage  # reads much of the cluster's code: not for --help

    piece = stage.Piece(
        "demo_gitops.inside",
        "make demo-gitops",
        "linnet demo, with Git: a Kubernetes cluster with Istio and Argo CD starts on this machine,"
        " out of plain processes. Then a team releases a good version and a bad one, by commits"
        " only. That takes about two minutes; Ctrl-C ends it.\n",
        tools=True,
    )
    try:
        if end:
            stage.end(told.name, output)
            return
        sys.exit(stage.play(told, output, keep=False, piece=piece))
    except (ClusterError, DemoError) as error:
        output.problem(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m demo_gitops")
