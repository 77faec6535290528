"""examples/reviews in a repository of its own, synced by Argo CD."""

import asyncio
import shutil
from typing import Any

import yaml

from cluster.load import Load
from deployment import DEPLOY
from e2e.api import WITHIN, Api
from e2e.app import rolled_out
from e2e.backend import Backend
from e2e.gitops.argo import Application, ArgoCD
from e2e.gitops.git import Repository
from e2e.gitops.routes import Routes
from linnet.api.names import WEIGHTS_ANNOTATION
from linnet.api.objects import ObjectRef

EXAMPLE = DEPLOY.parent / "examples" / "reviews"
FOLDER = "examples/reviews"
MESH = "manifests/charts/istio-control/istio-discovery"
ADDRESS_IN_EXAMPLE = "https://git.example.com/platform.git"
NAMESPACE = "production"
CATALOGUE = "prod"
OLD, NEW = "reviews-v1", "reviews-v2"
CANARY = ObjectRef("Canary", NAMESPACE, "reviews")
STAND_IN = ObjectRef("ConfigMap", "istio-system", "mesh-under-gitops")
ROUTES = ObjectRef("VirtualService", NAMESPACE, "reviews")


class Reviews:
    """The team: what it commits, and what its users get."""

    def __init__(self, api: Api, backend: Backend, argocd: ArgoCD, repository: Repository) -> None:
        self.api = api
        self.repository = repository
        self.application: Application = argocd.application("reviews-production")
        self.catalogue: Application = argocd.application("reviews-prod")
        self._argocd = argocd
        self._backend = backend

    async def deploy(
        self, interval: str = "2s", versions: tuple[str, str] = ("1.0.0", "2.0.0")
    ) -> str:
        """Commit the example with these versions, have Argo CD sync it; returns the commit."""
        await asyncio.to_thread(shutil.copytree, EXAMPLE, self.repository.path / FOLDER)
        files: dict[str, Any] = {f"{MESH}/mesh.yaml": _stand_in_for_the_mesh()}
        for path in await asyncio.to_thread(lambda: sorted((EXAMPLE / "argocd").glob("*.yaml"))):
            text = self.read(f"argocd/{path.name}").replace(ADDRESS_IN_EXAMPLE, self.repository.url)
            files[f"{FOLDER}/argocd/{path.name}"] = text
        canary = self.read("production/canary.yaml").replace(
            "interval: 30s", f"interval: {interval}"
        )
        files[f"{FOLDER}/production/canary.yaml"] = canary.replace(
            "spec:\n", "spec:\n  scaleDownDelaySeconds: 2\n", 1
        )
        for number, tag in enumerate(versions, start=1):
            files |= self.edit(f"production/deployment-v{number}.yaml", f":{number}.0.0", f":{tag}")
        commit = await self.repository.commit("Begin", files)
        await self._argocd.create(
            "reviews-root", self.repository.url, "argocd", path=f"{FOLDER}/argocd"
        )
        for application in (self.application, self.catalogue):
            await application.synced(commit)
        for name in (OLD, NEW):
            await self.api.until(ObjectRef("Deployment", NAMESPACE, name), rolled_out)
        return commit

    def read(self, name: str) -> str:
        """Return the text of a file of the example as the repository has it."""
        return (self.repository.path / FOLDER / name).read_text(encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> dict[str, str]:
        """Return the file with something replaced, to be committed. ValueError if it has not."""
        text = self.read(name)
        if old not in text:
            raise ValueError(f"{name} has no {old!r}")
        return {f"{FOLDER}/{name}": text.replace(old, new)}

    async def commit(self, message: str, *edits: tuple[str, str, str]) -> str:
        """Commit edits (file, old, new) and wait until Argo CD has synced them."""
        files: dict[str, Any] = {}
        for edit in edits:
            files |= self.edit(*edit)
        commit = await self.repository.commit(message, files)
        await self.application.refresh()
        await self.application.synced(commit)
        return commit

    async def revert(self) -> str:
        """Undo the newest commit, and wait until Argo CD has synced that; returns the commit."""
        commit = await self.repository.revert()
        await self.application.refresh()
        await self.application.synced(commit)
        return commit

    async def set_version(self, number: int, before: str, tag: str) -> str:
        """Commit another image for one of the two Deployments; returns the commit."""
        return await self.commit(
            f"reviews-v{number}: {tag}",
            (f"production/deployment-v{number}.yaml", f":{before}", f":{tag}"),
        )

    async def remove_canary(self) -> None:
        """Commit that there is no Canary, and wait until Git's weights hold again."""
        file = f"{FOLDER}/production/canary.yaml"
        commit = await self.repository.commit("No Canary any more", {file: None})
        await self.application.refresh()
        await self.api.until_gone(CANARY)
        await self.application.synced(commit, "Healthy")
        routes = await self.api.get(ROUTES)
        assert routes is not None
        assert WEIGHTS_ANNOTATION not in routes["metadata"].get("annotations", {})
        await self.weight(10)

    def application_of(self, name: str) -> Application:
        """Return another Application."""
        return self._argocd.application(name)

    async def phase(self, phase: str, within: float = WITHIN) -> dict[str, Any]:
        """Wait for a phase of the Canary; return its status."""
        canary = await self.api.until(
            CANARY, lambda c: c.get("status", {}).get("phase") == phase, within=within
        )
        return dict(canary["status"])

    async def waiting_for_primary(self, within: float = WITHIN) -> str:
        """Wait until the Canary waits for a commit; return what it says to commit."""

        def said(canary: dict[str, Any]) -> str:
            conditions = canary.get("status", {}).get("conditions", [])
            found = (c["message"] for c in conditions if c["reason"] == "WaitingForPrimary")
            return str(next(found, ""))

        return said(await self.api.until(CANARY, lambda c: bool(said(c)), within=within))

    async def weight(self, weight: int, within: float = WITHIN) -> None:
        """Wait until the routes give version 2 this weight."""

        def holds(routes: dict[str, Any]) -> bool:
            entries = routes["spec"]["http"][-1]["route"]
            return [entry.get("weight", 0) for entry in entries] == [100 - weight, weight]

        await self.api.until(ROUTES, holds, within=within)

    def routes(self) -> Routes:
        """Watch the VirtualService whose weights linnet writes."""
        return Routes(self._backend, NAMESPACE, ROUTES.name, canary="v2")

    def traffic(self, rps: float = 50.0, namespace: str = NAMESPACE, path: str = "/") -> Load:
        """Return steady traffic from a pod of the mesh."""
        host = f"reviews.{namespace}.svc.cluster.local"
        return Load(self._backend.caller, host=host, rps=rps, path=path, duration=600)

    async def serving(self, *versions: str, namespace: str = NAMESPACE, path: str = "/") -> None:
        """Wait until requests are answered, and have been by each of the versions."""
        async with asyncio.timeout(WITHIN), self.traffic(50, namespace, path) as load:
            answered = False
            while not answered:
                answered = (await load.more(5)).counts().failed == 0
                answered = answered and load.by_version().keys() >= {*versions}

    async def remove(self) -> None:
        """Delete all that it brought."""
        for name in ("reviews-root", "istio-system", "reviews-prod", "reviews-production"):
            await self._argocd.application(name).remove()
        await self.api.delete(CANARY)
        await self.api.delete(STAND_IN)
        for namespace in (NAMESPACE, CATALOGUE):
            await self.api.delete(ObjectRef("Namespace", "", namespace))
        for namespace in (NAMESPACE, CATALOGUE):
            await self.api.until_gone(ObjectRef("Namespace", "", namespace))


def _stand_in_for_the_mesh() -> dict[str, Any]:
    """Return what is synced in place of Istio itself, which runs already."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": STAND_IN.name},
        "data": {"values": yaml.safe_dump({"revision": "default"})},
    }


def service_monitors() -> dict[str, Any]:
    """Return the definition of ServiceMonitors, as far as one needs it to be in a cluster."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    names = {"kind": "ServiceMonitor", "plural": "servicemonitors", "singular": "servicemonitor"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "servicemonitors.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com",
            "scope": "Namespaced",
            "names": names,
            "versions": [version],
        },
    }
