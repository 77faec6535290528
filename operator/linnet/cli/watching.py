"""Where commands for people show things: once, or for as long as somebody looks."""

import asyncio
import select
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import IO, Final, TypeVar

import click
from rich.console import Console, RenderableType
from rich.live import Live

Found = TypeVar("Found")

REFRESH: Final = 1.0
"""Seconds between two looks."""
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


async def watch(
    look: Callable[[], Awaitable[Found]],
    view: Callable[[Found, datetime], RenderableType],
    news: Callable[[Found, datetime], Iterable[RenderableType]],
) -> None:
    """Look again and again, and show what there is, until somebody ends it.

    On a screen that is `view`, in place of what was there before. Elsewhere it is a stream of
    `news`, what is new since the last call: printed once, and at once. It ends when nobody reads
    it any more.
    """
    screen = console()
    if screen.is_terminal and not screen.is_dumb_terminal:
        with Live(console=screen, auto_refresh=False, screen=True) as live:
            while True:
                live.update(view(await look(), _now()), refresh=True)
                await asyncio.sleep(REFRESH)
    while not _is_deserted(screen.file):
        for part in news(await look(), _now()):
            screen.print(part)
        screen.file.flush()
        await asyncio.sleep(REFRESH)


def _is_deserted(stream: IO[str]) -> bool:
    """Tell whether this is a pipe that nobody reads from any more."""
    watched = select.poll()
    try:
        watched.register(stream.fileno(), 0)
    except (OSError, ValueError):
        return False  # not a file of the system's
    return any(event & select.POLLERR for _, event in watched.poll(0))


def _now() -> datetime:
    return datetime.now(UTC)
