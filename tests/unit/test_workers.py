"""One task for each Canary: started, woken, ended, and none disturbs another."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from linnet.api.objects import ObjectRef
from linnet.workers import RESTART_AFTER, Worker, Workers

pytestmark = pytest.mark.looptime

WEB = ObjectRef("Canary", "shop", "web")
API = ObjectRef("Canary", "shop", "api")

Life = Callable[[Worker], Coroutine[Any, Any, None]]


class Looks:
    """A life that notes each look, and ends when its Canary is gone."""

    def __init__(self) -> None:
        self.seen: list[ObjectRef] = []
        self.gone: set[ObjectRef] = set()

    async def __call__(self, worker: Worker) -> None:
        while worker.ref not in self.gone:
            worker.wake.clear()
            self.seen.append(worker.ref)
            await worker.wake.wait()


async def test_the_first_wake_starts_a_task_and_the_next_one_wakes_it() -> None:
    looks = Looks()
    workers = Workers(looks)
    for _ in range(3):
        workers.wake(WEB)
        await asyncio.sleep(1)
    assert looks.seen == [WEB] * 3
    assert len(workers) == 1
    await workers.stop(1)


async def test_several_wakes_before_a_look_are_one() -> None:
    looks = Looks()
    workers = Workers(looks)
    for _ in range(5):
        workers.wake(WEB)
    await asyncio.sleep(1)
    assert looks.seen == [WEB]
    await workers.stop(1)


async def test_the_task_ends_with_its_canary_and_starts_anew_with_the_next() -> None:
    looks = Looks()
    workers = Workers(looks)
    workers.wake(WEB)
    await asyncio.sleep(1)
    looks.gone.add(WEB)
    workers.wake(WEB)
    await asyncio.sleep(1)
    assert len(workers) == 0
    looks.gone.clear()
    workers.wake(WEB)
    await asyncio.sleep(1)
    assert looks.seen == [WEB, WEB]
    await workers.stop(1)


async def test_a_wake_that_meets_a_task_about_to_end_is_not_lost() -> None:
    looks = Looks()
    workers = Workers(looks)

    async def ends_at_once(worker: Worker) -> None:
        looks.seen.append(worker.ref)
        worker.wake.clear()
        if len(looks.seen) == 1:
            workers.wake(worker.ref)

    workers = Workers(ends_at_once)
    workers.wake(WEB)
    await asyncio.sleep(1)
    assert looks.seen == [WEB, WEB]


async def test_a_task_that_fails_is_started_again_and_disturbs_nobody() -> None:
    looks = Looks()

    async def one_fails(worker: Worker) -> None:
        if worker.ref == WEB:
            looks.seen.append(WEB)
            raise RuntimeError("a bug")
        await looks(worker)

    workers = Workers(one_fails)
    workers.wake(API)
    workers.wake(WEB)
    await asyncio.sleep(1)
    workers.wake(API)
    await asyncio.sleep(RESTART_AFTER + 1)
    assert looks.seen.count(API) == 2
    assert looks.seen.count(WEB) == 2
    await workers.stop(1)


async def test_stopping_lets_a_write_finish_and_cuts_everything_else_short() -> None:
    ended: list[str] = []

    async def life(worker: Worker) -> None:
        worker.writing = worker.ref == WEB
        try:
            await asyncio.sleep(1.5 if worker.writing else 3600)
        except asyncio.CancelledError:
            ended.append("cut short")
            raise
        ended.append("finished")

    workers = Workers(life)
    workers.wake(WEB)
    workers.wake(API)
    await asyncio.sleep(0.1)
    await workers.stop(2)
    assert sorted(ended) == ["cut short", "finished"]


async def test_stopping_does_not_wait_for_ever() -> None:
    async def life(worker: Worker) -> None:
        worker.writing = True
        await asyncio.sleep(3600)

    workers = Workers(life)
    workers.wake(WEB)
    await asyncio.sleep(0.1)
    began = asyncio.get_running_loop().time()
    await workers.stop(2)
    assert asyncio.get_running_loop().time() - began < 4
    workers.wake(API)
    assert len(workers) == 0, "nothing is started any more"
