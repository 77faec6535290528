"""Steady traffic, each request accounted for.

    python -m cluster.load --host app.example.com --rps 50 --duration 30

    async with Load(GATEWAY_ADDRESS, host="app.example.com", rps=50) as load:
        ...
    assert load.counts().failed == 0

The rate is open-loop: requests are sent when they are due, however slow the answers are. Each one
has a connection of its own, so that none can fall on a kept connection that the other end is just
closing, and is sent exactly once: every failure is one that a user would have seen.
"""

import asyncio
import ipaddress
import json
import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

import click
import httptools

from cluster.envoy import CALLER_ADDRESS, CALLER_PORTS, GATEWAY_ADDRESS
from cluster.exchange import Answer, exchange, payload
from cluster.traffic import Counts, Request, Requests

LONGEST = 3600.0
"""Seconds after which any load stops by itself."""
MOST = 500_000
"""Requests after which any load stops by itself: they are kept in memory."""


class Load:
    """Traffic to one address, from entering the context until leaving it.

    Leaving waits for the answers that are due, `timeout` seconds at most. The load ends by itself
    after `duration` seconds or MOST requests. What has ended so far can be read at any time.
    ValueError when the target is not a loopback address or a figure makes no sense.
    """

    def __init__(
        self,
        target: tuple[str, int],
        *,
        host: str,
        rps: float = 50.0,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        duration: float = LONGEST,
    ) -> None:
        if not ipaddress.ip_address(target[0]).is_loopback:
            raise ValueError(f"{target[0]} is no loopback address: load goes to this machine only")
        if not 0 < rps <= 2000:
            raise ValueError(f"{rps:g} requests a second: it must be above 0, and 2000 at most")
        if not 0 < duration <= LONGEST:
            raise ValueError(f"{duration:g} s: must be above 0, and {LONGEST:g} at most")
        self._target = target
        self._payload = payload(host, path, headers or {})
        self._rps = rps
        self._timeout = timeout
        self._last = min(MOST, math.ceil(duration * rps - 1e-9))
        self._pending = 0
        self._requests: list[Request] = []
        self._waiters: list[_Waiter] = []
        self._stop = asyncio.Event()
        self._sender: asyncio.Task[None]
        self.lag = 0.0
        """The longest that a request was sent later than due, in seconds: this side's own fault."""

    async def __aenter__(self) -> Self:
        self._sender = asyncio.create_task(self._send_all())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        await self._sender

    async def wait(self) -> None:
        """Until the load has ended by itself and every request with it."""
        await asyncio.wait([self._sender])

    async def more(self, count: int) -> Requests:
        """Wait until this many requests sent from now on have ended; return these.

        RuntimeError when the load ends before.
        """
        waiter = _Waiter(time.time(), count, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            await asyncio.wait({waiter.done, self._sender}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiters.remove(waiter)
        if not waiter.done.done():
            raise RuntimeError(f"the load ended, {waiter.left} requests short of {count}")
        return self.between(waiter.start)

    def requests(self) -> Requests:
        """All requests that have ended so far."""
        return Requests(self._requests)

    def counts(self) -> Counts:
        """How many ended how so far, and how many have yet to end."""
        counts = self.requests().counts()
        return replace(counts, sent=counts.sent + self._pending, pending=self._pending)

    def between(self, start: float, end: float = math.inf) -> Requests:
        """See `Requests.between`."""
        return self.requests().between(start, end)

    def by_version(self) -> Counter[str]:
        """See `Requests.by_version`."""
        return self.requests().by_version()

    def failed(self) -> list[Request]:
        """See `Requests.failed`."""
        return self.requests().failed()

    async def _send_all(self) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        async with asyncio.TaskGroup() as tasks:
            for number in range(self._last):
                due = start + number / self._rps
                if await self._stopped_before(due):
                    return
                tasks.create_task(self._send(due))

    async def _stopped_before(self, due: float) -> bool:
        try:
            async with asyncio.timeout_at(due):
                return await self._stop.wait()
        except TimeoutError:
            return False

    async def _send(self, due: float) -> None:
        clock = asyncio.get_running_loop().time
        self._pending += 1
        answer = Answer()
        at, began = time.time(), clock()
        self.lag = max(self.lag, began - due)
        try:
            async with asyncio.timeout(self._timeout):
                await exchange(self._target, self._payload, answer)
            reason = "" if answer.status < 400 else answer.reason
            status = answer.status
        except TimeoutError:
            status, reason = 0, f"no answer within {self._timeout:g} s"
        except (OSError, httptools.HttpParserError) as error:
            status, reason = 0, str(error)
        took = clock() - began
        self._pending -= 1
        self._requests.append(Request(at, took, status, answer.version, answer.pod, reason))
        for waiter in self._waiters:
            waiter.ended(at)


@dataclass(eq=False)
class _Waiter:
    start: float
    left: int
    done: asyncio.Future[None]

    def ended(self, at: float) -> None:
        if at >= self.start:
            self.left -= 1
            if self.left == 0:
                self.done.set_result(None)


@click.command()
@click.option("--host", required=True, help="The Host header: what the routes go by.")
@click.option(
    "--target",
    metavar="gateway|caller|ADDRESS:PORT",
    default="gateway",
    show_default=True,
    help="Where to: the ingress gateway, the caller's sidecar (port 80), another loopback address.",
)
@click.option("--rps", type=float, default=50.0, show_default=True, help="Requests a second.")
@click.option("--duration", type=float, default=10.0, show_default=True, help="Seconds.")
@click.option("--path", default="/", show_default=True)
@click.option("--header", "headers", metavar="NAME=VALUE", multiple=True, help="One more header.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def main(
    host: str,
    target: str,
    rps: float,
    duration: float,
    path: str,
    headers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Send steady traffic, then say what became of it.

    Example: python -m cluster.load --host app.example.com --rps 50 --duration 30
    """
    fields = dict(header.split("=", 1) for header in headers if "=" in header)
    if len(fields) < len(headers):
        raise click.BadParameter("a header must be NAME=VALUE", param_hint="--header")
    try:
        load = Load(
            _address(target), host=host, rps=rps, path=path, headers=fields, duration=duration
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    asyncio.run(_run(load))
    summary = _summary(load)
    click.echo(json.dumps(summary) if as_json else _text(summary))


async def _run(load: Load) -> None:
    async with load:
        await load.wait()


def _address(target: str) -> tuple[str, int]:
    named = {"gateway": GATEWAY_ADDRESS, "caller": (CALLER_ADDRESS, CALLER_PORTS[0])}
    if target in named:
        return named[target]
    address, _, port = target.rpartition(":")
    if not address or not port.isdecimal():
        raise click.BadParameter(
            f"{target!r} is neither gateway, caller nor ADDRESS:PORT", param_hint="--target"
        )
    return address, int(port)


def _summary(load: Load) -> dict[str, Any]:
    counts, requests = load.counts(), load.requests()
    return {
        "sent": counts.sent,
        "ok": counts.ok,
        "failed": counts.failed,
        "versions": dict(sorted(load.by_version().items())),
        "statuses": {str(status): count for status, count in sorted(counts.statuses.items())},
        "reasons": dict(counts.reasons.most_common(10)),
        "latency_ms": {
            name: round(1000 * requests.latency(quantile), 1)
            for name, quantile in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
        },
        "sent_late_ms": round(1000 * load.lag, 1),
    }


def _text(summary: Mapping[str, Any]) -> str:
    def listed(figures: Mapping[str, Any]) -> str:
        return ", ".join(f"{name}: {figure}" for name, figure in figures.items()) or "none"

    return "\n".join(
        f"{name.replace('_', ' '):14}{listed(value) if isinstance(value, dict) else value}"
        for name, value in summary.items()
    )


if __name__ == "__main__":
    main()
