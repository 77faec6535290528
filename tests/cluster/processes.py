"""Starting, watching and ending the processes of a cluster's components."""

import asyncio
import os
import select
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from cluster.components import Component
from cluster.errors import ClusterError
from cluster.state import Folder

READY_WITHIN = 120.0
STOP_WITHIN = 15.0
POLL_SECONDS = 0.05
TAIL_LINES = 15


@dataclass(frozen=True)
class Status:
    """How one component does. `memory` is resident, in bytes; `cpu` is used so far, in seconds."""

    name: str
    state: str
    pid: int = 0
    seconds: float = 0.0
    memory: int = 0
    cpu: float = 0.0

    @property
    def running(self) -> bool:
        return self.state == "running"


@dataclass
class _Process:
    pid: int
    exit: asyncio.Future[int]
    began: float = field(default_factory=time.monotonic)


class Processes:
    """The components' processes. Use it in one event loop, as the first process of a namespace.

    It reaps every process that ends, its own children and those that were left to it.
    """

    def __init__(self, folder: Folder, components: Mapping[str, Component]) -> None:
        self._folder = folder
        self._components = dict(components)
        self._running: dict[str, _Process] = {}
        self._exits: dict[int, asyncio.Future[int]] = {}
        self._starts: Counter[str] = Counter()
        self._locks = {name: asyncio.Lock() for name in components}
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._reap)

    def add(self, components: Iterable[Component]) -> None:
        """Know these components too, from now on."""
        for component in components:
            self._components.setdefault(component.name, component)
            self._locks.setdefault(component.name, asyncio.Lock())

    async def start(self, name: str) -> float:
        """Start a component unless it runs, and return after how many seconds it was ready.

        ClusterError when it ends instead, or isn't ready in time.
        """
        component = self._component(name)
        async with self._locks[name]:
            if self._alive(name):
                return 0.0
            began = time.monotonic()
            process = self._spawn(component)
            try:
                async with asyncio.timeout(READY_WITHIN):
                    await self._ready(component, process)
            except TimeoutError as error:
                raise ClusterError(
                    f"{name} is not ready after {READY_WITHIN:.0f} s.\n{self._tail(name)}"
                ) from error
            return time.monotonic() - began

    async def stop(self, name: str) -> None:
        """End a component as a node would: SIGTERM, and SIGKILL when that takes too long."""
        await self._end(name, signal.SIGTERM)

    async def kill(self, name: str) -> None:
        """End a component at once, with no chance to clean up."""
        await self._end(name, signal.SIGKILL)

    async def run(self, name: str, command: Sequence[str]) -> None:
        """Run a command to its end; its output goes to the log `name`. ClusterError if it fails."""
        process = self._spawn(Component(name, tuple(command)))
        if code := await process.exit:
            raise ClusterError(f"{name} failed with exit code {code}.\n{self._tail(name)}")

    def status(self) -> list[dict[str, Any]]:
        """A `Status`, as a dictionary, for each component."""
        return [asdict(self._status(name)) for name in self._components]

    def _component(self, name: str) -> Component:
        if name not in self._components:
            raise ClusterError(
                f"There is no component {name!r}; there are {', '.join(self._components)}."
            )
        return self._components[name]

    def _alive(self, name: str) -> bool:
        process = self._running.get(name)
        return process is not None and not process.exit.done()

    def _spawn(self, component: Component) -> _Process:
        log = self._folder.log(component.name)
        arguments = component.arguments(self._starts[component.name])
        self._starts[component.name] += 1
        with log.open("ab") as errors, Path(component.output or log).open("ab") as output:
            child = subprocess.Popen(
                (*component.command, *arguments),
                env=os.environ | component.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
        exit_code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        # We reap by process ID: from here on the object that Popen made would only be in the way.
        child.returncode = 0
        process = _Process(child.pid, exit_code)
        self._exits[child.pid] = exit_code
        self._running[component.name] = process
        return process

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            exit_code = self._exits.pop(pid, None)
            if exit_code is not None:
                exit_code.set_result(os.waitstatus_to_exitcode(status))

    async def _ready(self, component: Component, process: _Process) -> None:
        if not component.ready_url:
            return
        timeout = aiohttp.ClientTimeout(total=2)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while not await _answers(session, component.ready_url):
                if process.exit.done():
                    raise ClusterError(
                        f"{component.name} ended with exit code {process.exit.result()} before it"
                        f" was ready.\n{self._tail(component.name)}"
                    )
                await asyncio.sleep(POLL_SECONDS)

    async def _end(self, name: str, number: signal.Signals) -> None:
        self._component(name)
        async with self._locks[name]:
            if self._alive(name):
                process = self._running[name]
                os.kill(process.pid, number)
                try:
                    await asyncio.wait_for(asyncio.shield(process.exit), STOP_WITHIN)
                except TimeoutError:
                    os.kill(process.pid, signal.SIGKILL)
                    await process.exit
            self._running.pop(name, None)

    def _status(self, name: str) -> Status:
        process = self._running.get(name)
        if process is None:
            return Status(name, "stopped")
        if process.exit.done():
            return Status(name, f"ended ({process.exit.result()})")
        memory, cpu = _usage(process.pid)
        return Status(name, "running", process.pid, time.monotonic() - process.began, memory, cpu)

    def _tail(self, name: str) -> str:
        lines = self._folder.log(name).read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join(f"    {line}" for line in lines)


@contextmanager
def ended(pid: int, within: float) -> Iterator[None]:
    """Wait, at the end of the block, until a process has ended: one that need not be our child."""
    descriptor = os.pidfd_open(pid)
    try:
        yield
        select.select([descriptor], [], [], within)
    finally:
        os.close(descriptor)


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        # The API server's certificate is of an authority that was made a moment ago.
        async with session.get(url, ssl=False) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def _usage(pid: int) -> tuple[int, float]:
    """Resident memory in bytes and processor time in seconds; zeros when it has just ended."""
    try:
        # The second field, the name, may hold anything, but no `)` follows it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0, 0.0
    user, system, resident = int(fields[11]), int(fields[12]), int(fields[21])
    return resident * os.sysconf("SC_PAGE_SIZE"), (user + system) / os.sysconf("SC_CLK_TCK")
