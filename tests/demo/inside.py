"""What runs in the cluster's namespaces: `python -m demo.inside OPTIONS`, started by `stage`."""

import asyncio
import signal
import sys
import traceback
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from cluster.errors import ClusterError
from cluster.local import Cluster
from demo.frame import Frame
from demo.lines import Lines
from demo.options import DemoError, Options
from demo.output import Output
from demo.picture import save
from demo.screen import render
from demo.show import Show
from demo.summary import Result, view
from linnet.errors import LinnetError

STOPPED = 130
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
    main = asyncio.current_task()
    assert main is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, main.cancel)
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


def run(options: Options) -> int:
    """Run the show; returns the exit code."""
    output = Output(plain=options.plain)
    try:
        result = asyncio.run(_run(options, output))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return STOPPED
    except (DemoError, ClusterError, LinnetError) as error:
        output.say()
        output.problem(str(error))
        return 1
    except Exception as error:
        log = Cluster.current().folder.log("demo")
        log.write_text(traceback.format_exc())
        output.problem(f"the demo itself has a bug: {error!r}. {log} has the details.")
        return 1
    return 0 if result.ok else 1


def main(arguments: Any = None) -> None:
    """Entry point."""
    (text,) = arguments or sys.argv[1:]
    sys.exit(run(Options.from_text(text)))


if __name__ == "__main__":
    main()
