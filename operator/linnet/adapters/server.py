"""The HTTP server: /metrics, /healthz and /readyz."""

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

Check = Callable[[], tuple[bool, str]]
"""Returns whether all is well, and how things are in a sentence."""

log = logging.getLogger(__name__)


class Server:
    """Serves what the operator tells of itself. Holds no secrets, takes no input."""

    def __init__(self, registry: CollectorRegistry, healthy: Check, ready: Check) -> None:
        self._registry = registry
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", _probe(healthy))
        app.router.add_get("/readyz", _probe(ready))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)

    async def start(self, bind: str) -> int:
        """Listen at `[HOST]:PORT`, return the port. Raises OSError, ValueError."""
        host, port = parse_bind(bind)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host or None, port)
        await site.start()
        bound = int(self._runner.addresses[0][1])
        log.info("Serving HTTP", extra={"host": host or "*", "port": bound})
        return bound

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})


def parse_bind(bind: str) -> tuple[str, int]:
    """Split `[HOST]:PORT`. Raises ValueError that says what is wrong."""
    host, colon, port = bind.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{bind!r} is no [HOST]:PORT, such as :8080 or 127.0.0.1:8080")
    return host.strip("[]"), int(port)


def _probe(check: Check) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def probe(request: web.Request) -> web.Response:
        well, text = check()
        return web.Response(text=f"{text}\n", status=200 if well else 503)

    return probe
