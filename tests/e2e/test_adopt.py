"""Routes that Git owns, in which linnet writes weights, with real requests."""

import time
from collections.abc import AsyncIterator
from statistics import median
from typing import Any

import pytest

from cluster.load import Load
from e2e.adopted import Adopted, in_force, install_policies, remove_policies, split_of
from e2e.api import Api
from e2e.app import GATEWAY, NAME
from e2e.backend import Backend
from e2e.operator import Operator
from e2e.test_release import LEARNING, within_binomial
from linnet.api.names import FIELD_MANAGER, REQUEST_ANNOTATION, WEIGHTS_ANNOTATION
from linnet.api.objects import ObjectRef, ref_of

RPS = 200


@pytest.fixture
async def team(
    api: Api, backend: Backend, operator: Operator, namespace: str
) -> AsyncIterator[Adopted]:
    """A team whose VirtualService is in Git; no policy keeps its weights."""
    await remove_policies(api)
    team = Adopted(api, backend, namespace)
    yield team
    print(await team.status())  # what a failure is explained by
    await team.remove()


@pytest.fixture
async def guarded(team: Adopted, api: Api) -> AsyncIterator[Adopted]:
    """The same, with the policies installed."""
    await install_policies(api)
    yield team
    await remove_policies(api)


async def _adopt(team: Adopted, **spec: Any) -> None:
    """Have an app that serves already adopted: first the Canary, then the routes."""
    await team.create()
    await team.canary(**spec)
    await team.phase("Initialized")
    await team.condition("Stalled", "True", "RouteNotFound")
    await team.commit(team.split(90))
    await team.condition("Stalled", "False", "NotStalled")
    await team.adopted()
    await team.weight(0)


def _without_weights(routes: dict[str, Any]) -> list[Any]:
    http = [dict(route) for route in routes["spec"]["http"]]
    for route in http:
        route["route"] = [
            {k: v for k, v in entry.items() if k != "weight"} for entry in route["route"]
        ]
    return http


async def test_adopting_releasing_and_deleting_fail_no_request(team: Adopted) -> None:
    """From an app that serves, through a good and a bad release, to a Canary that is gone."""
    await team.create()
    async with team.traffic(rps=50) as outside, team.mesh_traffic(rps=50) as inside:
        await team.canary()
        await team.phase("Initialized")
        await team.commit(team.split())
        await team.adopted()
        await team.release("2.0.0")
        for weight in (20, 50, 0):
            await team.weight(weight)
        await team.phase("Succeeded")
        await team.release("3.0.0-errors-100")
        await team.phase("Failed")
        await team.weight(0)
        back = time.time()
        await team.release("2.0.0")
        await team.phase("Succeeded")
        await team.api.delete(team.canary_ref)
        await team.api.until_gone(team.canary_ref)
        await team.serving()
    for load in (outside, inside):
        assert {request.version for request in load.failed()} <= {"3.0.0-errors-100"}
        assert load.between(back + LEARNING).counts().failed == 0
    live = await team.live()
    assert _without_weights(live) == _without_weights(team.split())
    assert "annotations" not in live["metadata"]
    managers = [entry["manager"] for entry in live["metadata"]["managedFields"]]
    assert FIELD_MANAGER not in managers


async def test_a_commit_in_mid_release_applies_and_the_weights_stay(guarded: Adopted) -> None:
    """As Argo CD with selfHeal would, again and again: a time-out, a route, the weights of Git."""
    await _adopt(guarded, analysis={"interval": "5s", "stepWeights": [40, 50]})
    await in_force(guarded)
    await guarded.release("2.0.0")
    await guarded.weight(40)
    await guarded.edit(paused=True)
    async with guarded.traffic(rps=100) as load:
        await load.more(50)
        for seconds in range(1, 6):
            live = await guarded.commit(guarded.split(100, timeout=f"{seconds}s"))
            assert split_of(live) == [(60, 40)] * 2, "not for a moment"
            assert live["spec"]["http"][-1]["timeout"] == f"{seconds}s"
        again = guarded.split(100)
        again["spec"]["http"].insert(
            1, {"match": [{"uri": {"prefix": "/new"}}], "route": again["spec"]["http"][0]["route"]}
        )
        assert split_of(await guarded.commit(again)) == [(60, 40)] * 2
        await load.more(400)
    by_version = load.by_version()
    assert load.counts().failed == 0
    share = by_version["2.0.0"] / sum(by_version.values())
    assert 0.3 < share < 0.5, "requests were split as linnet had it"
    await guarded.edit(paused=False)
    await guarded.phase("Succeeded")
    await guarded.weight(0)
    assert (await guarded.live())["spec"]["http"][1]["match"] == [{"uri": {"prefix": "/new"}}]


async def test_a_reset_is_put_back_in_under_a_second_where_no_policy_keeps_it(
    team: Adopted,
) -> None:
    """Git says 100 percent for the canary, which is at 20: how long do requests see that?"""
    await _adopt(team, analysis={"interval": "5s", "stepWeights": [20, 50]})
    await team.condition("Impaired", "True", "WeightsUnguarded")
    await team.release("2.0.0")
    await team.weight(20)
    await team.edit(paused=True)
    written, astray = [], []
    async with team.traffic(rps=RPS) as load:
        await load.more(RPS)
        for _ in range(5):
            start = time.time()
            await team.commit(team.split(0))
            await team.weight(20)
            written.append(time.time() - start)
            await load.more(2 * RPS)
            counts = load.between(start).by_version()
            astray.append(counts["2.0.0"] - 0.2 * sum(counts.values()))
    assert load.counts().failed == 0
    print("in the API after", written, "s; astray", astray, "requests at", RPS, "a second")
    # The median: how long a machine with much else to do stood still is not what is measured.
    assert median(written) < 1
    assert median(astray) < 0.8 * RPS, "what one second at 100 percent would give"


