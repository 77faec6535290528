"""Answers for many askers in one go."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any, Final, Generic, TypeVar

GATHER_SECONDS: Final = 0.02
"""How long the first asker waits for more of them."""

K = TypeVar("K", bound=Hashable)
A = TypeVar("A", bound=Hashable)
R = TypeVar("R")


class Gathering(Generic[K, A, R]):
    """Gathers what is asked under the same key at about the same time, and asks it as one.

    `ask` gets the key and all that was asked, and returns an answer for each; what it raises, all
    of these askers get.
    """

    def __init__(self, ask: Callable[[K, set[A]], Awaitable[Mapping[A, R]]]) -> None:
        self._ask = ask
        self._open: dict[K, tuple[set[A], asyncio.Task[Mapping[A, R]]]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def get(self, key: K, asked: A) -> R:
        """Return the answer to one question."""
        if key not in self._open:
            task = asyncio.create_task(self._run(key))
            self._open[key] = set(), task
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        everything, task = self._open[key]
        everything.add(asked)
        # One who asked may go away; the others still want their answers.
        answers = await asyncio.shield(task)
        return answers[asked]

    async def close(self) -> None:
        """Give up."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: K) -> Mapping[A, R]:
        try:
            await asyncio.sleep(GATHER_SECONDS)
        finally:
            everything, _ = self._open.pop(key)
        return await self._ask(key, everything)
