"""From an empty cluster to a release, and back to an empty cluster, by Git alone."""

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from cluster.load import Load
from deployment import DEPLOY
from e2e.api import Api
from e2e.backend import Backend
from e2e.gitops.argo import Application, ArgoCD, configure
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
WORKLOADS = ("podinfo", "podinfo-primary")
DEFINITION = ObjectRef("CustomResourceDefinition", "", "canaries.linnet.dev")

CRD = "crds/linnet.dev_canaries.yaml"
OPERATOR = f"{FOLDER}/operator/kustomization.yaml"
APPS = f"{FOLDER}/apps/kustomization.yaml"
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


async def gone(api: Api) -> None:
    """Wait until nothing of linnet and of the sample is left but the definition."""
    for ref in (CANARY, DEPLOYMENT, *(ObjectRef("Deployment", SHOP, name) for name in WORKLOADS)):
        await api.until_gone(ref)
    definition = await api.get(DEFINITION)
    assert definition is not None
    assert "deletionTimestamp" not in definition["metadata"]


def in_reverse(applications: list[Application]) -> bool:
    """Tell whether Applications went in the reverse of their order."""
    times = [application.gone or 0.0 for application in applications]
    return all(times) and times == sorted(times, reverse=True)


async def test_git_alone_brings_up_linnet_upgrades_it_in_mid_release_and_takes_all_away(
    node: StandIn, api: Api, backend: Backend, argocd: ArgoCD, repository: Repository
) -> None:
    """Taken away twice: by a commit without the Applications, and with the root Application."""
    root = argocd.application("linnet-root")
    applications = [argocd.application(name) for name in APPLICATIONS]
    crds, operator, _, shop, canary = applications

    commit = await copied(repository, {SAMPLE_CANARY: ("interval: 30s", "interval: 4s")})
    await api.apply(root_application(repository))
    await root.synced(commit, "Healthy")
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

    # A commit removes what it does not list any more; prune must wait for the Canary to go first.
    rest = "".join(f"- {name}.yaml\n" for name in ("operator", "mesh-policy", "app", "canary"))
    commit = await edited(repository, "No linnet any more", {APPS: (rest, "")})
    await root.refresh()
    for application in applications[1:]:
        await api.until_gone(application.ref)
    await gone(api)
    await root.synced(commit, "Healthy")
    assert in_reverse(applications[1:]), root.record.story()

    commit = await repository.revert()
    await root.refresh()
    await root.synced(commit, "Healthy")
    await api.until(CANARY, lambda c: c["status"]["phase"] == "Initialized")
    await api.delete(root.ref)
    await api.until_gone(root.ref)
    await gone(api)  # Argo CD prunes definitions in a sync, but deletes none with its Application
    assert in_reverse(applications)
