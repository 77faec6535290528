"""Listings, taken from the HTTP answer straight into the cache.

kopf lists before it watches, and hands every listed object to a task of its own. That takes about
0.4 ms and 2 KB for each, tells neither when a listing is complete nor what it no longer contains,
and so leaves behind what was deleted while a watch was broken. Taken as a whole, a listing does
both, and the cache is complete as soon as it is read; kopf is then told that it was empty, and is
left with what it does best, the watching.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Collection
from types import SimpleNamespace
from typing import Any, NamedTuple

from aiohttp import ClientResponse, ClientSession, TraceConfig, TraceRequestStartParams
from yarl import URL

from linnet.adapters.cache import Cache
from linnet.adapters.kinds import Kind, kind_at, parse
from linnet.api.objects import ObjectRef, ref_of

log = logging.getLogger(__name__)


class Scope(NamedTuple):
    """What one watch covers; an empty namespace means all."""

    kind: Kind
    namespace: str


class Listings:
    """Feeds the cache from listings, and knows which of them it still waits for."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._expected: frozenset[Scope] = frozenset()
        self._listed: set[Scope] = set()
        self._pages: dict[Scope, set[ObjectRef]] = {}
        self._watched: dict[Scope, float] = {}
        self.complete = asyncio.Event()
        """Set while everything that is watched has been listed at least once."""

    def expect(self, scopes: Collection[Scope]) -> None:
        """Say what is watched from now on; what was listed before counts."""
        self._expected = frozenset(scopes)
        self._listed &= self._expected
        now = asyncio.get_running_loop().time()
        self._watched = dict.fromkeys(self._expected, now)
        self._look()

    def missing(self) -> list[str]:
        """Return the resources that have not been listed yet."""
        return sorted({scope.kind.resource for scope in self._expected - self._listed})

    def oldest_watch(self) -> float:
        """Return how many seconds ago the watch was renewed that has not been for longest."""
        now = asyncio.get_running_loop().time()
        return max((now - since for since in self._watched.values()), default=0.0)

    def response_class(self) -> type[ClientResponse]:
        """Return the class of a session's responses that hands their listings over."""
        take = self.take

        class Response(ClientResponse):
            async def json(
                self,
                *,
                encoding: str | None = None,
                loads: Callable[[str], Any] = json.loads,
                content_type: str | None = "application/json",
            ) -> Any:
                body = await super().json(encoding=encoding, loads=loads, content_type=content_type)
                return take(self.url, body) if self.method == "GET" and self.ok else body

        return Response

    def trace(self) -> TraceConfig:
        """Return the hook that notes when a watch is renewed."""
        trace = TraceConfig()
        trace.on_request_start.append(self._started)
        return trace

    def take(self, url: URL, page: dict[str, Any]) -> dict[str, Any]:
        """Take a page of a listing and return it without its items; return all else as it is."""
        scope = _scope(url)
        if scope is None or "watch" in url.query:
            return page
        metadata = page.get("metadata") or {}
        seen = self._pages.setdefault(scope, set())
        if "continue" not in url.query:
            seen.clear()
        for item in page.get("items") or ():
            obj = {"apiVersion": page["apiVersion"], "kind": scope.kind.name, **item}
            seen.add(ref_of(obj))
            self._cache.put(obj)
        if not metadata.get("continue"):
            self._cache.keep_only(*scope, seen, int(metadata["resourceVersion"]))
            del self._pages[scope]
            self._listed.add(scope)
            self._look()
        return {**page, "items": []}

    async def _started(
        self, session: ClientSession, context: SimpleNamespace, params: TraceRequestStartParams
    ) -> None:
        scope = _scope(params.url)
        if scope is not None and "watch" in params.url.query:
            self._watched[scope] = asyncio.get_running_loop().time()

    def _look(self) -> None:
        if not self._expected or not self._expected <= self._listed:
            self.complete.clear()
        elif not self.complete.is_set():
            log.info("Everything is listed", extra={"objects": self._cache.count()})
            self.complete.set()


def _scope(url: URL) -> Scope | None:
    address = parse(url.path)
    kind = kind_at(address) if address is not None else None
    if address is None or kind is None or address.name:
        return None
    return Scope(kind, address.namespace)
