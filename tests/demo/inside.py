"""What runs in the cluster's namespaces: `python -m demo.inside OPTIONS`, started by `stage`."""

import sys
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from cluster.local import Cluster
from demo.frame import Frame
from demo.lines import Lines
from demo.options import Options
from demo.output import Output
from demo.picture import save
from demo.played import played
from demo.screen import render
from demo.show import Show
from demo.summary import Result, view

PRINTED_ROWS = 24


class Screen:
    """The live view on a terminal. A context manager: afterwards the terminal is as before."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(Text(), console=console, screen=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, frame: Frame) -> None:
        """Show this moment in place of the one before."""
        width, height = self._console.size
        self._live.update(render(frame, width, height), refresh=True)


async def _on_screen(show: Show, output: Output) -> Result:
    """Run the show on the whole terminal; leave its last moment there, however it ended."""
    try:
        with Screen(output.console) as screen:
            return await show.run(screen)
    finally:
        if show.started:
            last = render(show.frame(over=True), output.console.width, PRINTED_ROWS)
            output.show(last)


async def _run(options: Options, output: Output) -> Result:
    show = Show(options, Cluster.current(), output)
    try:
        await show.set_up()
        if output.plain:
            result = await show.run(Lines(output.say))
        else:
            result = await _on_screen(show, output)
        last = show.frame(over=True)
    finally:
        await show.close()
    output.say()
    output.show(view(result) if output.plain else Padding(view(result), (0, 2)))
    if options.picture:
        save(options.picture, last, result)
    return result


if __name__ == "__main__":
    (text,) = sys.argv[1:]
    told = Options.from_text(text)
    screen_or_log = Output(plain=told.plain)
    sys.exit(played(_run(told, screen_or_log), screen_or_log))
