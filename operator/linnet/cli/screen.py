"""Where commands for people show things."""

from typing import IO, Final

import click
from rich.console import Console, RenderableType

_WIDTH: Final = 1000
"""Columns where there is no screen: a line of a file stays a line."""


def is_screen(stream: IO[str] | None) -> bool:
    """Tell whether a stream is a terminal; None is one that the caller has closed."""
    return stream is not None and stream.isatty()


def console() -> Console:
    """Return where to print: the terminal, or a pipe or file, in which no line is folded."""
    screen = Console(highlight=False)
    return screen if screen.is_terminal else Console(highlight=False, width=_WIDTH)


def show(what: RenderableType) -> None:
    """Print something once; where there is no screen, without blanks at the end of lines."""
    screen = console()
    if screen.is_terminal:
        screen.print(what)
        return
    with screen.capture() as captured:
        screen.print(what)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
