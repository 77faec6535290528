"""What a kubelet would do for linnet's Deployment: run what it says, as long as it is there.

The local cluster's node starts no containers: it says of the Deployment's pod that it is ready, and
this starts the operator as a process beside it, with the arguments and the environment that the
live Deployment gives.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from deployment import SERVICE_ACCOUNT, operator_arguments, operator_environment
from e2e.api import Api
from e2e.backend import Backend
from e2e.operator import Operator, account_kubeconfig
from linnet.api.objects import ObjectRef

DEPLOYMENT = ObjectRef("Deployment", SERVICE_ACCOUNT[0], "linnet")
PERIOD = 0.1


class StandIn:
    """Runs linnet while entered, whenever its Deployment is in the cluster."""

    def __init__(self, api: Api, backend: Backend, folder: Path) -> None:
        self.images: list[str] = []
        """The image of each process that was started, in order."""
        self._api = api
        self._backend = backend
        self._folder = folder
        self._running: Operator | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._live())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        outcome = await asyncio.gather(self._task, return_exceptions=True)
        await self._stop()
        if isinstance(outcome[0], Exception):
            raise outcome[0]

    async def _live(self) -> None:
        template: Any = None
        while True:
            deployment = await self._api.get(DEPLOYMENT)
            wanted = deployment["spec"]["template"] if deployment else None
            if wanted != template:
                await self._stop()
                if deployment is not None:
                    await self._start(deployment)
                template = wanted
            await asyncio.sleep(PERIOD)

    async def _start(self, deployment: Mapping[str, Any]) -> None:
        name = f"{deployment['metadata']['namespace']}-{len(self.images)}"
        token = await self._api.token(*SERVICE_ACCOUNT)
        objects = [dict(deployment)]
        self._running = Operator(
            [*operator_arguments(objects), "--prometheus-url", self._backend.prometheus],
            operator_environment(objects, pod_name=name),
            account_kubeconfig(
                self._folder / f"{name}.kubeconfig", self._backend.kubeconfig, token
            ),
            self._folder / f"{name}.log",
        )
        self._running.start()
        self.images.append(deployment["spec"]["template"]["spec"]["containers"][0]["image"])
        await self._running.ready()

    async def _stop(self) -> None:
        if self._running is not None:
            await asyncio.to_thread(self._running.stop)
            self._running = None
