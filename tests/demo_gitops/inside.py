"""What runs in the cluster's namespaces: `python -m demo_gitops.inside OPTIONS`."""

import sys

from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from cluster.local import Cluster
from demo.options import DemoError, Options
from demo.output import Output
from demo.played import played
from demo_gitops.frame import Frame
from demo_gitops.show import Show
from demo_gitops.summary import Result, view
from demo_gitops.view import Lines, render


class Screen:
    """The live view on a terminal."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, frame: Frame) -> None:
        """Show this moment in place of the one before."""
        self._live.update(render(frame, self._live.console.width), refresh=True)


async def _run(options: Options, output: Output) -> Result:
    try:
        async with Show(options, Cluster.current(), output) as show:
            if output.plain:
                result = await show.run(Lines(output.say))
            else:
                with Live(Text(), console=output.console, auto_refresh=False) as live:
                    result = await show.run(Screen(live))
    except AssertionError as error:  # what it shares with the tests tells so what did not come
        raise DemoError(str(error)) from error
    output.say()
    output.show(view(result) if output.plain else Padding(view(result), (0, 2)))
    return result


if __name__ == "__main__":
    (text,) = sys.argv[1:]
    told = Options.from_text(text)
    screen_or_log = Output(plain=told.plain)
    sys.exit(played(_run(told, screen_or_log), screen_or_log))
