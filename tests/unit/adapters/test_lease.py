"""The lease: who may act, under faults. Time is the event loop's, and virtual."""

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest

from linnet.adapters.connection import NotFoundError
from linnet.adapters.lease import DEADLINE, DURATION, RENEW_EVERY, Lease
from linnet.errors import ConflictError, UnavailableError

pytestmark = pytest.mark.looptime


class LeaseServer:
    """One Lease with resourceVersion preconditions, as the API server keeps it."""

    def __init__(self) -> None:
        self.live: dict[str, Any] | None = None
        self.requests: list[tuple[str, str]] = []
        self._version = 0

    def handle(self, method: str, body: dict[str, Any] | None) -> dict[str, Any]:
        if method == "GET":
            if self.live is None:
                raise NotFoundError("no such lease")
            return copy.deepcopy(self.live)
        assert body is not None
        if method == "POST":
            if self.live is not None:
                raise ConflictError("it exists")
        elif self.live is None:
            raise NotFoundError("no such lease")
        elif body["metadata"].get("resourceVersion") != self.live["metadata"]["resourceVersion"]:
            raise ConflictError("it has changed")
        self._version += 1
        self.live = copy.deepcopy(body)
        self.live["metadata"]["resourceVersion"] = str(self._version)
        return copy.deepcopy(self.live)


class Network:
    """One instance's way to the API server, which can be cut in three ways."""

    def __init__(self, server: LeaseServer) -> None:
        self.server = server
        self.refused = False
        self.hanging = False
        self.answers_lost = False
        self.latency = 0.01

    async def request(
        self,
        method: str,
        path: str,
        subject: object,
        *,
        body: Any = None,
        time_limit: float = 0,
    ) -> dict[str, Any]:
        self.server.requests.append((method, path))
        if self.refused:
            raise UnavailableError("connection refused")
        if self.hanging:
            await asyncio.sleep(time_limit)
            raise UnavailableError("no answer")
        await asyncio.sleep(self.latency)
        answer = self.server.handle(method, copy.deepcopy(body))
        if self.answers_lost and method != "GET":
            await asyncio.sleep(time_limit)
            raise UnavailableError("no answer")
        return answer


class Instance:
    def __init__(self, server: LeaseServer, identity: str) -> None:
        self.network = Network(server)
        clock = asyncio.get_running_loop().time
        self.lease = Lease(self.network, "linnet-system", "linnet", identity, clock)
        self.task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Instance"]:
        self.task = asyncio.create_task(self.lease.run())
        try:
            yield self
        finally:
            await self.kill()

    async def kill(self) -> None:
        """End at once, as kill -9 does: nothing is released."""
        assert self.task is not None
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


@pytest.fixture
async def server() -> LeaseServer:
    return LeaseServer()


async def two(
    server: LeaseServer, stack: AsyncExitStack, second: str = "b"
) -> tuple[Instance, Instance]:
    """Return a leader and another instance, both running."""
    a = await stack.enter_async_context(Instance(server, "a").running())
    await a.lease.wait()
    b = await stack.enter_async_context(Instance(server, second).running())
    await asyncio.sleep(1)
    return a, b


async def never_both(a: Instance, b: Instance, seconds: float) -> None:
    for _ in range(int(seconds * 10)):
        await asyncio.sleep(0.1)
        assert not (a.lease.leading and b.lease.leading), "two instances lead at once"


async def test_the_first_instance_leads_at_once(server: LeaseServer) -> None:
    async with Instance(server, "a").running() as a:
        await asyncio.sleep(0.5)
        assert a.lease.leading
        assert server.live is not None
        assert server.live["spec"]["holderIdentity"] == "a"


async def test_the_second_stands_by_for_as_long_as_the_first_renews(server: LeaseServer) -> None:
    async with AsyncExitStack() as stack:
        a, b = await two(server, stack)
        await asyncio.sleep(10 * DURATION)
        assert a.lease.leading
        assert not b.lease.leading
        assert b.lease.holder == "a"


async def test_a_renewal_takes_one_request(server: LeaseServer) -> None:
    async with Instance(server, "a").running() as a:
        await a.lease.wait()
        server.requests.clear()
        await asyncio.sleep(9.5 * RENEW_EVERY)
        assert [method for method, _ in server.requests] == ["PUT"] * 9


async def test_another_takes_over_only_after_the_lease_ran_out(server: LeaseServer) -> None:
    async with AsyncExitStack() as stack:
        a, b = await two(server, stack)
        await a.kill()
        await asyncio.sleep(DURATION - RENEW_EVERY - 1)
        assert not b.lease.leading
        await asyncio.sleep(RENEW_EVERY + 3)
        assert b.lease.leading


