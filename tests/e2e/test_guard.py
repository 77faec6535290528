"""The guard on a real mesh: what a bad release costs, and whether a good one is left alone."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from cluster.traffic import Request
from e2e.api import Api
from e2e.app import LATENCY, SUCCESS_RATE, App
from e2e.backend import Backend
from e2e.fleet import Traffic, each, fleet
from e2e.operator import Operator
from e2e.test_status import linnet

BASE = "1.0.0-errors-0.5"
FAULTS = {
    "1 %": "2.0.0-errors-1",
    "2 %": "2.0.0-errors-2",
    "5 %": "2.0.0-errors-5",
    "20 %": "2.0.0-errors-20",
    "100 %": "2.0.0-errors-100",
    "slow": "2.0.0-slow-400-errors-0.5",
}
BEYOND_DOUBT = ("20 %", "100 %", "slow")
"""Faults that no release of this length may get away with, at this traffic."""
SLOW_SECONDS = 0.4
RPS = 20.0
WARM_UP = 10.0
"""Seconds of traffic before a release: what the primary does is known by then."""
INTERVAL = 10.0
"""Seconds between two checks."""
LADDER: dict[str, Any] = {
    "interval": f"{INTERVAL:g}s",
    "threshold": 3,
    "stepWeights": [20, 30, 40, 50],
}
HEALTHY = 50


@dataclass(frozen=True)
class Cost:
    """What one release cost: seconds are from the first traffic to weight 0."""

    phase: str
    reason: str
    bad: int
    seconds: float

    def __str__(self) -> str:
        if self.phase != "Failed":
            return f"promoted after {self.bad} bad requests"
        return f"{self.bad} bad requests, weight 0 after {self.seconds:.1f} s ({self.reason})"


def is_bad(request: Request) -> bool:
    return not request.ok or request.seconds >= SLOW_SECONDS


@pytest.fixture(scope="module")
def every_five_seconds(
    shared_operator: Operator, new_operator: Callable[..., Operator]
) -> Iterator[Operator]:
    """An operator that looks as often as where Prometheus scrapes every 5 s; no other runs."""
    shared_operator.stop()
    operator = new_operator("guard", scrape="5s")
    yield operator
    operator.stop()


@pytest.fixture
async def operator(every_five_seconds: Operator) -> Operator:
    """In place of the operator of all tests."""
    await every_five_seconds.ready()
    return every_five_seconds


async def release(app: App, tag: str, *, bursty: bool, guard: bool) -> Cost:
    """Release a tag under traffic, and say what it cost."""
    metrics = [SUCCESS_RATE, LATENCY]
    await app.initialized(analysis={**LADDER, "metrics": metrics, "guard": {"enabled": guard}})
    async with Traffic(app, RPS, bursty=bursty) as traffic:
        await asyncio.sleep(WARM_UP)
        await app.release(tag)
        await app.weight(20)
        since = time.time()
        status = await app.phase("Failed", "Finalising", "Succeeded", within=150)
        await app.weight(0)
        back = time.time()
    bad = sum(
        is_bad(request) and request.version == tag
        for load in traffic.requests()
        for request in load.between(since)
    )
    return Cost(status["phase"], status["decisions"][-1]["reason"], bad, back - since)


@pytest.mark.parametrize("kind", ["steady", "bursty"])
async def test_bad_releases_beside_thresholds_alone(
    api: Api, backend: Backend, operator: Operator, kind: str
) -> None:
    runs = [(fault, guard) for fault in FAULTS for guard in (True, False)]
    names = [
        f"t-{kind}-{re.sub('[^a-z0-9]', '', fault)}-{'guard' if guard else 'alone'}"
        for fault, guard in runs
    ]
    async with fleet(api, backend, names, BASE) as apps:
        costs = await asyncio.gather(
            *(
                release(app, FAULTS[fault], bursty=kind == "bursty", guard=guard)
                for app, (fault, guard) in zip(apps, runs, strict=True)
            )
        )
    found = dict(zip(runs, costs, strict=True))
    print(f"\n{kind} traffic, {RPS:g} requests a second, 0.5 % fail before")
    for fault in FAULTS:
        print(f"  {fault:>6}: guard: {found[fault, True]}; alone: {found[fault, False]}")
    for fault in BEYOND_DOUBT:
        with_guard, alone = found[fault, True], found[fault, False]
        assert with_guard.phase == "Failed", fault
        assert with_guard.seconds <= alone.seconds + INTERVAL / 2, fault
    assert found["100 %", True].reason == "GuardTripped"
    assert found["100 %", True].bad < found["100 %", False].bad


async def test_fifty_healthy_releases_and_not_one_taken_back(
    api: Api, backend: Backend, operator: Operator
) -> None:
    metrics = [{**SUCCESS_RATE, "thresholdRange": {"min": 80}}]  # the guard is what is tested
    analysis = {"interval": "6s", "threshold": 5, "stepWeights": [20, 35, 50], "metrics": metrics}
    names = [f"t-healthy-{number}" for number in range(HEALTHY)]
    async with fleet(api, backend, names, BASE) as apps:
        await each(apps, lambda app: app.initialized(analysis=analysis))
        loads = [Traffic(app, 4.0, bursty=number % 2 == 0) for number, app in enumerate(apps)]
        for load in loads:
            await load.__aenter__()
        try:
            await asyncio.sleep(WARM_UP)
            await each(apps, lambda app: app.release("2.0.0-errors-0.5"))
            ends = await asyncio.gather(
                *(app.phase("Failed", "Finalising", "Succeeded", within=150) for app in apps)
            )
        finally:
            for load in loads:
                await load.__aexit__()
    failed = [status["decisions"][-1]["message"] for status in ends if status["phase"] == "Failed"]
    print(f"\n{HEALTHY} healthy releases, {len(failed)} taken back")
    assert not failed


async def evidence(operator: Operator, app: App) -> float:
    """Return the evidence that the operator tells of an app, the weaker of the two."""
    line = re.compile(
        rf'linnet_canary_evidence{{.*name="podinfo",namespace="{app.namespace}",'
        r'process="errors"} (\S+)'
    )
    return min(map(float, line.findall(await operator.metrics())), default=0.0)


async def until(holds: Callable[[], Any], within: float = 60.0) -> None:
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110 - what is awaited is elsewhere
            await asyncio.sleep(0.1)


@pytest.mark.needs_restarts
async def test_killed_in_mid_evidence_it_loses_no_request_and_counts_none_twice(
    app: App, operator: Operator
) -> None:
    await app.create(BASE)
    await app.initialized(analysis={"interval": "2m", "stepWeights": [30, 60]})
    rps, weight = 50.0, 0.3
    tag = "2.0.0-errors-10"
    async with app.traffic(rps) as load:
        await load.more(int(WARM_UP * rps))
        await app.release(tag)
        await app.weight(30)

        async def is_suspected() -> bool:
            return await evidence(operator, app) > 2

        await until(is_suspected)
        await operator.restart_after_kill9()
        status = await app.phase("Failed", within=60)
        await app.weight(0)
    last = status["decisions"][-1]
    assert last["reason"] == "GuardTripped"
    text = await linnet(app, "explain", "podinfo", "--namespace", app.namespace)
    assert "GuardTripped: rolled back: the canary failed in" in text
    counted = last["exposure"]["requests"]
    sent = len(load.between(0, _epoch(last["sampleTime"])).of(tag))
    print(f"\n{counted:g} requests counted, {sent} were sent until then")
    # The last scrape in a tile is up to a second older than its end.
    assert abs(counted - sent) <= 2 * rps * weight


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
