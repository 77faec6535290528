"""A watch of the tests': every object at a path, and every change to one, while it is entered."""

import asyncio
from collections.abc import Callable
from typing import Self

from kubernetes.aio.config import new_client_from_config

from cluster.reflector import Change, Object, Reflector
from e2e.backend import Backend


class Watch:
    """Tells `changed` as a Reflector does; all that is there has been told once it is entered."""

    def __init__(
        self, backend: Backend, path: str, changed: Callable[[Change, Object], None]
    ) -> None:
        self._backend = backend
        self._path = path
        self._changed = changed

    async def __aenter__(self) -> Self:
        self._client = await new_client_from_config(str(self._backend.kubeconfig))
        reflector = Reflector(self._client, self._path, self._changed)
        self._running = asyncio.create_task(reflector.run())
        await reflector.synced.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        # In this order: closing waits for connections in use, and for no others.
        await self._client.close()
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
