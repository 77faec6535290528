"""An app in Git under a Canary that makes its own routes."""

from collections.abc import Mapping
from typing import Any

from e2e.api import Api
from e2e.app import App
from e2e.backend import Backend
from e2e.gitops.argo import SERVER_SIDE, Application, ArgoCD
from e2e.gitops.git import Object, Repository

DEPLOYMENT = "deployment.yaml"
CANARY = "canary.yaml"


class ManagedApp(App):
    """An App whose Deployment and Canary come from Git, and nothing else does."""

    application: Application

    def __init__(
        self, api: Api, backend: Backend, namespace: str, argocd: ArgoCD, repository: Repository
    ) -> None:
        super().__init__(api, backend, namespace)
        self.argocd = argocd
        self.repository = repository

    async def deploy(
        self,
        tag: str = "1.0.0",
        replicas: int | None = None,
        more: Mapping[str, Object] | None = None,
        **spec: Any,
    ) -> None:
        """Commit the first version, have Argo CD sync it, and wait until the app serves.

        With `replicas` in Git, Argo CD compares with what the API server's policies make of them.
        `more` are other files of the first commit.
        """
        commit = await self.repository.commit(
            f"Deploy {tag}",
            {
                DEPLOYMENT: self.in_git(tag, replicas),
                CANARY: self.manifest(**spec),
                **(more or {}),
            },
        )
        self.application = await self.argocd.create(
            self.namespace,
            self.repository.url,
            self.namespace,
            annotations=None if replicas is None else SERVER_SIDE,
        )
        await self.application.synced(commit)
        await self.phase("Initialized")
        await self.weight(0)
        await self.serving()
        await self.application.healthy()

    def in_git(self, tag: str, replicas: int | None = None) -> Object:
        """Return the Deployment as Git has it: without replicas, where none are given."""
        deployment = self.deployment(tag, replicas or 1)
        del deployment["metadata"]["namespace"]
        if replicas is None:
            del deployment["spec"]["replicas"]
        return deployment

    def manifest(self, **spec: Any) -> dict[str, Any]:
        """Return the Canary as Git has it."""
        manifest = super().manifest(**spec)
        manifest["metadata"].pop("namespace")
        service = manifest["spec"]["service"]
        if service.get("delegation"):
            del service["hosts"], service["gateways"]  # the root has them
        return manifest

    async def commit(self, message: str, files: dict[str, Any]) -> str:
        """Commit and have Argo CD see it, without waiting for the sync; returns the commit."""
        commit = await self.repository.commit(message, files)
        await self.application.refresh()
        return commit

    async def release(self, tag: str, replicas: int | None = None) -> None:
        """Commit another image, and wait until Argo CD has synced it."""
        await self.application.synced(
            await self.commit(f"Release {tag}", {DEPLOYMENT: self.in_git(tag, replicas)})
        )

    async def revert(self) -> None:
        """Undo the newest commit by `git revert`, without waiting for the sync."""
        await self.repository.revert()
        await self.application.refresh()
