"""The command line of the test cluster."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from cluster import argocd, binaries
from cluster import build as building
from cluster.errors import ClusterError
from cluster.local import NAME_VARIABLE, Cluster
from cluster.progress import LiveProgress, PlainProgress
from cluster.state import DEFAULT_NAME, STATE_VARIABLE, Settings

EXAMPLES = """
\b
Examples:
  python -m cluster up                       start the cluster `local`
  $(python -m cluster env --kubectl) get pods -A
  python -m cluster exec -- bash             a shell in which KUBECONFIG is set
  python -m cluster exec --ephemeral -- pytest tests/integration
  python -m cluster restart kube-apiserver
  python -m cluster down
"""

name_option = click.option(
    "--name",
    default=DEFAULT_NAME,
    show_default=True,
    envvar=NAME_VARIABLE,
    show_envvar=True,
    help="Which cluster: any number of them run side by side.",
)
scrape_option = click.option(
    "--scrape-interval",
    default=Settings.scrape_interval,
    show_default=True,
    help="How often Prometheus asks, in its notation: 500ms, 1s, 5s.",
)


class _Group(click.Group):
    """Prints a ClusterError as what it is: something for people to read."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ClusterError as error:
            click.secho(f"error: {error}", fg="red", err=True)
            ctx.exit(1)


@click.group(cls=_Group, epilog=EXAMPLES)
def main() -> None:
    """A Kubernetes cluster with Istio and Prometheus, made of plain processes.

    It needs no containers and no root, and can't be seen from outside its own network namespace.
    """


@main.command()
def build() -> None:
    """Build the cluster's programs, once, into the cache folder."""
    with _terminated_by_exception():
        _build(tools=True)
    click.echo(f"All programs are built: {binaries.cache_folder()}")


@main.command()
@name_option
@scrape_option
def up(name: str, scrape_interval: str) -> None:
    """Start a cluster in the background and return when it is ready."""
    with _terminated_by_exception():
        _build()
        cluster = Cluster.named(name)
        cluster.up(scrape_interval=scrape_interval, tell=_tell)
    click.echo(
        f"\nkubectl:  {cluster.folder.kubectl} get pods -A\n"
        f"inside:   python -m cluster exec --name {name} -- COMMAND\n"
        f"logs:     {cluster.folder.logs}\n"
        f"end it:   python -m cluster down --name {name}"
    )


@main.command()
@name_option
@click.option("--keep-logs", is_flag=True, help="Leave the logs where they are.")
def down(name: str, keep_logs: bool) -> None:
    """End a cluster and remove what it left."""
    cluster = Cluster.named(name)
    was_running = cluster.running
    cluster.down(keep_logs=keep_logs)
    click.echo(f"The cluster {name!r} is down." if was_running else f"No cluster {name!r} was up.")
    if keep_logs and cluster.folder.logs.exists():
        click.echo(f"Its logs are in {cluster.folder.logs}.")


@main.command()
@name_option
def status(name: str) -> None:
    """Show how each component does.

    The exit code is 1 when one does not run, and 3 when no such cluster is up.
    """
    cluster = Cluster.named(name)
    if not cluster.running:
        click.echo(f"No cluster {name!r} is up.")
        sys.exit(3)
    components = cluster.status()
    table = Table("component", "state", box=None, header_style="bold")
    for title in ("pid", "up for", "memory", "CPU"):
        table.add_column(title, justify="right")
    for component in components:
        if component.running:
            table.add_row(
                component.name,
                component.state,
                str(component.pid),
                f"{component.seconds:.0f} s",
                f"{component.memory / 2**20:.0f} MiB",
                f"{component.cpu / component.seconds:.1%}",
            )
        else:
            table.add_row(component.name, f"[red]{component.state}[/red]")
    table.add_section()
    table.add_row("all", "", "", "", f"{sum(c.memory for c in components) / 2**20:.0f} MiB")
    Console().print(table)
    if not all(component.running for component in components):
        sys.exit(1)


@main.command()
@name_option
@click.option("--kubectl", is_flag=True, help="Print only the path of a kubectl that works here.")
def env(name: str, kubectl: bool) -> None:
    """Print shell exports that describe a running cluster.

    The addresses work inside the cluster's network only: in `python -m cluster exec`. From outside
    use the kubectl that is named.
    """
    cluster = _running(name)
    if kubectl:
        click.echo(cluster.folder.kubectl)
        return
    for variable, value in cluster.environment.items():
        click.echo(f"export {variable}={shlex.quote(value)}")
    click.echo(f"# From outside: {cluster.folder.kubectl} get pods -A")


@main.command()
@name_option
@click.argument("component")
def start(name: str, component: str) -> None:
    """Start a component that was stopped, or `argocd`, with which no cluster starts."""
    if component == argocd.NAME:
        _build(tools=True)
    _running(name).start(component)


@main.command()
@name_option
@click.argument("component")
def stop(name: str, component: str) -> None:
    """Stop a component."""
    _running(name).stop(component)


@main.command()
@name_option
@click.argument("component")
def restart(name: str, component: str) -> None:
    """Restart a component and return when it is ready."""
    _running(name).restart(component)


@main.command("exec", context_settings={"ignore_unknown_options": True})
@name_option
@scrape_option
@click.option(
    "--ephemeral",
    is_flag=True,
    help="Use a fresh cluster, which ends with the command. Its logs stay when the command fails.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(name: str, scrape_interval: str, ephemeral: bool, command: tuple[str, ...]) -> None:
    """Run a command inside a cluster; the exit code is the command's."""
    if not ephemeral:
        line, environment = _running(name).inside(command)
        os.execve(line[0], line, environment)  # noqa: S606  # no shell is the point
    # Its folder is its own, even when this process runs in another cluster.
    os.environ.pop(STATE_VARIABLE, None)
    cluster = Cluster.named(f"{DEFAULT_NAME}-{os.getpid()}")
    code = 1
    with _terminated_by_exception():
        _build(tools=True)
        try:
            cluster.up(scrape_interval=scrape_interval, throw_away=True, tell=_tell)
            line, environment = cluster.inside(command)
            code = _run(line, environment)
        finally:
            cluster.down(keep_logs=code != 0)
    if code and cluster.folder.logs.exists():
        click.echo(f"The cluster's logs are in {cluster.folder.logs}.", err=True)
    sys.exit(code)


def _run(line: list[str], environment: dict[str, str]) -> int:
    """Run a command to its end. Ctrl-C is left to the command, SIGTERM is passed on."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = subprocess.Popen(
        line, env=environment, preexec_fn=lambda: signal.signal(signal.SIGINT, before)
    )
    try:
        return process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
        if process.poll() is None:
            process.terminate()
            process.wait()


@contextmanager
def _terminated_by_exception() -> Iterator[None]:
    """Have SIGTERM and SIGHUP raise SystemExit, so that what was begun is cleaned up."""

    def leave(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {n: signal.signal(n, leave) for n in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _running(name: str) -> Cluster:
    cluster = Cluster.named(name)
    if not cluster.running:
        raise ClusterError(
            f"No cluster {name!r} is up. Start it with `python -m cluster up`, or give"
            " `exec --ephemeral`."
        )
    return cluster


def _build(*, tools: bool = False) -> None:
    console = Console(stderr=True)
    if not binaries.missing(tools=tools):
        return
    if console.is_terminal:
        with LiveProgress(console) as progress:
            building.build(progress, tools=tools)
    else:
        building.build(PlainProgress(), tools=tools)


def _tell(text: str) -> None:
    click.echo(f"  {text}", err=True)
