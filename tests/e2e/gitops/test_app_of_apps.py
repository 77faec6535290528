"""From an empty cluster to a release, and back to an empty cluster, by Git alone."""

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from cluster.load import Load
from deployment import DEPLOY
from e2e.api import Api
from e2e.backend import Backend
from e2e.gitops.argo import ArgoCD, configure
from e2e.gitops.git import Repository
from e2e.gitops.platform_repository import (
    APPLICATIONS,
    FOLDER,
    copied,
    edited,
    root_application,
    uninstall,
)
from e2e.gitops.standin import DEPLOYMENT, StandIn
from e2e.operator import Operator
from linnet.api.names import KIND
from linnet.api.objects import ObjectRef, ref_of

SHOP = "shop"
CANARY = ObjectRef("Canary", SHOP, "podinfo")
ROUTES = ObjectRef("VirtualService", SHOP, "podinfo")
DEFINITION = ObjectRef("CustomResourceDefinition", "", "canaries.linnet.dev")

CRD = "crds/linnet.dev_canaries.yaml"
OPERATOR = f"{FOLDER}/operator/kustomization.yaml"
SAMPLE_APP = f"{FOLDER}/sample/app/deployment.yaml"
SAMPLE_CANARY = f"{FOLDER}/sample/canary/canary.yaml"

pytestmark = pytest.mark.replaces_linnet


@pytest.fixture
async def nothing(api: Api, shared_operator: Operator, argocd: ArgoCD) -> None:
    """A cluster without linnet, and with an Argo CD that judges Applications."""
    for canary in await api.list(KIND, ""):  # of the tests before, still on their way out
        await api.until_gone(ref_of(canary))
    shared_operator.stop()
    await uninstall(api)
    await configure(api, DEPLOY.parent / FOLDER / "argocd-cm.yaml")


@pytest.fixture
async def node(nothing: None, api: Api, backend: Backend, tmp_path: Path) -> AsyncIterator[StandIn]:
    """What starts the operator when its Deployment comes."""
    async with StandIn(api, backend, tmp_path) as node:
        yield node


def traffic(backend: Backend) -> Load:
    """Return traffic from a pod of the mesh to the sample."""
    return Load(backend.caller, host=f"podinfo.{SHOP}.svc.cluster.local", rps=50, duration=600)


async def test_git_alone_brings_up_linnet_upgrades_it_in_mid_release_and_takes_all_away(
    node: StandIn, api: Api, backend: Backend, argocd: ArgoCD, repository: Repository
) -> None:
    root = argocd.application("linnet-root")
    applications = [argocd.application(name) for name in APPLICATIONS]
    crds, operator, _, shop, canary = applications

    commit = await copied(repository, {SAMPLE_CANARY: ("interval: 30s", "interval: 4s")})
    await api.apply(root_application(repository))
    await root.synced(commit, "Healthy", within=120)
    for before, after in pairwise(applications):
        assert before.record.healthy_since() <= after.record.sightings[0].at, (
            f"{after.name} came before {before.name} was Healthy"
        )
    await api.until(CANARY, lambda c: c["status"]["phase"] == "Initialized")

    async with traffic(backend) as load:
        commit = await edited(repository, "Release", {SAMPLE_APP: ("6.9.0", "6.9.1")})
        await shop.refresh()
        live = await api.until(CANARY, lambda c: c["status"]["canaryWeight"] == 5)
        upgrade = {
            OPERATOR: ("newTag: 0.1.0", "newTag: 0.1.1"),
            CRD: ("- lcan", "- lcan\n    - lc"),
        }
        commit = await edited(repository, "Upgrade linnet", upgrade)
        for application in (crds, operator):
            await application.refresh()
            await application.synced(commit)
        ended = await api.until(CANARY, lambda c: c["status"]["phase"] == "Succeeded")
        await canary.healthy()
    assert node.images == ["linnet:0.1.0", "linnet:0.1.1"]
    assert ended["status"]["startedAt"] == live["status"]["startedAt"], "it did not start over"
    weights = [decision["weight"] for decision in ended["status"]["decisions"]]
    assert weights == [*sorted(weights[:-1]), 0], weights
    assert load.counts().failed == 0, load.failed()[:5]
    assert set(load.by_version()) == {"6.9.0", "6.9.1"}
    for application in applications:
        application.record.check()

    await api.delete(root.ref)
    await api.until_gone(root.ref, within=120)
    for before, after in pairwise(applications):
        assert after.gone is not None
        assert before.gone is not None
        assert after.gone <= before.gone, f"{before.name} went before {after.name}"
    for ref in (CANARY, DEPLOYMENT, ObjectRef("Deployment", SHOP, "podinfo-primary")):
        await api.until_gone(ref)
    # Argo CD prunes definitions in a sync, but never deletes one with its Application.
    definition = await api.get(DEFINITION)
    assert definition is not None
    assert "deletionTimestamp" not in definition["metadata"]
