"""Delegate mode: Git owns hosts, gateways and the other routes, linnet the delegate."""

import asyncio
from typing import Any

from cluster.load import Load
from e2e.api import WITHIN
from e2e.app import GATEWAY
from e2e.gitops.managed import CANARY, ManagedApp
from linnet.api.objects import ObjectRef

ROOT = "routes.yaml"


def root(app: ManagedApp, *before: dict[str, Any]) -> dict[str, Any]:
    """Return the VirtualService that Git owns, with these routes before the one to the app."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "podinfo-root"},
        "spec": {
            "hosts": [app.host],
            "gateways": [GATEWAY],
            "http": [*before, {"delegate": {"name": "podinfo", "namespace": app.namespace}}],
        },
    }


async def test_git_owns_the_root_and_linnet_the_delegate(managed: ManagedApp) -> None:
    """A release, a commit to the root in mid-run, a bad release, and the Canary's deletion."""
    await managed.deploy(
        "1.0.0",
        more={ROOT: root(managed)},
        service={"delegation": True},
        analysis={"interval": "4s"},
    )
    async with managed.traffic() as load:
        await managed.release("2.0.0")
        await managed.weight(20)
        legacy = {"match": [{"uri": {"prefix": "/old"}}], "directResponse": {"status": 203}}
        commit = await managed.commit("A route of ours", {ROOT: root(managed, legacy)})
        await managed.application.synced(commit)
        async with Load(managed.backend.gateway, host=managed.host, path="/old") as old:
            async with asyncio.timeout(WITHIN):
                while set((await old.more(5)).counts().statuses) != {203}:
                    pass
            answers = (await old.more(100)).counts()
        assert set(answers.statuses) == {203}
        await managed.phase("Succeeded")
        await managed.release("3.0.0-errors-100")
        await managed.phase("Failed")
        await managed.weight(0)
        await managed.revert()
        await managed.phase("Succeeded")
        await managed.commit("No canary any more", {CANARY: None})
        await managed.api.until_gone(managed.canary_ref)
        await managed.api.until_gone(managed.ref("Deployment", "-primary"))
        assert (await load.more(100)).by_version() == {"2.0.0": 100}
    others = [request for request in load.failed() if request.version != "3.0.0-errors-100"]
    assert others == []
    delegate = await managed.api.get(ObjectRef("VirtualService", managed.namespace, "podinfo"))
    assert delegate is not None
    assert not delegate["spec"].get("hosts")
    managed.application.record.check()
