"""The command line. Each command is a module of its own, imported when it is called."""

from importlib import import_module

import click

from linnet import __version__

COMMANDS = {
    "run": "Run the operator, in a pod or anywhere else.",
    "status": "Show Canaries: phase, weight, revisions and the last decision in words.",
    "version": "Print the version.",
}
"""Each command's module and attribute have its name. The help of the group needs no import."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"linnet.cli.{cmd_name}"), cmd_name)
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
