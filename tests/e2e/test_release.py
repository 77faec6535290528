"""Healthy releases, with every request accounted for."""

import math
import time

import pytest

from e2e.app import App
from linnet.api.objects import ObjectRef

LEARNING = 0.7
"""Seconds after a weight is written until every proxy has it, with a margin (measured: 0.16)."""


def within_binomial(canary: int, total: int, weight: int) -> bool:
    """Tell whether a count is within five standard deviations of its expectation."""
    share = weight / 100
    return abs(canary - total * share) <= 5 * math.sqrt(total * share * (1 - share)) + 1


async def test_not_one_request_fails_from_creation_to_deletion(app: App) -> None:
    """Bootstrap, release, promotion and deletion, from outside and inside the mesh."""
    await app.create("1.0.0")
    spans: dict[int, tuple[float, float]] = {}
    async with app.traffic(rps=50) as outside, app.mesh_traffic(rps=20) as inside:
        await app.initialized(analysis={"interval": "5s", "stepWeights": [20, 50]})
        await app.release("2.0.0")
        for weight in (20, 50):
            await app.weight(weight)
            began = time.time() + LEARNING
            await app.no_more(weight)
            spans[weight] = began, time.time()
        await app.phase("Succeeded")
        await app.api.until(app.ref("Deployment"), lambda d: d["spec"]["replicas"] == 0)
        await app.api.delete(app.canary_ref)
        await app.api.until_gone(app.canary_ref)
        await app.api.until_gone(app.ref("Deployment", "-primary"))
        await app.api.until_gone(app.ref("Service", "-canary"))
    for load in (outside, inside):
        assert load.counts().failed == 0, load.failed()[:5]
        assert set(load.by_version()) == {"1.0.0", "2.0.0"}
    for weight, span in spans.items():
        requests = outside.between(*span)
        new = requests.by_version()["2.0.0"]
        print(f"weight {weight}: {new} of {len(requests)} requests")
        assert within_binomial(new, len(requests), weight)
    service = await app.api.get(app.ref("Service"))
    routes = await app.api.get(app.ref("VirtualService"))
    assert service is not None
    assert routes is not None
    assert service["spec"]["selector"] == {"app": "podinfo"}
    assert routes["spec"] == app.routes()["spec"], "the team's routes are given back"


async def test_a_canary_makes_its_own_service_and_routes_where_there_are_none(app: App) -> None:
    await app.create()
    await app.api.delete(app.ref("VirtualService"))
    await app.api.delete(app.ref("Service"))
    await app.initialized()
    async with app.traffic() as load:
        await app.release("2.0.0")
        await app.phase("Succeeded")
    # Only the first moments may fail: before istiod has told the gateway of the new host.
    late = load.between(load.requests()[0].at + LEARNING)
    assert late.counts().failed == 0, late.failed()[:5]
    assert late.by_version()["2.0.0"]


async def test_events_tell_the_story_once(app: App) -> None:
    await app.create()
    await app.initialized(analysis={"interval": "3s"})
    async with app.traffic():
        await app.release("2.0.0")
        await app.phase("Succeeded")
    await app.event("Promoted")
    assert await app.events() == [
        "Initialized",
        "NewRevision",
        "Advanced",
        "Advanced",
        "Promoting",
        "Promoted",
    ]


async def test_scaling_the_target_scales_the_primary_and_releases_nothing(app: App) -> None:
    await app.create(replicas=1)
    await app.initialized()
    await app.api.patch(app.ref("Deployment"), {"spec": {"replicas": 3}})
    await app.api.until(app.ref("Deployment", "-primary"), lambda d: d["spec"]["replicas"] == 3)
    await app.api.until(app.ref("Deployment"), lambda d: d["spec"]["replicas"] == 0)
    assert (await app.status())["phase"] == "Initialized"


async def test_skipping_the_analysis_promotes_without_canary_traffic(app: App) -> None:
    await app.create()
    await app.initialized(skipAnalysis=True)
    async with app.traffic() as load:
        await app.release("2.0.0")
        await app.phase("Succeeded")
    assert load.counts().failed == 0, load.failed()[:5]
    await app.event("Promoted")
    assert "Advanced" not in await app.events()


@pytest.mark.parametrize("kind", ["paused", "suspend"])
async def test_a_release_is_held_while_asked_and_goes_on_afterwards(app: App, kind: str) -> None:
    await app.create()
    await app.initialized(analysis={"interval": "3s"})
    async with app.traffic() as load:
        await app.release("2.0.0")
        await app.weight(20)
        await app.edit(**{kind: True})
        reason = {"paused": "Paused", "suspend": "Suspended"}[kind]
        await app.condition("Progressing", "True", reason)
        held = await app.status()
        await app.edit(**{kind: False})
        await app.phase("Succeeded")
    assert held["canaryWeight"] in (20, 50)
    assert load.counts().failed == 0, load.failed()[:5]


async def test_a_second_revision_in_mid_run_starts_over(app: App) -> None:
    await app.create()
    await app.initialized(analysis={"interval": "3s"})
    async with app.traffic() as load:
        await app.release("2.0.0")
        await app.weight(20)
        await app.release("3.0.0")
        await app.phase("Succeeded")
        primary = await app.api.get(app.ref("Deployment", "-primary"))
    assert primary is not None
    assert primary["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":3.0.0")
    await app.event("Superseded")
    assert load.counts().failed == 0, load.failed()[:5]


async def test_setting_the_image_back_in_mid_run_takes_all_traffic_back_at_once(app: App) -> None:
    await app.create("1.0.0")
    await app.initialized(analysis={"interval": "1m"})
    async with app.traffic() as load:
        await app.release("2.0.0")
        await app.weight(20)
        await app.release("1.0.0")
        await app.weight(0, within=15)
        learned = time.time() + LEARNING
        await app.phase("Succeeded")
        await app.api.until(app.ref("Deployment"), lambda d: d["spec"]["replicas"] == 0)
    assert load.counts().failed == 0, load.failed()[:5]
    assert load.between(learned).by_version()["2.0.0"] == 0
    await app.event("Reverted")


async def test_objects_carry_an_owner_and_nothing_that_argo_cd_would_claim(app: App) -> None:
    await app.create()
    await app.api.patch(
        app.ref("Deployment"),
        {"metadata": {"labels": {"app.kubernetes.io/instance": "shop"}}},
    )
    await app.initialized()
    canary = await app.api.get(app.canary_ref)
    assert canary is not None
    for kind, suffix in (
        ("Deployment", "-primary"),
        ("Service", "-primary"),
        ("Service", "-canary"),
        ("DestinationRule", "-primary"),
        ("DestinationRule", "-canary"),
    ):
        obj = await app.api.get(ObjectRef(kind, app.namespace, f"podinfo{suffix}"))
        assert obj is not None
        owners = obj["metadata"]["ownerReferences"]
        controllers = [owner["uid"] for owner in owners if owner.get("controller")]
        assert controllers == [canary["metadata"]["uid"]]
        labels = obj["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "linnet"
        assert "app.kubernetes.io/instance" not in labels
