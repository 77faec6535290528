"""linnet for two namespaces, with Roles there and no permission elsewhere."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deployment import KUSTOMIZE, Object, only, operator_arguments, operator_environment, rendered
from e2e.api import Api
from e2e.app import App
from e2e.backend import Backend
from e2e.operator import Operator, account_kubeconfig
from e2e.test_release import LEARNING
from linnet.api.objects import ObjectRef, ref_of

IN_EXAMPLE = ("linnet-system", "team-a", "team-b")


def overlay(*namespaces: str) -> list[Object]:
    """Return deploy/kustomize/namespaced with these in place of the namespaces it names."""
    text = json.dumps(rendered(KUSTOMIZE / "namespaced"))
    for example, name in zip(IN_EXAMPLE, namespaces, strict=True):
        text = text.replace(example, name)
    return list(json.loads(text))


@pytest.fixture
async def narrow(
    shared_operator: Operator, api: Api, backend: Backend, namespace: str, tmp_path: Path
) -> AsyncIterator[tuple[Operator, App, App]]:
    """An operator with that overlay, an app where it may work, and one where it may not."""
    shared_operator.stop()
    home = f"{namespace}-linnet"
    app, outside = App(api, backend, namespace), App(api, backend, f"{namespace}-c")
    for each in (app, outside):
        await each.create()
    team_b = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{namespace}-b"}}
    objects = overlay(home, namespace, f"{namespace}-b")
    for obj in (team_b, *objects):
        # The operator runs as a process of the tests; the definition is there for all of them.
        if obj["kind"] not in ("Deployment", "CustomResourceDefinition"):
            await api.apply(obj)
    assert not {obj["kind"] for obj in objects} & {"ClusterRole", "ClusterRoleBinding"}
    token = await api.token(home, only("ServiceAccount", objects)["metadata"]["name"])
    operator = Operator(
        [*operator_arguments(objects), "--prometheus-url", backend.prometheus],
        operator_environment(objects),
        account_kubeconfig(tmp_path / "kubeconfig", backend.kubeconfig, token),
        tmp_path / "log",
    )
    operator.start()
    await operator.ready()
    yield operator, app, outside
    print(await app.status())  # what a failure is explained by
    operator.stop()
    shared_operator.start()  # lets the Canaries go that are left
    for each in (app, outside):
        await each.remove()
    for ref in (ref_of(team_b), ObjectRef("Namespace", "", home)):
        await api.delete(ref)


async def test_an_operator_for_two_namespaces_releases_rolls_back_and_lets_go(
    narrow: tuple[Operator, App, App],
) -> None:
    operator, app, outside = narrow
    await outside.canary()
    async with app.traffic() as load, app.mesh_traffic() as inside:
        await app.initialized()
        await app.release("2.0.0")
        await app.phase("Succeeded")
        await app.event("Advanced")
        await app.release("3.0.0-errors-100")
        await app.phase("Failed")
        await app.weight(0)
        back = time.time() + LEARNING
        await app.release("2.0.0")
        await app.phase("Succeeded")
        refused = [line for line in (await operator.metrics()).splitlines() if 'code="403"' in line]
        assert refused == []
        await app.api.delete(app.canary_ref)
        await app.api.until_gone(app.canary_ref)
        for each in (load, inside):
            await each.more(50)
    for each in (load, inside):
        assert {request.version for request in each.failed()} <= {"3.0.0-errors-100"}
        assert each.between(back).counts().failed == 0
    assert await outside.status() == {}, "it is nobody's business there"
