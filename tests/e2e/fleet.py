"""Many apps at once, each in a namespace of its own, and traffic that comes in bursts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

from cluster.load import Load
from e2e.api import Api
from e2e.app import App
from e2e.backend import Backend

AT_ONCE = 12
"""How many apps are worked on at the same time."""


async def each(apps: Iterable[App], do: Callable[[App], Awaitable[object]]) -> None:
    """Do it for all apps, some of them at once."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(app: App) -> None:
        async with slots:
            await do(app)

    async with asyncio.TaskGroup() as tasks:
        for app in apps:
            tasks.create_task(one(app))


@asynccontextmanager
async def fleet(
    api: Api, backend: Backend, names: Iterable[str], tag: str
) -> AsyncIterator[list[App]]:
    """Deployments of one pod that are available, without Canaries yet; removed in the end."""
    apps = [App(api, backend, name) for name in names]

    async def create(app: App) -> None:
        labels = dict(backend.namespace_labels)
        metadata = {"name": app.namespace, "labels": labels}
        await api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        await api.apply(app.deployment(tag, replicas=1))
        await app.available()

    try:
        await each(apps, create)
        yield apps
    finally:
        await each(apps, lambda app: app.remove())


class Traffic:
    """Requests to one app through the gateway: steady, or in bursts of the same mean rate."""

    BURST = 4.0
    """Seconds that a burst lasts, and that come between two."""

    def __init__(self, app: App, rps: float, *, bursty: bool = False) -> None:
        self._loads = [app.traffic(rps * (0.2 if bursty else 1.0))]
        self._app = app
        self._rps = 1.6 * rps if bursty else 0.0
        self._stack = AsyncExitStack()
        self._bursts: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._loads[0])
        if self._rps:
            self._bursts = asyncio.create_task(self._burst())
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._bursts is not None:
            self._bursts.cancel()
            await asyncio.gather(self._bursts, return_exceptions=True)
        await self._stack.aclose()

    def requests(self) -> list[Load]:
        """All loads so far: what became of the requests is in each."""
        return list(self._loads)

    async def _burst(self) -> None:
        while True:
            load = self._app.traffic(self._rps)
            self._loads.append(load)
            async with load:
                await asyncio.sleep(self.BURST)
            await asyncio.sleep(self.BURST)
