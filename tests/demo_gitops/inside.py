"""What runs in the cluster's namespaces: `python -m demo_gitops.inside OPTIONS`."""

import asyncio
import signal
import sys
import traceback

from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from cluster.errors import ClusterError
from cluster.local import Cluster
from demo.inside import STOPPED
from demo.options import DemoError, Options
from demo.output import Output
from demo_gitops.frame import Frame
from demo_gitops.show import Show
from demo_gitops.summary import Result, view
from demo_gitops.view import Lines, render
from linnet.errors import LinnetError


class Screen:
    """The live view on a terminal."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, frame: Frame) -> None:
        """Show this moment in place of the one before."""
        self._live.update(render(frame, self._live.console.width), refresh=True)


async def _run(options: Options, output: Output) -> Result:
    main = asyncio.current_task()
    assert main is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, main.cancel)
    async with Show(options, Cluster.current(), output) as show:
        if output.plain:
            result = await show.run(Lines(output.say))
        else:
            with Live(Text(), console=output.console, auto_refresh=False) as live:
                result = await show.run(Screen(live))
    output.say()
    output.show(view(result) if output.plain else Padding(view(result), (0, 2)))
    return result


def run(options: Options) -> int:
    """Run the show; returns the exit code."""
    output = Output(plain=options.plain)
    try:
        result = asyncio.run(_run(options, output))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return STOPPED
    except (DemoError, ClusterError, LinnetError, AssertionError) as error:
        output.say()
        output.problem(str(error))
        return 1
    except Exception as error:
        log = Cluster.current().folder.log("demo")
        log.write_text(traceback.format_exc())
        output.problem(f"the demo itself has a bug: {error!r}. {log} has the details.")
        return 1
    return 0 if result.ok else 1


if __name__ == "__main__":
    (text,) = sys.argv[1:]
    sys.exit(run(Options.from_text(text)))
