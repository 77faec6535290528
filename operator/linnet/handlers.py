"""kopf: watches everything that concerns a Canary, and tells the cache.

Only low-level event handlers are used. kopf writes nothing to any object then: no finalizer, no
annotation, no Event; decisions are taken elsewhere, by one task for each Canary.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

import aiohttp
import kopf

from linnet.adapters.cache import Cache
from linnet.adapters.connection import Connection
from linnet.adapters.discovery import discover
from linnet.adapters.kinds import KINDS, Kind
from linnet.adapters.listings import Listings, Scope
from linnet.api.objects import ref_of
from linnet.backoff import Backoff
from linnet.errors import LinnetError, UnavailableError

PAGE = 250
"""Objects in a page of a listing: what is parsed at once, and so the peak of memory."""

WATCH_SECONDS = 600
"""How long the API server keeps a watch open before it has to be renewed."""

CONNECT_SECONDS = 5
REQUEST_SECONDS = 60
LOOK_EVERY = 15
"""Seconds between two looks for kinds that the cluster does not serve yet."""

LISTED_WITHIN = 120
"""Seconds within which everything must be listed; what is not may have gone meanwhile."""

STUCK_AFTER = WATCH_SECONDS + 120
"""Seconds after which a watch that was not renewed cannot be alive."""

KOPF = os.path.dirname(kopf.__file__) + os.sep

log = logging.getLogger(__name__)


class Watching:
    """Runs kopf, and runs it again when it gives up or when a missing kind has come.

    `versions` holds the kinds that the cluster serves. `spawned` is called each time kopf has
    begun, which includes taking over the process's signal handlers.
    """

    def __init__(
        self,
        connection: Connection,
        cache: Cache,
        listings: Listings,
        namespaces: Collection[str],
        spawned: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._cache = cache
        self._listings = listings
        self._namespaces = tuple(namespaces)
        self._spawned = spawned
        self._running = False
        self.versions: dict[Kind, str] = {}
        self.missing: tuple[Kind, ...] = ()
        self.trouble = "not started yet"

    async def run(self) -> None:
        """Watch until kopf is told to stop by a signal that reached it first."""
        backoff = Backoff(0.5, 15)
        while True:
            try:
                self._take(await discover(self._connection))
                self.trouble = ""
                again = await self._watch(backoff)
            except LinnetError as error:
                self.trouble = str(error)
                log.warning("Cannot watch", extra={"error": error})
            except Exception as error:  # whatever made kopf give up, watching must go on
                self.trouble = str(error) or type(error).__name__
                log.warning("Watching broke off", extra={"error": self.trouble})
            else:
                if not again:
                    return
                continue
            await asyncio.sleep(backoff.next())

    def stuck(self) -> bool:
        """Tell whether a watch has ended without anybody renewing it."""
        return self._running and self._listings.oldest_watch() > STUCK_AFTER

    def _take(self, served: Mapping[Kind, str]) -> None:
        for kind in self.versions.keys() - served.keys():
            self._cache.forget(kind)
        self.versions.clear()
        self.versions.update(served)
        missing = tuple(kind for kind in KINDS.values() if kind not in served)
        if missing and missing != self.missing:
            log.warning(
                "The cluster does not serve everything that linnet needs; it looks again",
                extra={
                    "missing": ", ".join(kind.resource for kind in missing),
                    "every": f"{LOOK_EVERY} s",
                },
            )
        self.missing = missing
        self._listings.expect(self._scopes())

    def _scopes(self) -> list[Scope]:
        return [Scope(kind, ns) for kind in self.versions for ns in self._namespaces or ("",)]

    async def _watch(self, backoff: Backoff) -> bool:
        """Run kopf; return True to run it again with other kinds, False when it was stopped."""
        sessions: list[aiohttp.ClientSession] = []
        tasks = await kopf.spawn_tasks(
            registry=self._registry(sessions),
            settings=self._settings(),
            standalone=True,
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
        )
        self._spawned()
        self._running = True
        loop = asyncio.get_running_loop()
        late_at = loop.time() + LISTED_WITHIN
        try:
            while True:
                done, _ = await asyncio.wait(
                    tasks, timeout=LOOK_EVERY, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    task.result()
                if done:
                    return False
                if self._listings.complete.is_set():
                    backoff.reset()
                elif loop.time() > late_at:
                    raise UnavailableError(
                        f"not listed in time: {', '.join(self._listings.missing())}"
                    )
                if self.missing and await self._come():
                    return True
        finally:
            self._running = False
            await _end(tasks)
            for session in sessions:
                await session.close()

    async def _come(self) -> bool:
        with suppress(LinnetError):
            return bool(await discover(self._connection, self.missing))
        return False

    def _registry(self, sessions: list[aiohttp.ClientSession]) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        async def log_in(**_: Any) -> kopf.AiohttpSession:
            session = self._connection.session(
                response_class=self._listings.response_class(), traces=[self._listings.trace()]
            )
            sessions.append(session)
            return kopf.AiohttpSession(server=self._connection.server, aiohttp_session=session)

        async def take(event: kopf.RawEvent, **_: Any) -> None:
            obj = event["object"]
            if event["type"] == "DELETED":
                self._cache.remove(ref_of(obj), int(obj["metadata"]["resourceVersion"]))
            else:
                self._cache.put(obj)

        kopf.on.login(registry=registry)(log_in)
        for kind, version in self.versions.items():
            kopf.on.event(kind.group, version, kind.plural, registry=registry)(take)
        return registry

    def _settings(self) -> kopf.OperatorSettings:
        settings = kopf.OperatorSettings()
        settings.posting.enabled = False
        # What is served is found out here: watching all CustomResourceDefinitions for it would
        # take more memory than all Canaries, and permissions that one namespace does not give.
        settings.scanning.disabled = True
        settings.watching.chunk_size = PAGE
        settings.watching.server_timeout = WATCH_SECONDS
        settings.watching.client_timeout = WATCH_SECONDS + 60
        settings.watching.connect_timeout = CONNECT_SECONDS
        settings.networking.connect_timeout = CONNECT_SECONDS
        settings.networking.request_timeout = REQUEST_SECONDS
        settings.networking.error_backoffs = (0.1, 0.2, 0.5, *(1,) * 10)
        settings.queueing.idle_timeout = 1
        settings.process.ultimate_exiting_timeout = None
        for kind in self.versions:
            if kind.selector:
                settings.watching.label_selectors[kind.group, kind.plural] = kind.selector
        return settings


async def _end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """End kopf's tasks, including those that its root tasks leave behind when they fail.

    kopf's own way to end (kopf.run_tasks) ends every task of the event loop, the Canaries' too.
    """
    for _ in range(5):
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=2)
        for task in tasks:
            if task.done() and not task.cancelled():
                task.exception()  # seen, so that nobody complains that it was not
        tasks = [task for task in asyncio.all_tasks() if _is_of_kopf(task)]


def _is_of_kopf(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and code.co_filename.startswith(KOPF)
