"""The ports of a reconcile over the engine's in-memory world, with faults to order."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from linnet.analysis.measurement import Measurement, Query
from linnet.analysis.watch import Baseline, TileSpan, Watch
from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef
from linnet.api.status import CanaryStatus
from linnet.engine.decision import Action, Create, Event, Replace, Scale, SetFinalizers
from linnet.engine.observation import Observation
from linnet.errors import ConflictError, SpecError
from linnet.ports import Observed
from linnet.workers import Worker
from unit.engine.world import START, World

Fault = Callable[[str], BaseException | None]


def clock() -> datetime:
    """Return the event loop's time as a date."""
    return START + timedelta(seconds=asyncio.get_running_loop().time())


class FakeCluster:
    """Implements Cluster. Requests take some time; every write is fenced as the real one's is.

    `log` holds what was written, in order. `fault` is asked before each write and may return an
    error to raise.
    """

    def __init__(self, world: World, latency: float = 0.01) -> None:
        self.world = world
        self.latency = latency
        self.worker = Worker(ObjectRef("Canary", "test", "podinfo"))
        self.fault: Fault = lambda write: None
        self.problem: SpecError | None = None
        self.log: list[str] = []
        self.events: list[Event] = []
        self.looks = 0

    def change(self, change: Callable[[], object]) -> None:
        """Change the world, and tell the Canary's task as a watch would."""
        change()
        self.worker.look_again()

    def observe(self, ref: ObjectRef) -> Observed | None:
        self.looks += 1
        self.world.now = clock()
        if self.world.canary_object is None:
            return None
        canary = self.world.canary
        if self.problem is not None:
            husk = canary.model_copy(update={"spec": None})
            return Observed(husk, Observation(), self.problem)
        return Observed(canary, self.world.observation())

    async def write_status(self, canary: Canary, status: CanaryStatus) -> None:
        await self._request("status")
        live = self.world.canary_object
        if live is None or live["metadata"]["resourceVersion"] != canary.resource_version:
            raise ConflictError("the Canary has changed")
        self.log.append("status")
        live["status"] = status.to_object()
        version = int(live["metadata"]["resourceVersion"]) + 1000
        live["metadata"]["resourceVersion"] = str(version)

    async def carry_out(self, canary: Canary, action: Action) -> None:
        what = f"{type(action).__name__} {action.ref.kind}/{action.ref.name}"
        await self._request(what)
        live = self.world.objects.get(action.ref)
        version = live["metadata"]["resourceVersion"] if live else None
        match action:
            case Create():
                expected = None
            case Scale():
                expected = action.resource_version
            case Replace():
                expected = action.object["metadata"]["resourceVersion"]
            case _:
                expected = version
        if expected != version:
            raise ConflictError(f"{action.ref} has changed")
        self.log.append(what)
        if isinstance(action, SetFinalizers) and self.world.canary_object is None:
            raise ConflictError("gone")
        self.world.carry_out(action)

    async def post(self, canary: Canary, event: Event) -> None:
        self.events.append(event)

    async def _request(self, write: str) -> None:
        await asyncio.sleep(self.latency)
        error = self.fault(write)
        if error is not None:
            raise error


class FakeMetrics:
    """Implements Metrics: answers as the world does, after `delay` seconds."""

    def __init__(self, world: World, delay: float = 0.05) -> None:
        self.world = world
        self.delay = delay
        self.asked: list[Sequence[Query]] = []

    async def measure(self, queries: Sequence[Query]) -> tuple[Measurement, ...]:
        self.asked.append(queries)
        answers = tuple(self.world.measure(query) for query in queries)
        await asyncio.sleep(self.delay)
        return answers


class FakeTiles:
    """Implements Tiles: answers as the world does, after `delay` seconds, `lag` behind the grid."""

    def __init__(self, world: World, delay: float = 0.05, lag: float = 1.0) -> None:
        self.world = world
        self.delay = delay
        self.lag = lag
        self.baselines = 0
        self.asked: list[tuple[Watch, float]] = []

    async def baseline(self, server: str, namespace: str, primary: str) -> Baseline:
        self.baselines += 1
        await asyncio.sleep(self.delay)
        return self.world.baseline()

    async def read(self, watch: Watch, since: float) -> TileSpan:
        self.asked.append((watch, since))
        span = self.world.read(watch, since, clock().timestamp() - self.lag)
        await asyncio.sleep(self.delay)
        return replace(span, next_at=span.next_at + self.lag)
