"""`linnet run` as a process: it starts, says how it is, and leaves in good order."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from integration.operator_lab import kubeconfig
from linnet.adapters.connection import Connection
from linnet.adapters.lease import DURATION

pytestmark = pytest.mark.usefixtures("crds")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Process:
    """One `linnet run`."""

    def __init__(self, log: Path, *arguments: str) -> None:
        self.log = log
        self.port = free_port()
        self._arguments = arguments
        self.process: asyncio.subprocess.Process | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Process"]:
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "linnet",
                "run",
                f"--metrics-bind=127.0.0.1:{self.port}",
                *self._arguments,
                stderr=log,
            )
        try:
            yield self
        finally:
            if self.process.returncode is None:
                self.process.kill()
            await self.process.wait()

    async def get(self, path: str) -> tuple[int, str]:
        """Return status and text of an HTTP endpoint; status 0 while nobody listens."""
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.port}{path}") as response,
            ):
                return response.status, await response.text()
        except aiohttp.ClientConnectionError:
            return 0, ""

    async def until(self, path: str, holds: Callable[[int, str], bool], seconds: float = 60) -> str:
        """Wait until an endpoint answers as it should; return its text."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            status, text = await self.get(path)
            if holds(status, text):
                return text
            log = self.log.read_text(encoding="utf-8")
            assert loop.time() < end, f"{path} still says {status} {text!r}; log:\n{log}"
            await asyncio.sleep(0.05)

    async def until_leading(self, seconds: float = 60) -> None:
        await self.until("/readyz", lambda _, text: text == "ok: leading\n", seconds)

    async def stop(self, number: signal.Signals) -> float:
        """Send a signal; return how long the process took to exit, which must be with 0."""
        assert self.process is not None
        loop = asyncio.get_running_loop()
        began = loop.time()
        self.process.send_signal(number)
        code = await asyncio.wait_for(self.process.wait(), 60)
        assert code == 0, self.log.read_text(encoding="utf-8")
        return loop.time() - began


@pytest.fixture
def lease() -> str:
    """The name of a lease that no other test has held."""
    return f"linnet-{uuid4().hex}"


@pytest.fixture
def arguments(namespace: str, lease: str) -> tuple[str, ...]:
    """What every process here is told: to leave all other tests' namespaces alone."""
    return (
        f"--kubeconfig={kubeconfig()}",
        f"--namespace={namespace}",
        f"--lease-namespace={namespace}",
        f"--lease-name={lease}",
        "--prometheus-url=http://127.0.0.1:9",
    )


async def holder(namespace: str, lease: str) -> str:
    connection = await Connection.open()
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{lease}"
    try:
        live = await connection.request("GET", path, "the test")
    finally:
        await connection.close()
    return str(live["spec"].get("holderIdentity", ""))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
async def test_it_gets_ready_and_leaves_in_good_order(
    namespace: str,
    lease: str,
    arguments: tuple[str, ...],
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    async with Process(tmp_path / "log", *arguments, "--identity=a").running() as linnet:
        await linnet.until_leading()
        assert await linnet.get("/healthz") == (200, "ok\n")
        assert await holder(namespace, lease) == "a"
        assert await linnet.stop(number) < 5
    assert await holder(namespace, lease) == ""
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert "ERROR" not in log


async def test_it_tells_of_itself_in_prometheus_own_form(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    async with Process(tmp_path / "log", *arguments, "--identity=a").running() as linnet:
        await linnet.until_leading()
        status, text = await linnet.get("/metrics")
        assert status == 200
        for name in (
            "linnet_leader",
            "linnet_canaries",
            "linnet_canary_status",
            "linnet_canary_weight",
            "linnet_canary_releases_total",
            "linnet_reconcile_seconds",
            "linnet_reconcile_errors_total",
            "linnet_api_requests_total",
            "linnet_loop_lag_seconds",
            "linnet_prometheus_queries_total",
            "process_resident_memory_bytes",
        ):
            assert f"# HELP {name} " in text
        assert "linnet_leader 1.0\n" in text


async def test_a_second_one_stands_by_and_takes_over_when_the_first_leaves(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    async with (
        Process(tmp_path / "a", *arguments, "--identity=a").running() as a,
        Process(tmp_path / "b", *arguments, "--identity=b").running() as b,
    ):
        for process in (a, b):
            await process.until(
                "/readyz", lambda status, text: status == 200 and "nobody yet" not in text
            )
        leader, other = (a, b) if "leading" in (await a.get("/readyz"))[1] else (b, a)
        assert "standing by for" in (await other.get("/readyz"))[1]
        await leader.stop(signal.SIGTERM)
        await other.until_leading(DURATION / 2)


async def test_after_kill_9_the_next_process_goes_on_at_once(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    async with Process(tmp_path / "log", *arguments, "--identity=a").running() as linnet:
        await linnet.until_leading()
    async with Process(tmp_path / "log", *arguments, "--identity=a").running() as linnet:
        await linnet.until("/healthz", lambda status, _: status == 200)
        await linnet.until_leading(DURATION / 2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(
            ["--kubeconfig=/does/not/exist"], "there is no file /does/not/exist", id="no kubeconfig"
        ),
        pytest.param(["--context=nowhere"], "nowhere", id="no such context"),
        pytest.param(["--metrics-bind=8080x"], "no [HOST]:PORT", id="no address"),
        pytest.param(["--metrics-bind=192.0.2.1:80"], "--metrics-bind", id="not our address"),
        pytest.param(["--prometheus-url=x"], "must begin with http", id="no URL"),
        pytest.param(["--log-format=xml"], "'text', 'json'", id="no such format"),
    ],
)
async def test_what_it_cannot_be_told_is_refused_in_one_sentence(
    arguments: list[str], says: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "linnet", "run", *arguments),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "KUBECONFIG": str(kubeconfig())},
    )
    _, stderr = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode in (1, 2)
    assert says in stderr.decode()
    assert "Traceback" not in stderr.decode()
