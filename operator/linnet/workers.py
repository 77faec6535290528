"""One task for each Canary, so that none has to wait for another."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

from linnet.api.objects import ObjectRef

RESTART_AFTER = 5.0
"""Seconds until a task that ended with an error, which none should, is started again."""

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Worker:
    """What a Canary's task shares with those who wake or stop it."""

    ref: ObjectRef
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    changed: bool = True
    """Something in the cluster may have changed since the last look."""
    stopping: bool = False
    writing: bool = False
    """A write is under way, which is not to be torn."""

    def look_again(self) -> None:
        """Have the Canary looked at, with all that it depends on."""
        self.changed = True
        self.wake.set()


class Workers:
    """The tasks of all Canaries. `run` is the life of one: it ends when its Canary is gone."""

    def __init__(self, run: Callable[[Worker], Coroutine[Any, Any, None]]) -> None:
        self._run = run
        self._tasks: dict[ObjectRef, tuple[Worker, asyncio.Task[None]]] = {}
        self._stopping = False
        # Whoever wakes a Canary first must not pass its own context variables on.
        self._context = copy_context()

    def __len__(self) -> int:
        return len(self._tasks)

    def wake(self, ref: ObjectRef) -> None:
        """Have a Canary looked at soon; start its task if it has none."""
        known = self._tasks.get(ref)
        if known is not None:
            known[0].look_again()
        elif not self._stopping:
            self._start(ref)

    async def stop(self, seconds: float) -> None:
        """End all tasks; writes under way get this long to finish."""
        self._stopping = True
        for worker, task in self._tasks.values():
            worker.stopping = True
            if not worker.writing:
                task.cancel()
        tasks = [task for _, task in self._tasks.values()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=1)

    def _start(self, ref: ObjectRef) -> None:
        worker = Worker(ref)
        task = asyncio.create_task(self._run(worker), name=str(ref), context=self._context.copy())
        self._tasks[ref] = (worker, task)
        task.add_done_callback(lambda task: self._ended(worker, task))

    def _ended(self, worker: Worker, task: asyncio.Task[None]) -> None:
        del self._tasks[worker.ref]
        if self._stopping or task.cancelled():
            return
        if task.exception() is not None:
            log.error("Task failed", extra={"canary": worker.ref}, exc_info=task.exception())
            asyncio.get_running_loop().call_later(RESTART_AFTER, self.wake, worker.ref)
        elif worker.wake.is_set():
            # The name came into use again before the task had ended.
            self.wake(worker.ref)
