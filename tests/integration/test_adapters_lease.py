"""The Lease on a real API server, with two contenders. Times are half of the real ones."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.forwarder import Forwarder
from integration.operator_lab import kubeconfig, until
from linnet.adapters import lease as module
from linnet.adapters.connection import Connection
from linnet.adapters.lease import Lease

FASTER = 2
AT_ONCE = module.DURATION / FASTER / 2
"""Seconds that are far from those after which a lease runs out."""


@pytest.fixture(autouse=True)
def faster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DURATION", "DEADLINE", "RENEW_EVERY", "RETRY_EVERY"):
        value = getattr(module, name)
        monkeypatch.setattr(module, name, type(value)(value / FASTER))


class Contender:
    def __init__(self, connection: Connection, namespace: str, identity: str) -> None:
        self.connection = connection
        self.lease = Lease(connection, namespace, "linnet", identity)
        self.task = asyncio.create_task(self.lease.run())

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def forwarder() -> AsyncIterator[Forwarder]:
    forwarder = Forwarder(str(kubeconfig()))
    await forwarder.start()
    yield forwarder
    await forwarder.stop()


@pytest.fixture
async def pair(
    namespace: str, forwarder: Forwarder, tmp_path: Path
) -> AsyncIterator[tuple[Contender, Contender]]:
    """A leader behind the forwarder, and another that waits."""
    a = Contender(await Connection.open(forwarder.kubeconfig(tmp_path)), namespace, "a")
    await until(lambda: a.lease.leading)
    b = Contender(await Connection.open(), namespace, "b")
    await until(lambda: b.lease.holder == "a")
    yield a, b
    for contender in (a, b):
        await contender.kill()
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/linnet"
    await b.connection.request("DELETE", lease, "the test")
    for contender in (a, b):
        await contender.connection.close()


async def test_one_leads_and_the_other_waits(pair: tuple[Contender, Contender]) -> None:
    a, b = pair
    await asyncio.sleep(2 * module.DURATION)
    await until(lambda: a.lease.leading)
    assert b.lease.term() == 0, "it never led"


async def test_the_other_takes_over_from_one_that_was_killed(
    pair: tuple[Contender, Contender],
) -> None:
    a, b = pair
    await a.kill()
    await until(lambda: b.lease.leading)
    assert not a.lease.leading


async def test_the_other_takes_over_at_once_from_one_that_left_in_good_order(
    pair: tuple[Contender, Contender],
) -> None:
    a, b = pair
    await a.kill()
    await a.lease.release()
    await until(lambda: b.lease.leading, AT_ONCE)


@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_one_that_is_cut_off_stops_before_the_other_takes_over(
    pair: tuple[Contender, Contender], forwarder: Forwarder, how: str
) -> None:
    a, b = pair
    if how == "refused":
        await forwarder.refuse()
    else:
        forwarder.flowing.clear()
    while not b.lease.leading:
        await asyncio.sleep(0.01)
        assert not (a.lease.leading and b.lease.leading)
    assert not a.lease.leading
    terms = a.lease.term()
    forwarder.flowing.set()
    await forwarder.refuse()
    await forwarder.start()
    await asyncio.sleep(module.DURATION)
    await until(lambda: b.lease.leading)
    assert a.lease.term() == terms, "it has not led again"


async def test_a_successor_under_the_same_identity_goes_on_at_once(
    pair: tuple[Contender, Contender], namespace: str
) -> None:
    a, b = pair
    await a.kill()
    again = Contender(b.connection, namespace, "a")
    await until(lambda: again.lease.leading, AT_ONCE)
    await again.kill()
