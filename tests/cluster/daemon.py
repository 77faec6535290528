"""What the exporter and the workload have in common: watches, Telemetry, metrics over HTTP, and a
clean end at SIGTERM."""

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import click
from aiohttp import web
from kubernetes.aio.config import new_client_from_config

from cluster.reflector import Change, Object, Reflector
from cluster.telemetry import Rules, Side, rules

PODS = "/api/v1/pods"
SERVICES = "/api/v1/services"
TELEMETRIES = "/apis/telemetry.istio.io/v1/telemetries"

Watches = Mapping[str, Callable[[Change, Object], None]]

kubeconfig_option = click.option(
    "--kubeconfig",
    envvar="KUBECONFIG",
    required=True,
    type=click.Path(dir_okay=False),
    help="How to reach the API server.",
)


def listen_option(default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option that says where /metrics and /healthz are served."""
    return click.option(
        "--listen",
        metavar="ADDRESS:PORT",
        default=default,
        show_default=True,
        callback=lambda _context, _option, value: _address(value),
        help="Where to serve /metrics, and /healthz, which answers 200 once all watches are up.",
    )


class TelemetryStore:
    """The `Telemetry` objects there are, and the rules that follow from them."""

    def __init__(self) -> None:
        self._objects: dict[str, Object] = {}

    def changed(self, change: Change, obj: Object) -> bool:
        """Take over a change; whether there was one beyond metadata and status."""
        uid = obj["metadata"]["uid"]
        before = self._objects.get(uid)
        if change == "DELETED":
            return self._objects.pop(uid, None) is not None
        self._objects[uid] = obj
        return before is None or before["spec"] != obj["spec"]

    def rules(self, side: Side, namespace: str, labels: Mapping[str, str]) -> Rules:
        """What holds for this reporter now."""
        return rules(self._objects.values(), side, namespace, labels)


async def run(
    kubeconfig: str,
    watches: Watches,
    exposition: Callable[[], bytes],
    listen: tuple[str, int],
) -> None:
    """Watch and serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        client = await new_client_from_config(kubeconfig)
        api = await stack.enter_async_context(client)
        reflectors = [Reflector(api, path, changed) for path, changed in watches.items()]
        runner = web.AppRunner(_application(reflectors, exposition), access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, *listen).start()
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(reflector.run()) for reflector in reflectors]
            await stop.wait()
            for task in running:
                task.cancel()


def setup_logging() -> None:
    """Log to standard error, one line a message."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level="INFO")


def _application(reflectors: list[Reflector], exposition: Callable[[], bytes]) -> web.Application:
    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(
            body=exposition(), headers={"Content-Type": "text/plain; version=0.0.4"}
        )

    async def healthz(_request: web.Request) -> web.Response:
        synced = all(reflector.synced.is_set() for reflector in reflectors)
        return web.Response(status=200 if synced else 503, text="ok\n" if synced else "starting\n")

    application = web.Application()
    application.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz)])
    return application


def _address(value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal():
        raise click.BadParameter(f"{value!r} is not ADDRESS:PORT")
    return host, int(port)
