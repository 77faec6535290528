"""The command line. Each command is a module of its own, imported when it is called."""

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from typing import Any

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


EPILOG = """
\b
Examples:
  linnet plan deploy/                what the Canaries of a pull request will do
  linnet simulate canary.yaml        how soon an analysis sees a bad release, how often it is wrong
  linnet status -A                   all Canaries, and how their releases stand
  linnet explain podinfo --watch     why a release stands where it does, live
  linnet abort podinfo               take it back now
\b
Each command has a --help with examples of its own.
"""

INTERRUPTED = 130
"""The exit code after Ctrl-C."""
DEBUG = "LINNET_DEBUG"
"""The environment variable that has a bug show where it is."""
_ARGUMENTS = "linnet.arguments"
_JSON = re.compile(r"(-[a-zA-Z]*o|--output)[ =]?json")


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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        near = get_close_matches(args[0], COMMANDS, n=1)
        if near and args[0] not in COMMANDS:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Who asked for JSON gets JSON whatever happens; nobody gets a traceback."""
        try:
            return _without_traceback(super().invoke, ctx)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except click.ClickException as error:
            if _asks_for_json(ctx.meta[_ARGUMENTS]):
                with suppress(OSError):  # as when the disk is full, which may be the error
                    click.echo(json.dumps({"error": error.format_message()}))
            raise


def _without_traceback(invoke: Callable[[click.Context], Any], ctx: click.Context) -> Any:
    try:
        return invoke(ctx)
    except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
        raise
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"{named}{error.strerror or error}") from error
    except Exception as error:
        if os.environ.get(DEBUG) or ctx.invoked_subcommand == "run":  # the operator's log needs it
            raise
        name = type(error).__name__
        raise click.ClickException(
            f"this is a bug in linnet ({name}: {error}): {DEBUG}=1 shows where, for a report"
        ) from error


def _asks_for_json(arguments: Sequence[str]) -> bool:
    return any(
        _JSON.fullmatch(each) or _JSON.fullmatch(f"{each} {after}")
        for each, after in zip(arguments, (*arguments[1:], ""), strict=True)
    )


@click.group(
    cls=_LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="linnet %(version)s")
def main() -> None:
    """Progressive canary delivery on Istio.

    Also installed as a kubectl plugin: `kubectl linnet status`.
    """
