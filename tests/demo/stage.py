"""Outside the cluster: build its programs, bring it up, run the show inside, take it down."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rich.markup import escape

from cluster import binaries
from cluster import build as building
from cluster.errors import ClusterError
from cluster.local import NAME_VARIABLE, Cluster
from cluster.progress import LiveProgress, PlainProgress
from cluster.state import STATE_VARIABLE
from demo.example import image
from demo.options import APP, HOST, NAMESPACE, DemoError, Options
from demo.output import Output
from demo.played import STOPPED


@dataclass(frozen=True)
class Piece:
    """What is played, as far as it matters outside the cluster.

    `module` is what runs inside, `command` how people start it. One with `tools` needs programs
    that no cluster starts with.
    """

    module: str
    command: str
    introduction: str
    tools: bool = False


RELEASES = Piece(
    "demo.inside",
    "make demo",
    "linnet demo: a Kubernetes cluster with Istio starts on this machine, out of plain processes."
    " Then a good version of an app is released, and a bad one. That takes about a minute and a"
    " half; Ctrl-C ends it.\n",
)
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def play(options: Options, output: Output, *, keep: bool, piece: Piece = RELEASES) -> int:
    """Run the whole demo; returns the exit code. ClusterError or DemoError when it can't be."""
    if NAME_VARIABLE in os.environ:  # this process runs in a cluster: ours is another one
        os.environ.pop(STATE_VARIABLE, None)
    cluster = Cluster.named(options.name)
    if cluster.running:
        raise DemoError(
            f"The demo {options.name!r} is up already. End it with"
            f" `{end_command(options.name, piece.command)}`,"
            " or give this one another --name."
        )
    output.say(piece.introduction)
    with _stopped_by_signals():
        try:
            _build(output, tools=piece.tools)
            with output.doing(
                "starting the cluster",
                "cluster up: Kubernetes API server, istiod, Envoy, Prometheus",
            ) as tell:
                cluster.up(throw_away=not keep, tell=tell)
        except KeyboardInterrupt:
            cluster.down()
            output.say("\nStopped. Nothing is left behind but the programs built so far.")
            return STOPPED
        except ClusterError as error:
            if cluster.folder.logs.exists():
                raise ClusterError(f"{error}\nAll logs are in {cluster.folder.logs}.") from error
            raise
    return _in_cluster(cluster, options, output, piece, keep=keep)


def _in_cluster(
    cluster: Cluster, options: Options, output: Output, piece: Piece, *, keep: bool
) -> int:
    code = 1
    try:
        code = _run(cluster, options, piece)
    finally:
        with _signals_ignored():
            if code == STOPPED or not keep:
                _take_down(cluster, code, output)
            else:
                output.say(_usage(cluster))
    return code


def _run(cluster: Cluster, options: Options, piece: Piece) -> int:
    """Run the show inside. Ctrl-C reaches it from the terminal; other signals are passed on."""
    line, environment = cluster.inside([sys.executable, "-m", piece.module, options.to_text()])
    stopped = False

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True
        if number != signal.SIGINT:
            process.terminate()

    with _handled(stop):
        process = subprocess.Popen(line, env=environment)
        code = process.wait()
    return STOPPED if stopped and code else code


def _take_down(cluster: Cluster, code: int, output: Output) -> None:
    began = time.monotonic()
    failed = code not in (0, STOPPED)
    if code == STOPPED:
        output.say("\nStopped: ending the cluster and linnet.")
    cluster.down(keep_logs=failed)
    if failed:
        output.problem(
            "the demo did not show what it promises. The cluster is down, its logs are in"
            f" {cluster.folder.logs}: linnet.log is linnet's."
        )
    else:
        output.done("cluster and linnet ended; nothing is left behind", time.monotonic() - began)


def end(name: str, output: Output) -> None:
    """End a demo that was kept."""
    cluster = Cluster.named(name)
    was_running = cluster.running
    cluster.down()
    output.done(f"The demo {name!r} has ended." if was_running else f"No demo {name!r} was up.")


def end_command(name: str, command: str = RELEASES.command) -> str:
    """Return the command that ends a demo."""
    own = name == Options.name or command != RELEASES.command
    return f"{command} ARGS=--end" if own else f"{command} ARGS='--end --name {name}'"


def _usage(cluster: Cluster) -> str:
    tools = Path(sys.executable).parent
    for name in ("linnet", "kubectl-linnet"):  # as `kubectl linnet`, too
        (cluster.folder.programs / name).symlink_to(tools / name)
    python = os.path.relpath(sys.executable)
    return f"""
The cluster and linnet are still up (KEEP=1). For a command inside, in this folder:

  alias demo='PYTHONPATH=tests {python} -m cluster exec --name {cluster.name} --'

  demo kubectl -n {NAMESPACE} get canaries,deployments,pods
  demo linnet status -n {NAMESPACE} {APP} --watch
  demo {python} -m cluster.load --host {HOST} --duration 300
  demo kubectl -n {NAMESPACE} set image deployment/{APP} {APP}={image("1.3.0-slow-900")}

A release is judged on requests: keep the third command running. What the tag of an image says, pods
do: docs/local-cluster.md. Logs are in {cluster.folder.logs}.

End it with: {end_command(cluster.name)}"""


def _build(output: Output, *, tools: bool) -> None:
    if not binaries.missing(tools=tools):
        return
    if output.plain:
        building.build(PlainProgress(), tools=tools)
    else:
        output.say("The cluster's programs are built from source once, and kept.")
        with LiveProgress(output.console) as progress:
            building.build(progress, tools=tools)
    output.done(f"programs built, kept in {escape(str(binaries.cache_folder()))}")


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Have SIGTERM and SIGHUP do what Ctrl-C does."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handled(stop):
        yield


@contextmanager
def _signals_ignored() -> Iterator[None]:
    with _handled(lambda _number, _frame: None):
        yield


@contextmanager
def _handled(handler: "signal._HANDLER") -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in ENDING}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