async def test_server_side_apply_meets_no_conflict(team: Adopted) -> None:
    """`kubectl apply --server-side` without --force-conflicts goes on working."""
    await _adopt(team)
    before = await _handed_back(team)
    await team.release("2.0.0")
    await team.weight(20)
    assert await _handed_back(team) == before
    await team.api.apply(team.split(100, timeout="3s"), force=False)
    await team.weight(20)
    assert (await team.live())["spec"]["http"][-1]["timeout"] == "3s"


async def _handed_back(team: Adopted) -> list[Any]:
    """Wait until linnet manages nothing but an annotation: a second write, behind the weights.

    Return what others manage.
    """

    def entries(live: dict[str, Any], *, own: bool) -> list[Any]:
        fields = live["metadata"]["managedFields"]
        return [e["fieldsV1"] for e in fields if (e["manager"] == FIELD_MANAGER) is own]

    live = await team.api.until(
        team.ref("VirtualService"),
        lambda live: [set(fields) for fields in entries(live, own=True)] == [{"f:metadata"}],
    )
    return entries(live, own=False)


async def test_a_route_that_is_gone_holds_the_release_until_it_is_back(team: Adopted) -> None:
    await _adopt(team, analysis={"interval": "1s", "stepWeights": [20, 50]})
    async with team.traffic():
        await team.release("2.0.0")
        await team.weight(20)
        renamed = team.split()
        renamed["spec"]["http"][-1]["name"] = "other"
        await team.commit(renamed)
        stalled = await team.condition("Stalled", "True", "RouteNotFound")
        assert "has no HTTP route named main (it has internal, beta, other)" in stalled["message"]
        await team.commit(team.split())
        await team.phase("Succeeded")
        await team.weight(0)
    assert WEIGHTS_ANNOTATION in (await team.live())["metadata"]["annotations"]


async def test_virtual_services_of_gateway_and_mesh_shift_together(team: Adopted) -> None:
    """A platform team has the gateway's in a namespace of its own, the team has the mesh's.

    Of each, two routes have the weights of the one Canary, and a third one is left alone.
    """
    await team.create()
    elsewhere = f"{team.namespace}-gw"
    labels = dict(team.backend.namespace_labels)
    await team.api.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": elsewhere, "labels": labels},
        }
    )
    mesh, gateway = team.split(), team.split()
    mesh["spec"] |= {"hosts": [NAME], "gateways": ["mesh"]}
    gateway["metadata"]["namespace"] = elsewhere
    gateway["spec"] |= {"hosts": [f"gw-{team.host}"], "gateways": [GATEWAY]}
    for entry in (e for route in gateway["spec"]["http"] for e in route["route"]):
        entry["destination"]["host"] += f".{team.namespace}.svc.cluster.local"
    both = [mesh, gateway]
    for routes in both:
        await team.api.apply(routes)
    refs = [{"name": NAME, "routes": ["main", "beta"]}, {"name": NAME, "namespace": elsewhere}]
    await team.canary(
        service={"virtualServiceRefs": refs}, analysis={"interval": "1h", "stepWeights": [20, 50]}
    )
    await team.phase("Initialized")

    async def weight(canary: int) -> float:
        wanted = [(100 - canary, canary)] * 2
        for routes in both:
            await team.api.until(ref_of(routes), lambda live: split_of(live) == wanted)
        return time.time()

    host = f"gw-{team.host}"
    async with (
        Load(team.backend.gateway, host=host, rps=50, duration=600) as outside,
        team.mesh_traffic(rps=50) as inside,
    ):
        loads = (outside, inside)
        await team.release("2.0.0")
        for percent, request in ((20, "skip-step"), (50, "promote")):
            since = await weight(percent) + LEARNING
            for load in loads:
                await load.more(150)
                requests = load.between(since)
                new = requests.by_version()["2.0.0"]
                assert within_binomial(new, len(requests), percent)
            ask = f"{request} @{(await team.status())['revision']}"
            await team.api.patch(
                team.canary_ref, {"metadata": {"annotations": {REQUEST_ANNOTATION: ask}}}
            )
        await team.phase("Succeeded")
        await weight(0)
        await team.release("3.0.0-errors-100")
        await team.phase("Failed")
        back = await weight(0) + LEARNING
        await team.release("2.0.0")
        await team.phase("Succeeded")
        await team.api.delete(team.canary_ref)
        await team.api.until_gone(team.canary_ref)
        for load in loads:
            await load.more(50)
    for load in loads:
        assert {request.version for request in load.failed()} == {"3.0.0-errors-100"}
        assert load.between(back).counts().failed == 0
    for routes in both:
        live = await team.api.get(ref_of(routes))
        assert live is not None
        assert "annotations" not in live["metadata"]
        assert _without_weights(live) == _without_weights(routes)
    await team.api.delete(ObjectRef("Namespace", "", elsewhere))
