"""A second istiod with automatic mutual TLS, and what it tells a sidecar.

The local cluster's own istiod has it off, since nothing there has certificates. This one reads the
same objects, and serves one more Envoy, which has no traffic: what counts is what istiod computed
for it, whether or not that Envoy could use it.
"""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from cluster.binaries import program
from cluster.components import Component, components
from cluster.envoy import CALLER, mesh_config
from cluster.local import Cluster
from e2e.api import WITHIN

GRPC = ("127.0.0.1", 25010)
HTTP = "127.0.0.1:25080"
ADDRESSES = {
    "--grpcAddr": f"{GRPC[0]}:{GRPC[1]}",
    "--httpAddr": HTTP,
    "--httpsAddr": "127.0.0.1:25017",
    "--monitoringAddr": "127.0.0.1:25014",
}
SIDECAR = replace(
    CALLER, name="sidecar", pod="observer-0", workload_name="observer", admin_port=19902, labels={}
)
CDS = "type.googleapis.com/envoy.admin.v3.ClustersConfigDump"
MUTUAL = "tlsMode-istio"
"""What istiod calls the way in which a sidecar reaches pods that have one, too."""

Object = Mapping[str, Any]


class Sidecar:
    """The sidecar of a pod somewhere in the mesh, as the second istiod configures it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def cluster(self, host: str, port: int = 80) -> Object | None:
        """Return what it was told about a Service's port, None if nothing yet."""
        dump = await self._asked("config_dump")
        sections = [section for section in dump.get("configs", ()) if section["@type"] == CDS]
        found = [
            entry["cluster"]
            for section in sections
            for entry in section.get("dynamicActiveClusters", ())
            if entry["cluster"]["name"] == f"outbound|{port}||{host}"
        ]
        return found[0] if found else None

    async def _asked(self, what: str) -> dict[str, Any]:
        node = {"proxyID": f"{SIDECAR.pod}.{SIDECAR.namespace}"}
        async with self._session.get(f"/debug/{what}", params=node) as answer:
            return dict(await answer.json(content_type=None)) if answer.ok else {}

    async def told(
        self, host: str, holds: Callable[[Object], bool], port: int = 80, within: float = WITHIN
    ) -> Object:
        """Wait until what it was told about a Service's port is so; return it."""
        told = None
        end = time.monotonic() + within
        while not (told and holds(told)):
            assert time.monotonic() < end, f"waited {within:g} s in vain; {host}: {told}"
            await asyncio.sleep(0.1)  # istiod tells nobody but the proxy
            told = await self.cluster(host, port)
        return told


def ways(cluster: Object) -> dict[str, str]:
    """Return in which ways pods of a cluster are reached: the name of each, and its transport."""
    return {
        way["name"]: way["transportSocket"]["name"]
        for way in cluster.get("transportSocketMatches", ())
    }


@contextlib.asynccontextmanager
async def auto_mtls(folder: Path) -> AsyncIterator[Sidecar]:
    """Run the second istiod and its sidecar; files go to `folder`."""
    mesh = folder / "mesh.yaml"
    bootstrap = folder / "sidecar.json"
    mesh.write_text(yaml.safe_dump(mesh_config() | {"enableAutoMtls": True}), encoding="utf-8")
    bootstrap.write_text(json.dumps(SIDECAR.bootstrap(GRPC)), encoding="utf-8")
    istiod = components(Cluster.current().folder)["istiod"]
    command = [_moved(argument, mesh) for argument in istiod.command]
    async with contextlib.AsyncExitStack() as running:
        await running.enter_async_context(_process(command, istiod, folder / "istiod.log"))
        session = await running.enter_async_context(aiohttp.ClientSession(f"http://{HTTP}"))
        await _ready(session)
        envoy = SIDECAR.command(program("envoy"), bootstrap, folder / "envoy.log")
        await running.enter_async_context(
            _process(envoy, Component("sidecar", tuple(envoy)), folder / "sidecar.log")
        )
        yield Sidecar(session)


def _moved(argument: str, mesh: Path) -> str:
    flag, _, _ = argument.partition("=")
    if flag == "--meshConfig":
        return f"{flag}={mesh}"
    return f"{flag}={ADDRESSES[flag]}" if flag in ADDRESSES else argument


@contextlib.asynccontextmanager
async def _process(command: list[str], component: Component, log: Path) -> AsyncIterator[None]:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=os.environ | component.environment,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def _ready(session: aiohttp.ClientSession, within: float = WITHIN) -> None:
    async with asyncio.timeout(within):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get("/ready") as answer:
                    if answer.ok:
                        return
            await asyncio.sleep(0.1)
