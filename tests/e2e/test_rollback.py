"""Releases that fail, and what they cost."""

import time

import pytest

from e2e.app import LATENCY, SUCCESS_RATE, App
from e2e.cost import Cost, Report, is_bad
from e2e.test_release import LEARNING

REPORTED = "Failing releases at 100 requests a second; two checks, 2 s apart"


@pytest.mark.parametrize(
    ("tag", "metrics"),
    [
        pytest.param("2.0.0-errors-100", [SUCCESS_RATE], id="every request"),
        pytest.param("2.0.0-errors-20", [SUCCESS_RATE], id="one request in five"),
        pytest.param("2.0.0-errors-5", [SUCCESS_RATE], id="one request in twenty"),
        pytest.param("2.0.0-slow-500", [SUCCESS_RATE, LATENCY], id="nothing but is slow"),
        pytest.param("2.0.0-resets-100", [SUCCESS_RATE], id="by closing connections"),
    ],
)
async def test_a_release_that_fails_is_taken_back(
    app: App, tag: str, metrics: list[dict[str, object]], report: Report
) -> None:
    await app.create("1.0.0")
    analysis = {
        "metrics": metrics,
        "stepWeights": [20, 40, 60, 80],
        "threshold": 2,
        "interval": "2s",
    }
    await app.initialized(analysis=analysis)
    async with app.traffic(rps=100) as load:
        await app.release(tag)
        await app.weight(20)
        since = time.time()
        status = await app.phase("Failed")
        await app.weight(0)
        back = time.time()
        await app.api.until(app.ref("Deployment"), lambda d: d["spec"]["replicas"] == 0)
    bad = sum(map(is_bad, load.between(since)))
    last = status["decisions"][-1]
    cost = Cost(status["phase"], last["reason"], bad, back - since)
    report.row(REPORTED, {"the release": tag, "cost": cost})
    after = load.between(back + LEARNING)
    assert after.counts().failed == 0, after.failed()[:5]
    assert set(after.by_version()) == {"1.0.0"}
    assert status["failedChecks"] == 2
    assert (last["verdict"], last["weight"]) == ("failed", 0)
    assert last["measurements"]
    await app.event("RolledBack")


@pytest.mark.parametrize("tag", ["2.0.0-never-ready", "2.0.0-crash"])
async def test_pods_that_never_become_ready_get_no_traffic(app: App, tag: str) -> None:
    await app.create("1.0.0")
    await app.initialized()
    await app.edit(progressDeadlineSeconds=5)
    async with app.traffic() as load:
        await app.release(tag)
        status = await app.phase("Failed")
    assert load.counts().failed == 0, load.failed()[:5]
    assert set(load.by_version()) == {"1.0.0"}
    assert "not ready within 5 s" in status["decisions"][-1]["message"]


async def test_a_fix_pushed_after_a_failure_is_released_like_any_revision(app: App) -> None:
    await app.create("1.0.0")
    await app.initialized()
    async with app.traffic():
        await app.release("2.0.0-errors-100")
        await app.phase("Failed")
        await app.release("2.0.1")
        await app.phase("Succeeded")
        primary = await app.api.get(app.ref("Deployment", "-primary"))
    assert primary is not None
    assert primary["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":2.0.1")


async def test_an_inline_query_decides_like_a_built_in_metric(app: App) -> None:
    await app.create("1.0.0")
    query = (
        'sum(increase(istio_requests_total{reporter="destination",response_code="500",'
        'destination_workload_namespace="{{ namespace }}",'
        'destination_workload="{{ target }}"}[{{ interval }}])) or vector(0)'
    )
    errors = {"name": "errors", "query": query, "interval": "10s", "thresholdRange": {"max": 1}}
    await app.initialized(
        analysis={
            "metrics": [errors],
            "stepWeights": [20, 40, 60, 80],
            "guard": {"enabled": False},
        }
    )
    async with app.traffic():
        await app.release("2.0.0-errors-100")
        status = await app.phase("Failed")
    assert "errors" in status["decisions"][-1]["message"]
