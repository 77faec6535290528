"""The load generator against servers that misbehave."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from click.testing import CliRunner

from cluster.load import Load, main
from unit.cluster.waiting import until

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Target:
    """A server that answers each connection by a function, and keeps what it was sent."""

    def __init__(self, answer: Answer) -> None:
        self.received: list[bytes] = []
        self.address = ("127.0.0.1", 0)
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received.append(await reader.readuntil(b"\r\n\r\n"))
        await self._answer(reader, writer)
        writer.close()


@asynccontextmanager
async def target(answer: Answer) -> AsyncIterator[Target]:
    made = Target(answer)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    async with server:
        made.address = server.sockets[0].getsockname()
        yield made


def saying(*parts: bytes) -> Answer:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return answer


async def once(server: Target, **options: Any) -> Load:
    """A load of one request, after its end."""
    async with Load(server.address, host="web", rps=1000, duration=0.001, **options) as load:
        await load.wait()
    return load


OK = b"HTTP/1.1 200 OK\r\nx-version: 1.0\r\nx-pod: web-1\r\ncontent-length: 0\r\n\r\n"
UNHEALTHY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 19\r\n\r\nno healthy upstream"


@pytest.mark.parametrize(
    ("parts", "status", "reason"),
    [
        pytest.param([OK], 200, "", id="a pod's answer"),
        pytest.param([OK[:20], OK[20:]], 200, "", id="an answer in pieces"),
        pytest.param([UNHEALTHY], 503, "503: no healthy upstream", id="a proxy's answer"),
        pytest.param(
            [b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"],
            404,
            "404: no route, or nothing said",
            id="a proxy without a route",
        ),
        pytest.param([], 0, "closed before the answer", id="no answer at all"),
        pytest.param([UNHEALTHY[:-3]], 0, "closed before the answer", id="half an answer"),
        pytest.param([b"SSH-2.0-OpenSSH\r\n"], 0, "Expected HTTP/", id="not HTTP"),
    ],
)
async def test_each_request_has_its_fate(parts: list[bytes], status: int, reason: str) -> None:
    async with target(saying(*parts)) as server:
        async with Load(server.address, host="web", rps=1000, duration=0.003) as load:
            await load.wait()
        requests = load.requests()
        assert [request.status for request in requests] == [status] * 3
        assert all(reason in request.reason for request in requests)
        # Sent once and never again, whatever came of it.
        assert len(server.received) == 3


async def test_the_answer_names_version_and_pod() -> None:
    async with target(saying(OK)) as server:
        load = await once(server)
    [request] = load.requests()
    assert (request.version, request.pod, request.ok) == ("1.0", "web-1", True)
    assert load.by_version() == {"1.0": 1}
    assert load.failed() == []


async def test_a_request_carries_host_path_and_headers() -> None:
    async with target(saying(OK)) as server:
        await once(server, path="/shop", headers={"x-user": "beta"})
    [received] = server.received
    assert received.startswith(b"GET /shop HTTP/1.1\r\nhost: web\r\n")
    assert b"\r\nx-user: beta\r\n" in received


async def test_a_refused_connection_is_told_from_a_failed_request() -> None:
    async with target(saying()) as server:
        pass
    load = await once(server)
    assert load.counts().reasons == {"not connected: Connection refused": 1}


async def test_slow_answers_do_not_slow_the_sending() -> None:
    release = asyncio.Event()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.write(OK)

    async with target(answer) as server:
        async with Load(server.address, host="web", rps=500, duration=0.1) as load:
            await until(lambda: load.counts().pending == 50)
            release.set()
        assert load.counts().ok == 50
    gaps = [later.at - earlier.at for earlier, later in pairwise(load.requests())]
    assert sum(gaps) == pytest.approx(49 / 500, abs=2 * load.lag + 0.001)


async def test_an_answer_that_never_comes_ends_by_the_time_limit() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with target(silent) as server:
        load = await once(server, timeout=0.02)
    assert load.counts().reasons == {"no answer within 0.02 s": 1}


async def test_leaving_ends_the_load_and_keeps_what_was_sent() -> None:
    async with target(saying(OK)) as server:
        began = time.time()
        async with Load(server.address, host="web", rps=500) as load:
            await until(lambda: load.counts().ok >= 5)
        counts = load.counts()
        assert counts.pending == 0
        assert counts.failed == 0
        assert counts.sent == len(server.received) == len(load.between(began))


async def test_one_can_wait_for_requests_sent_from_now_on() -> None:
    async with target(saying(OK)) as server:
        async with Load(server.address, host="web", rps=500) as load:
            await load.more(3)
            now = time.time()
            requests = await load.more(5)
        assert len(requests) == 5
        assert all(request.at >= now for request in requests)


async def test_waiting_for_more_than_there_will_be_says_so() -> None:
    async with (
        target(saying(OK)) as server,
        Load(server.address, host="web", rps=1000, duration=0.003) as load,
    ):
        with pytest.raises(RuntimeError, match=r"the load ended, 7 requests short of 10"):
            await load.more(10)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param({"target": ("192.0.2.1", 80)}, "no loopback address", id="another machine"),
        pytest.param({"rps": 0}, "0 requests a second", id="no rate"),
        pytest.param({"rps": 1e6}, "1e.06 requests a second", id="an attack"),
        pytest.param({"duration": 1e6}, "1e.06 s", id="without end"),
        pytest.param({"headers": {"a": "b\r\nc: d"}}, "line breaks", id="a header in a header"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Load(**({"target": ("127.0.0.1", 80), "host": "web"} | options))


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["--host", "web", *arguments])


def test_the_command_line_sums_up() -> None:
    # Nothing listens at the reserved port 1.
    result = run("--target", "127.0.0.1:1", "--rps", "500", "--duration", "0.02", "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert (summary["sent"], summary["ok"], summary["failed"]) == (10, 0, 10)
    assert summary["reasons"] == {"not connected: Connection refused": 10}
    text = run("--target", "127.0.0.1:1", "--rps", "500", "--duration", "0.02").stdout
    assert "failed        10\n" in text


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--target", "192.0.2.1:80"), id="another machine"),
        pytest.param(("--target", "somewhere"), id="no such target"),
        pytest.param(("--header", "x-user"), id="half a header"),
    ],
)
def test_the_command_line_refuses_with_a_sentence(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.output
