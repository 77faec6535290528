"""The workload over real connections: pods live on loopback addresses here."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from cluster.load import Load
from cluster.traffic import Requests
from cluster.workload import Connection, Pods
from unit.cluster.waiting import until

GOOD, BAD, NEW = "127.0.1.1", "127.0.1.2", "127.0.1.3"


REQUEST = b"GET / HTTP/1.1\r\nhost: web\r\n\r\n"


def pod(ip: str, tag: str = "1.0", *, ready: bool = True, phase: str = "Running") -> dict[str, Any]:
    name = f"web-{tag}"
    return {
        "metadata": {
            "uid": name,
            "name": name,
            "namespace": "shop",
            "labels": {"app": "web", "version": tag},
        },
        "spec": {"containers": [{"image": f"podinfo:{tag}"}]},
        "status": {
            "podIP": ip,
            "phase": phase,
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }


class Server:
    """The workload at a port of its own."""

    def __init__(self, pods: Pods, port: int) -> None:
        self.pods = pods
        self._port = port

    def add(self, *objects: dict[str, Any]) -> None:
        for obj in objects:
            self.pods.pod_changed("ADDED", obj)

    async def ask(self, ip: str, times: int = 1, wait: float = 5.0) -> Requests:
        """Send so many requests, all at once."""
        target = (ip, self._port)
        rps = 1000
        async with Load(target, host="web", rps=rps, timeout=wait, duration=times / rps) as load:
            await load.wait()
        assert len(load.requests()) == times
        return load.requests()

    @asynccontextmanager
    async def connect(
        self, ip: str
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(ip, self._port)
        try:
            async with asyncio.timeout(5):
                yield reader, writer
        finally:
            writer.close()

    def series(self) -> Counter[tuple[str, ...]]:
        """Requests by version, service, code and flags, as the metrics have them."""
        names = "destination_version destination_service_name response_code response_flags"
        found: Counter[tuple[str, ...]] = Counter()
        for family in text_string_to_metric_families(self.pods.exposition().decode()):
            for sample in family.samples:
                if sample.name == "istio_requests_total":
                    found[tuple(sample.labels.get(n, "") for n in names.split())] += int(
                        sample.value
                    )
        return found


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    pods = Pods(grace=3)
    listening = await asyncio.get_running_loop().create_server(
        lambda: Connection(pods), "0.0.0.0", 0
    )
    async with listening:
        yield Server(pods, listening.sockets[0].getsockname()[1])


async def test_the_address_called_decides_which_pod_answers(server: Server) -> None:
    server.add(pod(GOOD, "1.0"), pod(BAD, "2.0-errors-100"))
    [good], [bad] = await server.ask(GOOD), await server.ask(BAD)
    assert (good.status, good.version, good.pod) == (200, "1.0", "web-1.0")
    assert (bad.status, bad.version) == (500, "2.0-errors-100")
    assert bad.reason == "500: pod web-2.0-errors-100"


async def test_errors_and_resets_have_their_shares(server: Server) -> None:
    server.add(pod(GOOD, "1.0-errors-20-resets-30"))
    counts = (await server.ask(GOOD, times=400)).counts()
    # Five standard deviations of the binomial distribution.
    assert counts.statuses[500] == pytest.approx(80, abs=40)
    assert counts.statuses[0] == pytest.approx(120, abs=46)
    assert counts.statuses[200] == pytest.approx(200, abs=50)


async def test_a_slow_pod_takes_longer_by_what_its_tag_says(server: Server) -> None:
    server.add(pod(GOOD, "1.0-slow-50"))
    [request] = await server.ask(GOOD)
    assert request.ok
    assert request.seconds >= 0.05


async def test_faults_may_begin_later(server: Server) -> None:
    server.add(pod(GOOD, "1.0-errors-100-after-3600"))
    assert (await server.ask(GOOD, times=3)).counts().ok == 3


async def test_nothing_answers_where_no_pod_is(server: Server) -> None:
    [request] = await server.ask(GOOD)
    assert request.status == 0
    assert "before the answer was complete" in request.reason


async def test_nothing_even_listens_there(server: Server) -> None:
    async with server.connect(GOOD) as (reader, _):
        assert await reader.read() == b""


async def test_a_pod_that_is_not_ready_says_503(server: Server) -> None:
    server.add(pod(GOOD, ready=False))
    [request] = await server.ask(GOOD)
    assert (request.status, request.pod) == (503, "web-1.0")


async def test_a_kept_connection_ends_with_its_pod(server: Server) -> None:
    server.add(pod(GOOD))
    async with server.connect(GOOD) as (reader, writer):
        for _ in range(2):
            writer.write(REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert b"connection: close" not in head
            await reader.readline()
        server.add(pod(GOOD, phase="Failed"))
        writer.write(REQUEST)
        assert await reader.read() == b""


async def test_a_client_that_closes_is_told_so(server: Server) -> None:
    server.add(pod(GOOD))
    async with server.connect(GOOD) as (reader, writer):
        writer.write(REQUEST.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        assert b"connection: close" in await reader.read()


async def test_what_is_no_http_is_cut_off(server: Server) -> None:
    server.add(pod(GOOD))
    async with server.connect(GOOD) as (reader, writer):
        writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        assert await reader.read() == b""


async def test_metrics_count_what_reached_a_pod(server: Server) -> None:
    server.pods.service_changed("ADDED", service("web-canary", "2026-01-02T00:00:00Z"))
    server.add(pod(GOOD, "1.0"), pod(BAD, "2.0-errors-100"), pod(NEW, "3.0-resets-100"))
    for ip in (GOOD, BAD, NEW):
        await server.ask(ip, times=3)
    await server.ask("127.0.1.99")
    assert server.series() == {
        ("1.0", "web-canary", "200", "-"): 3,
        ("2.0-errors-100", "web-canary", "500", "-"): 3,
        ("3.0-resets-100", "web-canary", "0", "UC"): 3,
    }


async def test_a_client_that_gives_up_is_counted_as_such(server: Server) -> None:
    server.add(pod(GOOD, "1.0-slow-60000"))
    [request] = await server.ask(GOOD, wait=0.5)
    assert request.reason == "no answer within 0.5 s"
    await until(lambda: bool(server.series()))
    assert server.series() == {("1.0-slow-60000", "web", "0", "DC"): 1}


def service(name: str, created: str, **selector: str) -> dict[str, Any]:
    return {
        "metadata": {
            "uid": name,
            "name": name,
            "namespace": "shop",
            "creationTimestamp": created,
        },
        "spec": {"selector": selector or {"app": "web"}},
    }


async def test_the_oldest_service_that_selects_a_pod_is_named(server: Server) -> None:
    server.add(pod(GOOD, "1.0"))
    await server.ask(GOOD)
    server.pods.service_changed("ADDED", service("b", "2026-01-02T00:00:00Z"))
    server.pods.service_changed("ADDED", service("c", "2026-01-01T00:00:00Z", app="other"))
    await server.ask(GOOD)
    server.pods.service_changed("ADDED", service("a", "2026-01-01T00:00:00Z"))
    await server.ask(GOOD)
    services = [name for _, name, _, _ in server.series()]
    assert services == ["web", "b", "a"]


async def test_removing_a_label_begins_new_series_once(server: Server) -> None:
    override = {"tagOverrides": {"destination_version": {"operation": "REMOVE"}}}
    telemetry = {
        "metadata": {"uid": "t", "namespace": "shop"},
        "spec": {"metrics": [{"overrides": [override]}]},
    }
    server.add(pod(GOOD, "1.0"), pod(BAD, "2.0"))
    await server.ask(GOOD)
    server.pods.telemetry_changed("ADDED", telemetry)
    await server.ask(GOOD)
    await server.ask(BAD)
    assert server.series() == {("", "web", "200", "-"): 2}
    server.pods.telemetry_changed("ADDED", telemetry)  # a new list after a lost watch
    assert server.series() == {("", "web", "200", "-"): 2}
