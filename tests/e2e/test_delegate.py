"""A root VirtualService that Git owns, and linnet's delegate, with real requests."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from e2e.api import Api
from e2e.app import GATEWAY, NAME, App, weights
from e2e.backend import Backend
from e2e.operator import Operator
from e2e.test_release import LEARNING
from linnet.api.objects import ObjectRef


class Delegating(App):
    """The VirtualService of the team has hosts, gateways, and a route that delegates."""

    @property
    def root_ref(self) -> ObjectRef:
        return ObjectRef("VirtualService", self.namespace, "root")

    def manifest(self, **spec: Any) -> dict[str, Any]:
        """Return the Canary that makes the delegate."""
        manifest = super().manifest(**spec)
        service = {"port": 80, "targetPort": 9898, "delegation": True, **spec.get("service", {})}
        manifest["spec"]["service"] = service
        return manifest

    def routes(self) -> dict[str, Any]:
        """Return the root as it is before there is a Canary."""
        routes = super().routes()
        routes["metadata"]["name"] = "root"
        routes["spec"]["gateways"] = [GATEWAY, "mesh"]
        routes["spec"]["hosts"].append(NAME)
        return routes

    def delegating(self) -> dict[str, Any]:
        """Return the root that delegates."""
        routes = self.routes()
        delegate = {"name": NAME, "namespace": self.namespace}
        routes["spec"]["http"] = [{"delegate": delegate, "timeout": "5s"}]
        return routes


@pytest.fixture
async def team(
    api: Api, backend: Backend, operator: Operator, namespace: str
) -> AsyncIterator[Delegating]:
    """A team with a root VirtualService in Git."""
    team = Delegating(api, backend, namespace)
    yield team
    print(await team.status())  # what a failure is explained by
    await team.remove()


async def test_delegating_releasing_and_deleting_fail_no_request(team: Delegating) -> None:
    """From an app that serves, through a good and a bad release, to a Canary that is gone."""
    await team.create()
    async with team.traffic(rps=50) as outside, team.mesh_traffic(rps=50) as inside:
        await team.canary()
        await team.phase("Initialized")
        await team.condition("Impaired", "True", "NotDelegated")
        await team.api.apply(team.delegating())
        root = await team.api.get(team.root_ref)
        await team.serving()
        await team.release("2.0.0")
        for weight in (20, 50, 0):
            await team.weight(weight)
        await team.phase("Succeeded")
        assert "Impaired" not in {c["type"] for c in (await team.status())["conditions"]}
        await team.release("3.0.0-errors-100")
        await team.phase("Failed")
        await team.weight(0)
        back = time.time()
        await team.release("2.0.0")
        await team.phase("Succeeded")
        await team.api.delete(team.canary_ref)
        await team.api.until_gone(team.canary_ref)
        await team.serving()
        await team.api.until_gone(team.ref("Deployment", "-primary"))
        await team.serving()
    for load in (outside, inside):
        assert set(load.by_version()) >= {"1.0.0", "2.0.0"}
        assert {request.version for request in load.failed()} <= {"3.0.0-errors-100"}
        assert load.between(back + LEARNING).counts().failed == 0
    assert await team.api.get(team.root_ref) == root, "linnet never writes it"
    left = await team.api.get(team.ref("VirtualService"))
    assert left is not None
    assert weights(left) == (100,)
    assert [o["kind"] for o in left["metadata"]["ownerReferences"]] == ["Deployment"]


async def test_root_and_canary_in_one_commit(team: Delegating) -> None:
    """The delegate leads to the target from the first moment, before there is a primary."""
    await team.create()
    await team.api.apply(team.delegating())
    await team.canary()
    await team.api.until(team.ref("VirtualService"), lambda _: True)
    await team.serving()
    await team.phase("Initialized")
    await team.weight(0)
