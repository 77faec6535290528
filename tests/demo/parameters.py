"""Options that the command lines of all demos have."""

from collections.abc import Callable

import click

from cluster.behaviour import parse_tag
from demo.options import Options
from demo.output import is_plain

Decorated = Callable[..., None]


def common(defaults: Options) -> Callable[[Decorated], Decorated]:
    """Return a decorator that adds the versions, --rps and --plain to a command.

    `plain` is true where standard output is no terminal, too.
    """

    def decorate(command: Decorated) -> Decorated:
        options = (
            _version("--stable", defaults.stable, "The version that serves at first."),
            _version("--good", defaults.good, "The version of the first release."),
            _version("--bad", defaults.bad, "The version of the second release."),
            click.option(
                "--rps",
                type=click.FloatRange(10, 500),
                default=defaults.rps,
                show_default=True,
                help="Requests a second.",
            ),
            click.option(
                "--plain",
                is_flag=True,
                callback=_plain,
                help="Lines as in a log; so are pipes and NO_COLOR=1.",
            ),
        )
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def check_versions(told: Options) -> None:
    """Raise click.UsageError where two of the versions are the same."""
    if len({told.stable, told.good, told.bad}) < 3:
        raise click.UsageError("--stable, --good and --bad must differ")


def _version(name: str, default: str, text: str) -> Callable[[Decorated], Decorated]:
    return click.option(
        name, default=default, show_default=True, metavar="TAG", callback=_tag, help=text
    )


def _tag(_context: click.Context, option: click.Parameter, value: str) -> str:
    try:
        parse_tag(value)
    except ValueError as error:
        raise click.BadParameter(str(error), param=option) from error
    return value


def _plain(_context: click.Context, _option: click.Parameter, value: bool) -> bool:
    return value or is_plain()
