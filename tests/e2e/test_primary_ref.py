"""Two Deployments of the user's own: release, bad release and handover, with real requests."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from e2e.api import WITHIN, Api
from e2e.backend import Backend
from e2e.operator import Operator
from e2e.pair import NEW, OLD, SUBSETS, Pair
from e2e.test_release import LEARNING


@pytest.fixture
async def pair(
    api: Api, backend: Backend, operator: Operator, namespace: str
) -> AsyncIterator[Pair]:
    """Two versions of an app in a namespace of its own."""
    pair = Pair(api, backend, namespace)
    yield pair
    print(await pair.status())  # what a failure is explained by
    await pair.remove()


async def test_a_release_and_its_handover_fail_no_request_and_write_no_deployment(
    pair: Pair,
) -> None:
    """Creation, release, the commit to the primary and deletion, from outside and the mesh."""
    await pair.create_both()
    before = {s: await pair.api.get(pair.version_ref(s)) for s in (OLD, NEW)}
    async with pair.traffic(rps=50) as outside, pair.mesh_traffic(rps=20) as inside:
        await pair.initialized()
        await pair.give(NEW, "2.0.0")
        for weight in (20, 50, 100):
            await pair.weight(weight)
        at_full = time.time() + LEARNING
        said = await pair.waiting()
        assert "change Deployment podinfo-v1: set image of container app to" in said
        assert said.endswith(":2.0.0")
        handed_over = time.time()
        await pair.give(OLD, "2.0.0")
        await pair.phase("Succeeded")
        await pair.weight(0)
        await pair.api.delete(pair.canary_ref)
        await pair.api.until_gone(pair.canary_ref)
        await pair.api.until_gone(pair.ref("Service", "-canary"))
        await pair.serving()
    for load in (outside, inside):
        assert load.counts().failed == 0, load.failed()[:5]
        assert set(load.by_version()) == {"1.0.0", "2.0.0"}
    if handed_over > at_full:
        assert set(outside.between(at_full, handed_over).by_version()) <= {"2.0.0"}
    assert await pair.sizes() == {"podinfo-v1": 2, "podinfo-v2": 2}, "nothing was made or scaled"
    for suffix, old in before.items():
        live = await pair.api.get(pair.version_ref(suffix))
        assert live is not None
        assert old is not None
        now, then = live["metadata"], old["metadata"]
        assert now["generation"] == then["generation"] + 1, "the commit to it, and nothing else"
        for field in ("finalizers", "labels", "ownerReferences"):
            assert now.get(field) == then.get(field)
    routes, service = await pair.api.get(pair.ref("VirtualService")), pair.ref("Service")
    assert routes is not None
    assert routes["spec"] == pair.routes()["spec"], "the team's routes are given back"
    assert (await pair.api.get(service) or {})["spec"]["selector"] == {"app": "podinfo"}


async def test_a_bad_release_is_taken_back_and_its_workload_left_alone(pair: Pair) -> None:
    await pair.create_both()
    await pair.initialized(analysis={"interval": "2s", "threshold": 2})
    async with pair.traffic(rps=100) as load:
        await pair.give(NEW, "2.0.0-errors-100")
        await pair.phase("Failed")
        await pair.weight(0)
        back = time.time()
        await pair.give(NEW, "1.0.0")
        await pair.phase("Succeeded")
        async with asyncio.timeout(WITHIN):
            # A load has no event to wait for.
            while load.between(back + LEARNING).counts().ok < 20:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    after = load.between(back + LEARNING)
    assert after.counts().failed == 0, after.failed()[:5]
    assert set(after.by_version()) == {"1.0.0"}
    assert await pair.sizes() == {"podinfo-v1": 2, "podinfo-v2": 2}


async def test_setting_the_target_back_while_the_commit_is_waited_for_aborts(pair: Pair) -> None:
    await pair.create_both("1.0.0", "2.0.0")
    async with pair.traffic(rps=50) as load:
        await pair.canary()
        await pair.waiting()
        await pair.give(NEW, "1.0.0")
        await pair.phase("Succeeded")
        await pair.weight(0)
    assert load.counts().failed == 0, load.failed()[:5]
    await pair.event("Reverted")


async def test_deleting_the_canary_while_the_commit_is_waited_for_fails_nothing(pair: Pair) -> None:
    await pair.create_both("1.0.0", "2.0.0")
    async with pair.traffic(rps=50) as outside, pair.mesh_traffic(rps=50) as inside:
        await pair.canary()
        await pair.waiting()
        await pair.api.delete(pair.canary_ref)
        await pair.api.until_gone(pair.canary_ref)
        await pair.api.until_gone(pair.ref("Service", "-canary"))
        await pair.serving()
    for load in (outside, inside):
        assert load.counts().failed == 0, load.failed()[:5]


async def test_no_traffic_returns_to_a_primary_that_serves_nothing(pair: Pair) -> None:
    await pair.create_both("1.0.0", "2.0.0")
    async with pair.traffic(rps=50) as load:
        await pair.canary()
        await pair.waiting()
        await pair.api.patch(pair.version_ref(OLD), {"spec": {"replicas": 0}})
        await pair.available(OLD)
        await pair.give(NEW, "1.0.0")
        await pair.condition("Progressing", "True", "PrimaryNotReady")
        await pair.available(NEW)
        await pair.api.patch(pair.version_ref(OLD), {"spec": {"replicas": 2}})
        await pair.phase("Succeeded")
        await pair.weight(0)
    assert load.counts().failed == 0, load.failed()[:5]


async def test_adopted_subsets_go_from_90_10_to_the_new_version_and_back(pair: Pair) -> None:
    """The team's own VirtualService, DestinationRule and Deployments; linnet writes weights."""
    await pair.create_both("1.0.0", "2.0.0")
    before = await pair.split(90, 10)
    async with pair.traffic(rps=50) as outside, pair.mesh_traffic(rps=50) as inside:
        analysis = {"interval": "2s", "stepWeights": [10, 50]}
        await pair.canary(service=SUBSETS, analysis=analysis)
        for weight in (50, 100):
            await pair.weight(weight)
        await pair.waiting()
        weights = [d["weight"] for d in (await pair.status())["decisions"]]
        assert weights[0] == 10, "nobody was sent away from the new version"
        assert 0 not in weights
        await pair.give(OLD, "2.0.0")
        await pair.phase("Succeeded")
        await pair.weight(0)
        await pair.give(NEW, "3.0.0-errors-100")
        await pair.phase("Failed")
        await pair.weight(0)
        back = time.time()
        await pair.api.delete(pair.canary_ref)
        await pair.api.until_gone(pair.canary_ref)
        await pair.serving()
    for load in (outside, inside):
        good = {request.version for request in load.failed()} <= {"3.0.0-errors-100"}
        assert good, load.failed()[:5]
        assert load.between(back + LEARNING).counts().failed == 0
    assert await pair.sizes() == {"podinfo-v1": 2, "podinfo-v2": 2}
    after = await pair.api.get(pair.ref("VirtualService"))
    assert after is not None
    assert "annotations" not in after["metadata"]
    for entry, weight in zip(before["spec"]["http"][0]["route"], (100, 0), strict=True):
        entry["weight"] = weight
    assert after["spec"] == before["spec"], "all but the weights is as the team wrote it"
    assert await pair.api.get(pair.ref("Service", "-canary")) is None
