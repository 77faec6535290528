"""A proxy between one operator and the API server: it sees every request and can interfere.

Requests of the lease and of Events are passed on unseen: they decide nothing.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

WRITES = {"POST", "PUT", "PATCH", "DELETE"}
_HOP_BY_HOP = {"connection", "content-encoding", "content-length", "host", "transfer-encoding"}


@dataclass(frozen=True)
class Write:
    """One write of the operator."""

    method: str
    path: str
    body: Mapping[str, Any]

    def __str__(self) -> str:
        """Say what is written, in the words of a table of writes."""
        spec, status = self.body.get("spec", {}), self.body.get("status", {})
        match self.path.rstrip("/").split("/"):
            case [*_, "canaries", _, "status"]:
                return f"status {status.get('phase')} at weight {status.get('canaryWeight')}"
            case [*_, name, "scale"]:
                return f"scale {name} to {spec['replicas']}"
            case [*_, "virtualservices", _]:
                return f"routes at weight {spec['http'][0]['route'][1]['weight']}"
            case [*_, kind, name]:
                return f"{kind} {name}"
        raise ValueError(self.path)


Hook = Callable[[Write], Awaitable[None]]


async def _nothing(write: Write) -> None:
    """Interfere with nothing."""


@dataclass
class ApiProxy:
    """Serves on a free port of the loopback address while it is entered.

    `before` is awaited before a write is passed on, `after` between the API server's answer and
    the operator's hearing of it.
    """

    upstream: str
    before: Hook = _nothing
    after: Hook = _nothing
    writes: list[Write] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=False, limit=0),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._forward(request)
        except (aiohttp.ClientConnectionError, ConnectionError):
            # Either side went away in mid-answer, which is what these tests are about.
            return web.Response(status=502)

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        write = self._seen(request, body)
        if write:
            await self.before(write)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
        async with self._session.request(
            request.method, self.upstream + request.raw_path, headers=headers, data=body or None
        ) as answer:
            if write:
                await answer.read()
                await self.after(write)
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
            if encoding := answer.headers.get("Content-Encoding"):
                kept["Content-Encoding"] = encoding
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(request)
            if write:
                await response.write(await answer.read())
            else:
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
            await response.write_eof()
            return response

    def _seen(self, request: web.Request, body: bytes) -> Write | None:
        path = urlsplit(request.raw_path).path
        if request.method not in WRITES or "/leases" in path or path.endswith("/events"):
            return None
        write = Write(request.method, path, json.loads(body) if body else {})
        self.writes.append(write)
        return write
