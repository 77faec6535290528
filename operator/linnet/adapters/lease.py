"""Which of several instances may act: a coordination.k8s.io/v1 Lease.

The holder renews the lease every RENEW_EVERY seconds, and may act until DEADLINE seconds after it
*sent* the last renewal that succeeded. Others take over once they have seen the lease unchanged
for its whole duration, which is longer: DEADLINE + any pause < DURATION is what keeps two from
acting at once. Each side goes by its own monotonic clock, so clocks need not agree; times inside
the lease are for people to read. Renewals name the version that they replace, so that of two
instances that take the lease at once one loses. What slips through all this (a process that was
frozen in between two instructions) meets the resourceVersion that every write insists on.

An instance that starts under the identity of the holder is the holder's successor (a container
that was restarted in its pod) and goes on at once. The client library's own election was not
used: 37.0.2 never gets its create right, and goes on leading while the API server is out of reach.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from linnet.adapters.connection import NotFoundError
from linnet.api.timestamp import format_timestamp
from linnet.errors import ConflictError, LinnetError

DURATION = 15
"""Seconds without a renewal after which others take over."""

DEADLINE = 10.0
"""Seconds after a renewal during which the holder may act."""

RENEW_EVERY = 4.0
RETRY_EVERY = 1.0
"""Seconds between two tries while the lease is not ours, or its renewal has failed."""

TIME_LIMIT = 3.0
"""Seconds for one request: a hanging API server must leave time for another try."""

log = logging.getLogger(__name__)


class Requests(Protocol):
    """The part of Connection that a lease needs."""

    async def request(
        self,
        method: str,
        path: str,
        subject: object,
        *,
        body: Any = None,
        time_limit: float = TIME_LIMIT,
    ) -> dict[str, Any]: ...


def monotonic() -> float:
    """Return a clock that goes on while the machine sleeps, where the system has one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lease:
    """Tells whether this instance leads. `run` keeps it up to date."""

    def __init__(
        self,
        requests: Requests,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._requests = requests
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._until = 0.0
        self._terms = 0
        self._leading = asyncio.Event()
        self._announced = False
        self._trouble = ""

        self._live: dict[str, Any] | None = None
        self._seen_at = 0.0
        self._in_doubt = True
        self._just_started = True
        # When each of our renewals was sent that the lease may show, by its renewTime.
        self._sent: dict[str, float] = {}

    # What others ask

    @property
    def leading(self) -> bool:
        """Whether this instance may act."""
        return self.time_left() > 0

    def time_left(self) -> float:
        """Return for how many seconds this instance may act without another renewal."""
        return max(0.0, self._until - self._clock())

    def term(self) -> int:
        """Return how often this instance has begun to lead: others may have led in between."""
        return self._terms

    @property
    def holder(self) -> str:
        """The instance that was last seen to hold the lease; empty if none was."""
        return str((self._live or {}).get("spec", {}).get("holderIdentity") or "")

    async def wait(self) -> None:
        """Wait until this instance may act."""
        while not self.leading:
            self._leading.clear()
            await self._leading.wait()

    # Keeping it

    async def run(self) -> None:
        """Get the lease and keep it, for ever."""
        while True:
            renewed = False
            try:
                renewed = await self._get_or_renew()
                self._trouble = ""
            except LinnetError as error:
                self._complain(str(error))
            if self.leading:
                self._leading.set()
            self._announce()
            # Two that wait for the same lease should not ask in step.
            jitter = random.uniform(0.8, 1.2)  # noqa: S311 - not a secret
            await asyncio.sleep(RENEW_EVERY if renewed else RETRY_EVERY * jitter)

    async def release(self) -> None:
        """Stop acting, then let another instance take over at once. Never raises."""
        held, live = self.leading, self._live
        self._until = 0.0
        self._announced = False
        if not held or live is None:
            return
        spec = {**live["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
        try:
            await self._send("PUT", {**live, "spec": spec})
        except LinnetError as error:
            self._complain(str(error))
        else:
            log.info("Lease released", extra={"lease": self._subject})

    async def _get_or_renew(self) -> bool:
        """Try once; return whether the lease is ours from now on. Raises LinnetError."""
        if self._in_doubt:
            await self._look()
            may_take = self._may_take()
            self._just_started = False
            if not may_take:
                return False
        self._in_doubt = True
        sent, body = self._clock(), self._renewed()
        self._sent[body["spec"]["renewTime"]] = sent
        try:
            self._live = await self._send("PUT" if self._live else "POST", body)
        except (ConflictError, NotFoundError):
            # Somebody else wrote it; or it was us, and the answer to an earlier try was lost.
            await self._look()
            return False
        self._in_doubt = False
        self._seen_at = sent
        self._sent = {body["spec"]["renewTime"]: sent}
        self._lead_until(sent + DEADLINE)
        return True

    async def _look(self) -> None:
        """Read the lease. A renewal of ours counts from when it was sent; any other ends ours."""
        try:
            live = await self._send("GET")
        except NotFoundError:
            self._live = None
            self._until = 0.0
            return
        if self._live is None or _version(live) != _version(self._live):
            self._seen_at = self._clock()
        self._live = live
        if self._mine():
            self._lead_until(self._sent[live["spec"]["renewTime"]] + DEADLINE)
        else:
            self._until = 0.0

    def _lead_until(self, until: float) -> None:
        led = self.leading
        self._until = until
        self._terms += self.leading and not led

    def _mine(self) -> bool:
        """Tell whether the lease shows a renewal of this very process."""
        spec = (self._live or {}).get("spec") or {}
        return self.holder == self._identity and spec.get("renewTime") in self._sent

    def _may_take(self) -> bool:
        if self._live is None or not self.holder or self._mine():
            return True
        if self._just_started and self.holder == self._identity:
            log.info("Going on for an earlier process", extra={"identity": self._identity})
            return True
        duration = self._live["spec"].get("leaseDurationSeconds") or DURATION
        return self._clock() - self._seen_at > duration

    def _renewed(self) -> dict[str, Any]:
        now = format_timestamp(datetime.now(UTC))
        live = self._live or {}
        spec = dict(live.get("spec") or {})
        if spec.get("holderIdentity") != self._identity:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = (spec.get("leaseTransitions") or 0) + bool(live)
        spec["holderIdentity"] = self._identity
        spec["leaseDurationSeconds"] = DURATION
        spec["renewTime"] = now
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": live.get("metadata") or {"name": self._name, "namespace": self._namespace},
            "spec": spec,
        }

    async def _send(self, method: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self._namespace}/leases"
        if method != "POST":
            path = f"{path}/{self._name}"
        return await self._requests.request(
            method, path, self._subject, body=body, time_limit=TIME_LIMIT
        )

    # Telling

    @property
    def _subject(self) -> str:
        return f"Lease {self._namespace}/{self._name}"

    def _announce(self) -> None:
        if self.leading and not self._announced:
            log.info("Leading", extra={"lease": self._subject, "identity": self._identity})
        elif self._announced and not self.leading:
            log.warning("Not leading", extra={"lease": self._subject, "holder": self.holder})
        self._announced = self.leading

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.warning("Lease not renewed", extra={"lease": self._subject, "error": trouble})
        self._trouble = trouble


class Unopposed:
    """Stands in for a lease where no other instance can be: leads, always."""

    leading = True
    holder = ""

    def time_left(self) -> float:
        """Return that there is no limit."""
        return float("inf")

    def term(self) -> int:
        """Return that this is the first time, and the last."""
        return 1

    async def wait(self) -> None:
        """Return at once."""

    async def run(self) -> None:
        """Do nothing, for ever."""
        await asyncio.Event().wait()

    async def release(self) -> None:
        """Do nothing."""


def _version(lease: Mapping[str, Any]) -> str:
    return str(lease["metadata"]["resourceVersion"])