async def test_a_released_lease_is_taken_over_within_two_seconds(server: LeaseServer) -> None:
    async with AsyncExitStack() as stack:
        a, b = await two(server, stack)
        await a.kill()
        await a.lease.release()
        assert not a.lease.leading
        await asyncio.sleep(2)
        assert b.lease.leading


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("refused", id="connections are refused"),
        pytest.param("hanging", id="requests hang"),
        pytest.param("answers_lost", id="answers get lost"),
    ],
)
async def test_a_leader_cut_off_stops_before_another_takes_over(
    server: LeaseServer, fault: str
) -> None:
    async with AsyncExitStack() as stack:
        a, b = await two(server, stack)
        setattr(a.network, fault, True)
        if fault == "answers_lost":
            await asyncio.sleep(RENEW_EVERY)
            a.network.refused = True
        await never_both(a, b, 3 * DURATION)
        assert not a.lease.leading
        assert b.lease.leading


@pytest.mark.parametrize("fault", ["refused", "hanging"])
async def test_a_leader_cut_off_alone_stops_in_time_and_goes_on_after(
    server: LeaseServer, fault: str
) -> None:
    async with Instance(server, "a").running() as a:
        await a.lease.wait()
        setattr(a.network, fault, True)
        await asyncio.sleep(DEADLINE + 0.1)
        assert not a.lease.leading
        await asyncio.sleep(60)
        setattr(a.network, fault, False)
        await asyncio.sleep(5)
        assert a.lease.leading


async def test_one_lost_answer_costs_no_leadership(server: LeaseServer) -> None:
    async with AsyncExitStack() as stack:
        a, b = await two(server, stack)
        a.network.latency = 0.3
        a.network.answers_lost = True
        await asyncio.sleep(RENEW_EVERY + 0.1)
        a.network.answers_lost = False
        for _ in range(300):
            await asyncio.sleep(0.1)
            assert a.lease.leading
        assert not b.lease.leading


async def test_whoever_waits_is_let_go_when_leadership_returns(server: LeaseServer) -> None:
    async with Instance(server, "a").running() as a:
        await a.lease.wait()
        a.network.hanging = True
        await asyncio.sleep(DEADLINE + 1)
        waiting = asyncio.create_task(a.lease.wait())
        await asyncio.sleep(5)
        assert not waiting.done()
        a.network.hanging = False
        await asyncio.wait_for(waiting, 10)


async def test_whoever_waits_is_let_go_by_a_renewal_that_was_late(server: LeaseServer) -> None:
    async with Instance(server, "a").running() as a:
        await a.lease.wait()
        a.network.hanging = True  # the renewal at 4 s fails at 7 s
        await asyncio.sleep(7.5)
        a.network.hanging = False  # the next begins in time and ends too late
        a.network.latency = 1.5
        await asyncio.sleep(DEADLINE - 7.5 + 0.3)
        assert not a.lease.leading
        await asyncio.wait_for(a.lease.wait(), 2)


async def test_a_restart_under_the_same_identity_goes_on_at_once(server: LeaseServer) -> None:
    async with AsyncExitStack() as stack:
        a, _ = await two(server, stack)
        await a.kill()
        again = await stack.enter_async_context(Instance(server, "a").running())
        await asyncio.sleep(0.5)
        assert again.lease.leading


async def test_of_two_under_one_identity_the_later_leads_and_the_other_keeps_quiet(
    server: LeaseServer,
) -> None:
    async with AsyncExitStack() as stack:
        first, second = await two(server, stack, second="a")
        await asyncio.sleep(RENEW_EVERY + 1)
        await never_both(first, second, 4 * DURATION)
        assert second.lease.leading
        assert not first.lease.leading


async def test_a_leader_that_finds_the_lease_taken_stops_at_once(server: LeaseServer) -> None:
    async with Instance(server, "a").running() as a:
        await a.lease.wait()
        thief = copy.deepcopy(server.live)
        assert thief is not None
        thief["spec"] |= {"holderIdentity": "thief", "renewTime": "2026-01-01T00:00:00.000000Z"}
        server.handle("PUT", thief)
        await asyncio.sleep(RENEW_EVERY + 0.5)
        assert not a.lease.leading
        assert a.lease.holder == "thief"


async def test_a_deleted_lease_is_made_again(server: LeaseServer) -> None:
    async with Instance(server, "a").running() as a:
        await a.lease.wait()
        server.live = None
        await asyncio.sleep(RENEW_EVERY + 3)
        assert a.lease.leading
        assert server.live is not None


async def test_of_two_that_start_together_one_leads(server: LeaseServer) -> None:
    async with Instance(server, "a").running() as a, Instance(server, "b").running() as b:
        await never_both(a, b, 2 * DURATION)
        assert a.lease.leading or b.lease.leading


async def test_the_time_left_never_reaches_the_end_of_the_lease(server: LeaseServer) -> None:
    async with Instance(server, "a").running() as a:
        await a.lease.wait()
        for _ in range(200):
            assert a.lease.time_left() <= DEADLINE < DURATION
            await asyncio.sleep(0.1)


async def test_a_term_is_counted_each_time_that_leadership_begins(server: LeaseServer) -> None:
    async with Instance(server, "a").running() as a:
        await a.lease.wait()
        await asyncio.sleep(5 * RENEW_EVERY)
        assert a.lease.term() == 1, "renewals are none"
        a.network.refused = True
        await asyncio.sleep(DEADLINE + 1)
        a.network.refused = False
        await a.lease.wait()
        assert a.lease.term() == 2
