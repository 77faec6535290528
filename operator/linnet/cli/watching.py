"""Showing things for as long as somebody looks."""

import asyncio
import select
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Final, TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from linnet.cli.conditions import one_line
from linnet.cli.context import may_pass
from linnet.cli.screen import console
from linnet.errors import LinnetError

Found = TypeVar("Found")

REFRESH: Final = 1.0
"""Seconds between two looks."""
_REFUSALS: Final = 5
"""Looks in a row that may be refused after an outage.

An API server that has just started refuses for a moment what it allows: it does not know the roles
yet.
"""


async def watch(
    look: Callable[[], Awaitable[Found]],
    view: Callable[[Found, datetime], RenderableType],
    news: Callable[[Found, datetime], Iterable[RenderableType]],
) -> None:
    """Look again and again, and show what there is, until somebody ends it.

    On a screen that is `view`, in place of what was there before. Elsewhere it is a stream of
    `news`, what is new since the last call: printed once, and at once. It ends when nobody reads
    it any more.

    Raises what the first look raises. Later ones go on until the API server answers again, and a
    line says so; LinnetError is raised only where it refuses.
    """
    screen = console()
    if screen.is_terminal and not screen.is_dumb_terminal:
        await _fill(screen, look, view)
    else:
        await _stream(screen, look, news)


async def _fill(
    screen: Console,
    look: Callable[[], Awaitable[Found]],
    view: Callable[[Found, datetime], RenderableType],
) -> None:
    with Live(console=screen, auto_refresh=False, screen=True) as live:
        last: RenderableType = ""
        async for found in _looks(look):
            if isinstance(found, _Outage):
                told = Text(f"As of {found.seen:%H:%M:%S} UTC; {found}", style="yellow")
                live.update(Group(told, Text(), last), refresh=True)
            else:
                last = view(found, _now())
                live.update(last, refresh=True)


async def _stream(
    screen: Console,
    look: Callable[[], Awaitable[Found]],
    news: Callable[[Found, datetime], Iterable[RenderableType]],
) -> None:
    told = False
    async for found in _looks(look):
        if _is_deserted(screen.file):
            return
        now = _now()
        out = isinstance(found, _Outage)
        if out != told:
            screen.print(Text(f"{now:%Y-%m-%dT%H:%M:%SZ}  {found if out else 'in sight again'}"))
            told = out
        if not isinstance(found, _Outage):
            for part in news(found, now):
                screen.print(part)
        screen.file.flush()


@dataclass(frozen=True, slots=True)
class _Outage:
    """A look that failed: why, and when the last one did not."""

    seen: datetime
    why: str

    def __str__(self) -> str:
        return f"out of sight, trying again: {self.why}"


async def _looks(look: Callable[[], Awaitable[Found]]) -> AsyncIterator[Found | _Outage]:
    """Yield what there is, look by look; see `watch` for errors."""
    yield await look()
    seen = _now()
    is_out, refusals = False, 0
    while True:
        await asyncio.sleep(REFRESH)
        try:
            found = await look()
        except LinnetError as error:
            refusals = 0 if may_pass(error) else refusals + 1
            if refusals > (_REFUSALS if is_out else 0):
                raise
            is_out = True
            yield _Outage(seen, one_line(str(error)))
        else:
            seen, is_out, refusals = _now(), False, 0
            yield found


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
