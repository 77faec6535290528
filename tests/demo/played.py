"""How a show ends, whichever it is: signals, exit codes, and what is said."""

import asyncio
import signal
import traceback
from collections.abc import Coroutine
from typing import Any, Final, Protocol

from cluster.errors import ClusterError
from cluster.local import Cluster
from demo.options import DemoError
from demo.output import Output
from linnet.errors import LinnetError

STOPPED: Final = 130
"""The exit code after Ctrl-C, SIGTERM or SIGHUP."""


class Told(Protocol):
    """What a show comes to."""

    @property
    def ok(self) -> bool:
        """Whether all that it promises came true."""


def played(show: Coroutine[Any, Any, Told], output: Output) -> int:
    """Run a show to its end, however it ends; returns the exit code."""
    try:
        result = asyncio.run(_until_a_signal(show))
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


async def _until_a_signal(show: Coroutine[Any, Any, Told]) -> Told:
    """Cancel the show on signals that end it, as asyncio does for Ctrl-C."""
    main = asyncio.current_task()
    assert main is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, main.cancel)
    return await show
