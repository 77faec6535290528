"""One Argo CD for all tests, started by the first that needs it; one repository for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cluster.argocd import NAME
from cluster.local import Cluster
from deployment import DEPLOY, KUSTOMIZE, rendered
from e2e.api import Api
from e2e.backend import Backend
from e2e.gitops.argo import ArgoCD, configure
from e2e.gitops.git import Repository
from e2e.gitops.managed import ManagedApp
from e2e.gitops.reviews import Reviews, service_monitors
from e2e.operator import Operator
from linnet.api.objects import ref_of


@pytest.fixture(scope="session")
def argocd_running(backend: Backend) -> None:
    """Argo CD, which runs until the cluster ends."""
    if backend.name != "local":
        pytest.skip(f"no Argo CD with BACKEND={backend.name}")
    Cluster.current().start(NAME)


@pytest.fixture
async def argocd(argocd_running: None, api: Api, backend: Backend) -> AsyncIterator[ArgoCD]:
    """Argo CD as this test sees it, with the customizations that deploy/ has for linnet's kinds."""
    await configure(api, DEPLOY / "argocd" / "argocd-cm" / "argocd-cm.yaml")
    async with ArgoCD(api, backend) as argocd:
        yield argocd


@pytest.fixture
async def policies(api: Api) -> AsyncIterator[None]:
    """What keeps the weights and sizes that linnet wrote, whoever applies the objects."""
    objects = rendered(KUSTOMIZE / "components" / "admission-policies")
    for obj in objects:
        await api.apply(obj)
    yield
    for obj in objects:
        await api.delete(ref_of(obj))


@pytest.fixture
async def repository(tmp_path: Path) -> Repository:
    """An empty repository."""
    return await Repository.create(tmp_path / "team")


@pytest.fixture
async def managed(
    api: Api,
    backend: Backend,
    operator: Operator,
    argocd: ArgoCD,
    repository: Repository,
    namespace: str,
) -> AsyncIterator[ManagedApp]:
    """An app of which Git has the Deployment and the Canary, and nothing else."""
    app = ManagedApp(api, backend, namespace, argocd, repository)
    yield app
    await app.remove()


@pytest.fixture
async def reviews(
    api: Api,
    backend: Backend,
    policies: None,
    operator: Operator,
    argocd: ArgoCD,
    repository: Repository,
) -> AsyncIterator[Reviews]:
    """examples/reviews, in the namespaces that it names."""
    await api.apply(service_monitors())
    reviews = Reviews(api, backend, argocd, repository)
    yield reviews
    await reviews.remove()
