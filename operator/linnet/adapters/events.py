"""Kubernetes Events, posted in the background: telling must never hold up doing."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import uuid4

from linnet.adapters.connection import Connection
from linnet.adapters.telemetry import Telemetry
from linnet.api.canary import Canary
from linnet.api.names import API_VERSION, KIND
from linnet.api.objects import ObjectRef
from linnet.api.timestamp import format_timestamp
from linnet.engine.decision import Event
from linnet.errors import LinnetError, UnavailableError

COMPONENT = "linnet.dev/operator"
MAX_NOTE = 1024
WAITING = 1000
"""How many Events may wait; older ones are dropped for newer ones."""

TRIES = 3
PAUSE = 2.0
"""Seconds between two tries."""

log = logging.getLogger(__name__)


class _Posting(NamedTuple):
    ref: ObjectRef
    body: dict[str, Any]


class EventPoster:
    """Posts Events in the order they came, as long as `run` runs."""

    def __init__(self, connection: Connection, instance: str, telemetry: Telemetry) -> None:
        self._connection = connection
        self._instance = instance[:128]
        self._telemetry = telemetry
        self._queue: asyncio.Queue[_Posting] = asyncio.Queue(maxsize=WAITING)

    def post(self, canary: Canary, event: Event) -> None:
        """Queue an Event. Never waits, never raises."""
        if self._queue.full():
            self._queue.get_nowait()
            self._queue.task_done()
            self._telemetry.events_dropped.inc()
        self._queue.put_nowait(_Posting(canary.ref, self._body(canary, event)))

    async def run(self) -> None:
        """Post what is queued, for ever."""
        while True:
            posting = await self._queue.get()
            try:
                await self._deliver(posting)
            finally:
                self._queue.task_done()

    async def drain(self, seconds: float) -> None:
        """Wait until everything is posted, but not longer than this."""
        try:
            async with asyncio.timeout(seconds):
                await self._queue.join()
        except TimeoutError:
            pass

    async def _deliver(self, posting: _Posting) -> None:
        path = f"/apis/events.k8s.io/v1/namespaces/{posting.ref.namespace}/events"
        for attempt in range(1, TRIES + 1):
            try:
                await self._connection.request("POST", path, posting.ref, body=posting.body)
            except UnavailableError:
                if attempt < TRIES:
                    await asyncio.sleep(PAUSE)
                    continue
                self._telemetry.events_dropped.inc()
            except LinnetError as error:
                # A namespace that is being deleted takes no Events, for one.
                self._telemetry.events_dropped.inc()
                log.info("Event refused", extra={"canary": posting.ref, "error": str(error)})
            return

    def _body(self, canary: Canary, event: Event) -> dict[str, Any]:
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": f"{canary.name[:200]}.{uuid4().hex}",
                "namespace": canary.namespace,
            },
            "eventTime": format_timestamp(datetime.now(UTC)),
            "type": event.type,
            "reason": event.reason[:128],
            "action": event.reason[:128],
            "note": event.message.encode()[:MAX_NOTE].decode(errors="ignore"),
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "namespace": canary.namespace,
                "name": canary.name,
                "uid": canary.uid,
                "resourceVersion": canary.resource_version,
            },
            "reportingController": COMPONENT,
            "reportingInstance": self._instance,
        }
