"""Whether something keeps adopted weights: asked at the start, and no more than it takes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from linnet.adapters.connection import NotFoundError
from linnet.adapters.policies import LOOK_AGAIN, NOT_INSTALLED, NOT_SERVED, WeightsGuard
from linnet.api.names import WEIGHTS_ANNOTATION
from linnet.api.objects import ObjectRef
from linnet.errors import UnavailableError

WEB = ObjectRef("Canary", "shop", "web")
TILL = ObjectRef("Canary", "shop", "till")
KEEPING = {"metadata": {"name": "w"}, "spec": {"x": f"'{WEIGHTS_ANNOTATION}' in y"}}
BOUND = {"metadata": {"name": "b"}, "spec": {"policyName": "w"}}


class Server:
    """The API server, as far as policies go."""

    def __init__(self, *policies: Any, bindings: tuple[Any, ...] = (BOUND,)) -> None:
        self.served = True
        self.away = False
        self.policies, self.bindings = list(policies), list(bindings)
        self.asked = 0

    async def request(self, method: str, path: str, subject: object) -> dict[str, Any]:
        assert method == "GET"
        self.asked += 1
        if self.away:
            raise UnavailableError("out of reach")
        if path.endswith("/mutatingadmissionpolicies"):
            return {"items": self.policies}
        if path.endswith("/mutatingadmissionpolicybindings"):
            return {"items": self.bindings}
        if not self.served:
            raise NotFoundError(path)
        return {"resources": [{"name": "mutatingadmissionpolicies"}]}


class Watcher:
    """A guard with what it told."""

    def __init__(self, server: Server, *, may_list: bool = True) -> None:
        self.woken: list[ObjectRef] = []
        self.phases: dict[ObjectRef, str] = {WEB: "Succeeded"}
        self.guard = WeightsGuard(
            server,  # type: ignore[arg-type]  # as much of a connection as it takes
            self.woken.append,
            self.phases.get,
            may_list=may_list,
        )

    async def said(self) -> str:
        await self.guard.look()
        return self.guard.missing(WEB)


@pytest.mark.parametrize(
    ("server", "said"),
    [
        pytest.param(Server(KEEPING), "", id="a policy keeps weights"),
        pytest.param(Server(), NOT_INSTALLED, id="there is none"),
        pytest.param(Server(KEEPING, bindings=()), NOT_INSTALLED, id="it is not bound"),
        pytest.param(
            Server({"metadata": {"name": "w"}, "spec": {}}), NOT_INSTALLED, id="it is another"
        ),
    ],
)
async def test_it_is_known_that(server: Server, said: str) -> None:
    assert await Watcher(server).said() == said


async def test_a_cluster_without_such_policies_is_told_from_one_where_nobody_installed_it() -> None:
    server = Server()
    server.served = False
    assert await Watcher(server).said() == NOT_SERVED
    assert await Watcher(server, may_list=False).said() == NOT_SERVED


async def test_who_may_not_list_policies_does_not_ask() -> None:
    server = Server()
    assert await Watcher(server, may_list=False).said() == ""
    assert server.asked == 1


async def test_what_was_known_stays_while_nobody_answers() -> None:
    server = Server()
    watcher = Watcher(server)
    assert await watcher.said() == NOT_INSTALLED
    server.away = True
    assert await watcher.said() == NOT_INSTALLED


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Server, Watcher]]:
    """A guard that looks by itself, and misses the policy."""
    server = Server()
    watcher = Watcher(server)
    task = asyncio.create_task(watcher.guard.run())
    await asyncio.sleep(1)
    yield server, watcher
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.looptime
async def test_a_policy_that_comes_is_noticed_and_told() -> None:
    async with running() as (server, watcher):
        assert watcher.guard.missing(WEB) == NOT_INSTALLED
        server.policies.append(KEEPING)
        await asyncio.sleep(LOOK_AGAIN)
        assert watcher.guard.missing(WEB) == ""
        assert watcher.woken == [WEB]


@pytest.mark.looptime
async def test_a_policy_that_went_is_noticed_when_another_canary_cares() -> None:
    async with running() as (server, watcher):
        server.policies.append(KEEPING)
        assert watcher.guard.missing(WEB) == NOT_INSTALLED
        await asyncio.sleep(1)
        assert watcher.guard.missing(WEB) == ""
        server.policies.clear()
        watcher.phases[TILL] = ""
        watcher.guard.missing(TILL)
        await asyncio.sleep(1)
        assert watcher.guard.missing(WEB) == NOT_INSTALLED
        assert TILL in watcher.woken


@pytest.mark.looptime
@pytest.mark.parametrize("phase", ["Progressing", "Promoting"])
async def test_a_policy_that_went_is_noticed_within_a_minute_of_a_release(phase: str) -> None:
    async with running() as (server, watcher):
        server.policies.append(KEEPING)
        watcher.guard.missing(WEB)
        await asyncio.sleep(1)
        watcher.phases[WEB] = phase
        watcher.woken.clear()
        server.policies.clear()
        await asyncio.sleep(LOOK_AGAIN)
        assert watcher.guard.missing(WEB) == NOT_INSTALLED
        assert watcher.woken == [WEB]


@pytest.mark.looptime
async def test_at_rest_with_a_policy_nobody_is_asked() -> None:
    async with running() as (server, watcher):
        server.policies.append(KEEPING)
        watcher.guard.missing(WEB)
        await asyncio.sleep(1)
        server.asked = 0
        await asyncio.sleep(10 * LOOK_AGAIN)
        assert server.asked == 0


@pytest.mark.looptime
async def test_nobody_is_asked_for_what_no_canary_needs() -> None:
    async with running() as (server, watcher):
        before = server.asked
        await asyncio.sleep(10 * LOOK_AGAIN)
        assert server.asked == before, "no Canary adopts"
        watcher.guard.missing(WEB)
        watcher.phases.clear()
        await asyncio.sleep(10 * LOOK_AGAIN)
        assert server.asked == before, "the one that did is gone"
