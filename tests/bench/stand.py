"""The cluster and the operator under test, and what can be read of them from outside."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from cluster.local import Cluster
from demo.install import install, start_operator
from e2e.api import Api
from e2e.app import App
from e2e.local import Local
from e2e.operator import Operator
from linnet.api.objects import ObjectRef

AT_ONCE: Final = 16
"""How many requests we have under way ourselves."""
MANY_EVERY: Final = 0.1
"""Seconds between two looks at many objects."""
SCRAPES: Final = 3
"""After how many scrapes an operator knows how far they are apart."""
LADDER: Final = (10, 20, 30, 40, 50)
PROMOTED: Final = ("Finalising", "Succeeded")
"""The phases in which the new revision is the primary and has all traffic."""


@dataclass(frozen=True)
class Used:
    """What a process has used so far: seconds of CPU, bytes now and at its peak."""

    cpu: float
    memory: int
    peak: int


def used(stat: str, status: str) -> Used:
    """Read /proc/PID/stat and /proc/PID/status; see proc(5)."""
    ticks = stat.rpartition(")")[2].split()[11:13]
    sizes = {
        name: int(value.split()[0]) * 1024
        for name, _, value in (line.partition(":") for line in status.splitlines())
        if name in ("VmRSS", "VmHWM")
    }
    cpu = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    return Used(cpu, sizes["VmRSS"], sizes["VmHWM"])


def busy(stat: str) -> float:
    """Return for how many seconds all cores together have been busy, from /proc/stat; see proc(5).

    Time that a virtual machine was not given counts as well: nobody here could use it.
    """
    user, nice, system, _idle, _waiting, *others = map(int, stat.split("\n", 1)[0].split()[1:9])
    return sum((user, nice, system, *others)) / os.sysconf("SC_CLK_TCK")


def queries(metrics: str) -> Counter[str]:
    """Return how many queries the operator has sent to Prometheus, by kind."""
    return Counter(
        {
            sample.labels["kind"]: int(sample.value)
            for family in text_string_to_metric_families(metrics)
            for sample in family.samples
            if sample.name == "linnet_prometheus_queries_total"
        }
    )


@dataclass(frozen=True)
class Work:
    """The time, and seconds of CPU by then: of the operator, and of everything that runs here."""

    at: float
    operator: float
    machine: float

    def since(self, before: "Work") -> str:
        """Say who was at work since then: where the cores are all taken, they are the limit."""
        own, machine = self.operator - before.operator, self.machine - before.machine
        there = (self.at - before.at) * (os.cpu_count() or 1)
        return (
            f"the machine was busy {100 * machine / there:.0f} % of the time,"
            f" {100 * own / machine:.0f} % of that with the operator ({own:.1f} s of CPU)"
        )


class Stand:
    """An operator that was just started, and apps for it. A context manager."""

    def __init__(self) -> None:
        self.backend = Local()
        self.api: Api
        self.operator: Operator
        self._apps: list[App] = []

    async def __aenter__(self) -> Self:
        self.api = await Api.open(self.backend.kubeconfig)
        await install(self.api)
        self.operator = await start_operator(self.api, Cluster.current())
        await _until(self.operator.leads, 30, "the operator does not lead")
        await _until(self._is_scraped, 60, "Prometheus scrapes nothing")
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            if not self.operator.running:
                self.operator.start()  # without it no Canary can be deleted
            await each(self._apps, lambda app: app.remove())
            for app in self._apps:
                await self.api.until_gone(ObjectRef("Namespace", "", app.namespace))
        finally:
            await asyncio.to_thread(self.operator.stop)
            await self.api.close()

    async def _is_scraped(self) -> bool:
        """Tell whether Prometheus knows how often it scrapes: it may have been started just now."""
        url = f"{self.backend.prometheus}/api/v1/query"
        query = {"query": f"min(count_over_time(up[1m])) >= {SCRAPES}"}
        async with aiohttp.ClientSession() as session, session.get(url, params=query) as answer:
            return bool((await answer.json())["data"]["result"])

    def app(self, name: str) -> App:
        """Return an app that is removed in the end; nothing is created yet."""
        app = App(self.api, self.backend, name)
        self._apps.append(app)
        return app

    async def apps(self, prefix: str, count: int) -> list[App]:
        """Create namespaces and Deployments, without Canaries, and wait for their pods."""
        apps = [self.app(f"{prefix}-{number}") for number in range(count)]

        async def create(app: App) -> None:
            await self.api.apply(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": app.namespace}}
            )
            await self.api.apply(app.deployment("1.0.0", replicas=1))

        await each(apps, create)
        await self.until_all(
            "Deployment", apps, lambda obj: bool(obj["status"].get("availableReplicas"))
        )
        return apps

    async def until_all(
        self,
        kind: str,
        apps: Iterable[App],
        holds: Callable[[Mapping[str, Any]], bool],
        within: float = 180.0,
    ) -> dict[str, float]:
        """Wait until it held once for the object of each app; return when, by namespace."""
        seen: dict[str, float] = {}
        waiting = {app.namespace for app in apps}

        async def look() -> bool:
            objects = await self.api.list(kind, "")
            now = time.time()
            for obj in objects:
                name = obj["metadata"]["namespace"]
                if obj["metadata"]["name"] == "podinfo" and name in waiting and holds(obj):
                    seen[name] = now
                    waiting.discard(name)
            return not waiting

        await _until(look, within, lambda: f"{kind} not as wanted in {sorted(waiting)[:3]}")
        return seen

    def used(self) -> Used:
        """Return what the operator has used so far."""
        folder = Path("/proc") / str(self.operator.pid)
        return used((folder / "stat").read_text(), (folder / "status").read_text())

    def work(self) -> Work:
        """Return what has been worked so far, by the operator and by the whole machine."""
        return Work(time.time(), self.used().cpu, busy(Path("/proc/stat").read_text()))

    async def queries(self) -> Counter[str]:
        """Return how many queries the operator has sent to Prometheus, by kind."""
        return queries(await self.operator.metrics())


def analysis(interval: float, threshold: int = 5) -> dict[str, Any]:
    """Return the analysis that all releases have in common."""
    return {"interval": f"{interval:g}s", "threshold": threshold, "stepWeights": [*LADDER]}


async def each(apps: Sequence[App], do: Callable[[App], Awaitable[object]]) -> None:
    """Do it for all apps, some of them at once."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(app: App) -> None:
        async with slots:
            await do(app)

    async with asyncio.TaskGroup() as tasks:
        for app in apps:
            tasks.create_task(one(app))


async def _until(
    holds: Callable[[], Awaitable[bool]], within: float, otherwise: str | Callable[[], str]
) -> None:
    end = time.monotonic() + within
    while not await holds():
        if time.monotonic() > end:
            raise AssertionError(otherwise if isinstance(otherwise, str) else otherwise())
        await asyncio.sleep(MANY_EVERY)  # the polling interval of this wait
