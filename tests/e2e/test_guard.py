"""The guard on a real mesh: what a bad release costs, and whether a good one is left alone."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

import pytest

from e2e.api import WITHIN, Api
from e2e.app import LATENCY, SUCCESS_RATE, App
from e2e.backend import Backend
from e2e.cost import Cost, Report, is_bad
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
REPORTED = (
    f"Bad releases at {RPS:g} requests a second, of which 0.5 % fail before; three checks,"
    f" {INTERVAL:g} s apart"
)
APPS = 10
ROUNDS = 5
"""Releases of each app, one after the other: fifty of them all told."""
HEALTHY_RPS = 25.0
REPORTED_HEALTHY = (
    f"Healthy releases at {HEALTHY_RPS:g} requests a second, of which 0.5 % fail before and after"
)
COMPARED = 50
"""Requests to a canary that the guard has compared at least before it is promoted. At a mean weight
of 40 % there are about 150; on a machine with no time to spare, fewer."""


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
    api: Api, backend: Backend, operator: Operator, kind: str, report: Report
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
    for fault in FAULTS:
        cells: dict[str, object] = {
            "the canary": f"fails {fault}" if "%" in fault else fault,
            "traffic": kind,
            "with the guard": found[fault, True],
            "thresholds alone": found[fault, False],
        }
        report.row(REPORTED, cells)
    for fault in BEYOND_DOUBT:
        with_guard, alone = found[fault, True], found[fault, False]
        assert with_guard.phase == "Failed", fault
        assert with_guard.seconds <= alone.seconds + INTERVAL / 2, fault
    assert found["100 %", True].reason == "GuardTripped"
    assert found["100 %", True].bad < found["100 %", False].bad


async def next_end(app: App, begun: str | None) -> dict[str, Any]:
    """Wait until the release after the one that began then is over; return the status."""

    def over(canary: dict[str, Any]) -> bool:
        status = canary["status"]
        return status.get("startedAt") != begun and status["phase"] in ("Failed", "Succeeded")

    return dict((await app.api.until(app.canary_ref, over, within=240))["status"])


async def healthy_releases(app: App) -> list[dict[str, Any]]:
    """Release one healthy version after the other; return the status that each ended with."""
    ends: list[dict[str, Any]] = []
    for number in range(ROUNDS):
        begun = (await app.status()).get("startedAt")
        await app.release(f"{number + 2}.0.0-errors-0.5")
        ends.append(await next_end(app, begun))
    return ends


def compared(status: dict[str, Any]) -> tuple[int, float]:
    """Return in how many spans of time a release was compared when it was decided on something.

    And how many requests to the canary were, all told. The primary had some in each span.
    """
    decisions = [one for one in status["decisions"] if one["time"] >= status["startedAt"]]
    spans = {
        decision["sampleTime"]
        for decision in decisions
        for finding in decision.get("findings", [])
        if finding["canary"]["requests"] and finding["primary"]["requests"]
    }
    exposures = [one["exposure"]["requests"] for one in decisions if one.get("exposure")]
    return len(spans), max(exposures, default=0)


async def test_fifty_healthy_releases_and_not_one_taken_back(
    api: Api, backend: Backend, operator: Operator, report: Report
) -> None:
    metrics = [{**SUCCESS_RATE, "thresholdRange": {"min": 80}}]  # the guard is what is tested
    analysis = {"interval": "7s", "threshold": 5, "stepWeights": [30, 40, 50], "metrics": metrics}
    names = [f"t-healthy-{number}" for number in range(APPS)]
    async with fleet(api, backend, names, BASE) as apps, AsyncExitStack() as stack:
        spec = {"analysis": analysis, "progressDeadlineSeconds": 180}
        await each(apps, lambda app: app.initialized(**spec))
        loads = [
            Traffic(app, HEALTHY_RPS, bursty=number % 2 == 0) for number, app in enumerate(apps)
        ]
        for load in loads:
            await stack.enter_async_context(load)
        await asyncio.sleep(WARM_UP)
        releases = [
            end for ends in await asyncio.gather(*map(healthy_releases, apps)) for end in ends
        ]
    failed = [end["decisions"][-1]["message"] for end in releases if end["phase"] == "Failed"]
    found = [compared(end) for end in releases]
    requests = sorted(requests for _, requests in found)
    cells: dict[str, object] = {
        "releases": len(releases),
        "taken back": len(failed),
        "fewest requests compared": f"{requests[0]:g}",
        "median": f"{requests[len(requests) // 2]:g}",
        "all": f"{sum(requests):g}",
    }
    report.row(REPORTED_HEALTHY, cells)
    assert not failed
    assert len(releases) == APPS * ROUNDS
    assert requests[0] >= COMPARED, requests
    assert min(spans for spans, _ in found) >= 2, found


async def evidence(operator: Operator, app: App) -> float:
    """Return the evidence that the operator tells of an app, the weaker of the two."""
    line = re.compile(
        rf'linnet_canary_evidence{{.*name="podinfo",namespace="{app.namespace}",'
        r'process="errors"} (\S+)'
    )
    return min(map(float, line.findall(await operator.metrics())), default=0.0)


async def until(holds: Callable[[], Any], within: float = WITHIN) -> None:
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110 - what is awaited is elsewhere
            await asyncio.sleep(0.1)


@pytest.mark.needs_restarts
async def test_killed_in_mid_evidence_it_loses_no_request_and_counts_none_twice(
    app: App, operator: Operator, report: Report
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
        status = await app.phase("Failed")
        await app.weight(0)
    last = status["decisions"][-1]
    assert last["reason"] == "GuardTripped"
    text = await linnet(app, "explain", "podinfo", "--namespace", app.namespace)
    assert "GuardTripped: rolled back: the canary failed in" in text
    counted = last["exposure"]["requests"]
    sent = len(load.between(0, _epoch(last["sampleTime"])).of(tag))
    cells = {"requests counted": f"{counted:g}", "sent until then": sent}
    report.row("Killed in mid-evidence", cells)
    # The last scrape in a tile is a second older than its end, or two where one was missed; a tile
    # that is lost or counted twice are five.
    assert abs(counted - sent) <= 3 * rps * weight


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
