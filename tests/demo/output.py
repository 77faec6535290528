"""Where the demo speaks: a terminal, or a log that gets line after line."""

import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, cast

from rich.console import Console, RenderableType
from rich.markup import escape

Tell = Callable[[str], None]


def is_plain() -> bool:
    """Tell whether standard output is no terminal, or one whose user wants no colours."""
    return (
        not sys.stdout.isatty()
        or bool(os.environ.get("NO_COLOR"))
        or os.environ.get("TERM", "dumb") == "dumb"
    )


class _Audience:
    """Standard output. That nobody is there any more is met as a terminal's hang-up: SIGHUP.

    It comes once, from a pipe whose reader has ended or a terminal that was closed; all that is
    said later is for nobody, and keeps nothing from being taken down.
    """

    encoding = "utf-8"

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()

    def write(self, text: str) -> int:
        with self._hearing():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._hearing():
            self._stream.flush()

    def isatty(self) -> bool:
        """Tell whether it was a terminal: a closed one is none, and a live view would be mute."""
        return self._terminal

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def _stream(self) -> IO[str]:
        # A live view puts a proxy in its place, which leads back to the console.
        return cast("IO[str]", getattr(sys.stdout, "rich_proxied_file", sys.stdout))

    @contextmanager
    def _hearing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO):
                raise
            with suppress(OSError):  # what is buffered is to go somewhere, even at the exit
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            signal.raise_signal(signal.SIGHUP)


class Output:
    """Says things, in colours and with moving parts unless `plain`."""

    def __init__(self, *, plain: bool) -> None:
        self.plain = plain
        stream = cast("IO[str]", _Audience())
        self.console = (
            Console(
                file=stream,
                no_color=True,
                color_system=None,
                highlight=False,
                soft_wrap=True,
                width=100,
            )
            if plain
            else Console(file=stream, highlight=False)
        )

    def say(self, text: str = "", style: str = "") -> None:
        """Print a line."""
        self.console.print(text, style=style, markup=False)

    def show(self, what: RenderableType) -> None:
        """Print something that rich can render."""
        self.console.print(what, soft_wrap=False)

    def problem(self, text: str) -> None:
        """Print what went wrong."""
        self.say(f"{'FAILED: ' if self.plain else '✘ '}{text}", style="bold red")

    def done(self, text: str, seconds: float | None = None) -> None:
        """Print what is done, and how long it took."""
        took = "" if seconds is None else f" ({seconds:.1f} s)"
        if self.plain:
            self.say(f"-> {text}{took}")
        else:
            self.console.print(f"[green]✔[/green] {escape(text)}[dim]{took}[/dim]")

    @contextmanager
    def doing(self, text: str, done: str) -> Iterator[Tell]:
        """Say that something is being done, what comes of it meanwhile, and that it is done."""
        began = time.monotonic()
        if self.plain:
            self.say(f"=> {text}")
            yield lambda news: self.say(f"   {news}")
        else:
            with self.console.status(escape(text)) as status:
                yield lambda news: status.update(f"{escape(text)} [dim]· {escape(news)}[/dim]")
        self.done(done, time.monotonic() - began)
