"""The command line. Each command is a module of its own, imported when it is called."""

from importlib import import_module

import click

from linnet import __version__

COMMANDS = {
    "abort": "Take the release back now.",
    "explain": "Tell why a release stands where it does, and what would change that.",
    "pause": "Hold the weight of this release.",
    "plan": "Tell what Canaries will do, from their manifests: before the merge.",
    "promote": "Promote the revision under analysis now.",
    "replay": "See what an analysis would have decided on recorded traffic.",
    "resume": "Let a paused release go on.",
    "retry": "Release the failed revision once more.",
    "run": "Run the operator, in a pod or anywhere else.",
    "simulate": "Try an analysis on simulated releases: how often, how soon, at what cost.",
    "skip-step": "Go up to the next step now.",
    "status": "Show Canaries: phase, weight, revisions and the last decision in words.",
    "version": "Print the version.",
}
"""The commands in a line each: the help of the group needs no import."""

TOGETHER = dict.fromkeys(
    ("abort", "pause", "promote", "resume", "retry", "skip-step"), "linnet.cli.requests"
)
"""The module of commands that share one. The others have a module of their name."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(TOGETHER.get(cmd_name, f"linnet.cli.{cmd_name}"))
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="linnet %(version)s")
def main() -> None:
    """Progressive canary delivery on Istio.

    Also installed as a kubectl plugin: `kubectl linnet status`.
    """
