"""The first process in a cluster's namespaces: it starts the components and does as it is told.

    python -m cluster.supervisor FOLDER [--lifeline FD]

When it ends, the kernel ends everything else in the cluster. It ends when told so (`down`), at
SIGTERM, or when the other end of the pipe LIFELINE is closed, which the kernel sees to when the
process that started a throw-away cluster is gone.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from cluster import argocd
from cluster.boot import boot, boot_argocd, end_argocd
from cluster.components import components
from cluster.errors import ClusterError
from cluster.namespaces import set_up_network
from cluster.processes import Processes
from cluster.state import Folder


class Supervisor:
    """A cluster's life, from boot to down."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._processes = Processes(folder, components(folder))
        self._told: list[str] = []
        self._news = asyncio.Event()
        self._end: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def live(self) -> bool:
        """Boot, and serve requests until the end; returns whether to keep the logs."""
        server = await asyncio.start_unix_server(self._serve, self._folder.socket)
        async with server:
            self._booted = asyncio.create_task(boot(self._folder, self._processes, self._tell))
            # Whoever asks gets the error; none is lost when nobody does: it is in the log.
            self._booted.add_done_callback(self._log_failure)
            return await self._end

    def end(self, *, keep_logs: bool) -> None:
        """Have `live` return."""
        if not self._end.done():
            self._end.set_result(keep_logs)

    def _tell(self, text: str) -> None:
        print(text, flush=True)
        self._told.append(text)
        self._news.set()
        self._news = asyncio.Event()

    def _log_failure(self, booted: asyncio.Task[None]) -> None:
        if not booted.cancelled() and (error := booted.exception()):
            self._tell(f"boot failed: {error}")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def answer(**values: Any) -> None:
            writer.write(json.dumps(values).encode() + b"\n")
            await writer.drain()

        try:
            request = json.loads(await reader.readline() or b"{}")
            match request:
                case {"do": "boot"}:
                    await self._follow_boot(answer)
                case {"do": verb}:
                    await answer(result=await self._do(verb, request))
                case _:
                    pass  # someone asked for our credentials only
        except ClusterError as error:
            await answer(error=str(error))
        except ConnectionError:
            pass  # whoever asked is gone
        finally:
            writer.close()

    async def _follow_boot(self, answer: Any) -> None:
        told = 0
        while True:
            news = asyncio.ensure_future(self._news.wait())
            for text in self._told[told:]:
                await answer(tell=text)
                told += 1
            if self._booted.done():
                news.cancel()
                self._booted.result()
                await answer(result=None)
                return
            await asyncio.wait({news, self._booted}, return_when=asyncio.FIRST_COMPLETED)
            news.cancel()

    async def _do(self, verb: str, request: dict[str, Any]) -> Any:
        match verb:
            case "status":
                return self._processes.status()
            case "start" if request["component"] == argocd.NAME:
                return await boot_argocd(self._folder, self._processes)
            case "start":
                return await self._processes.start(request["component"])
            case "stop" if request["component"] == argocd.NAME:
                return await end_argocd(self._folder, self._processes)
            case "stop":
                return await self._processes.stop(request["component"])
            case "kill":
                return await self._processes.kill(request["component"])
            case "down":
                return self.end(keep_logs=request["keep_logs"])
            case _:
                raise ClusterError(f"The supervisor knows no request {verb!r}.")


async def supervise(folder: Folder, lifeline: int | None) -> bool:
    """Be the supervisor; returns whether to keep the logs."""
    supervisor = Supervisor(folder)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: supervisor.end(keep_logs=False))
    if lifeline is not None:
        # Nothing is ever written to it: readable means closed.
        loop.add_reader(lifeline, lambda: supervisor.end(keep_logs=True))
    return await supervisor.live()


def _end_everything() -> None:
    """Kill every process in our namespace but us, and wait for our children."""
    os.kill(-1, signal.SIGKILL)
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--lifeline", type=int)
def main(path: Path, lifeline: int | None) -> None:
    """Supervise the cluster whose files are in PATH."""
    if os.getpid() != 1:
        sys.exit("The supervisor must be the first process of a namespace: use `cluster up`.")
    set_up_network()
    folder = Folder(path)
    keep_logs = asyncio.run(supervise(folder, lifeline))
    _end_everything()
    folder.clear(keep_logs=keep_logs)
    folder.release()


if __name__ == "__main__":
    main()
