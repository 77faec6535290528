"""An app with two Deployments of the team's own, podinfo-v1 and podinfo-v2, and a Canary."""

import asyncio
from typing import Any

from e2e.api import WITHIN
from e2e.app import NAME, App
from linnet.api.objects import ObjectRef

OLD, NEW = "-v1", "-v2"
SUBSETS = {
    "virtualServiceRef": {"name": NAME},
    "destinationRuleRef": {"name": NAME, "primarySubset": "v1", "canarySubset": "v2"},
}
"""`spec.service` of a Canary that writes weights into the team's own VirtualService."""


class Pair(App):
    """Two Deployments whose pods differ in the label `version`, behind one Service."""

    async def create_both(self, old: str = "1.0.0", new: str = "1.0.0") -> None:
        """Make namespace and app, without a Canary, and wait until both Deployments serve."""
        labels = dict(self.backend.namespace_labels)
        metadata = {"name": self.namespace, "labels": labels}
        await self.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        for suffix, tag in ((OLD, old), (NEW, new)):
            await self.api.apply(await asyncio.to_thread(self.version, suffix, tag))
        await self.api.apply(self.service())
        await self.api.apply(self.routes())
        for suffix in (OLD, NEW):
            await self.available(suffix)
        await self.serving()

    def version(self, suffix: str, tag: str, replicas: int = 2) -> dict[str, Any]:
        """Return one of the two Deployments."""
        deployment = self.deployment(tag, replicas)
        labels = {"app": NAME, "version": suffix.removeprefix("-")}
        deployment["metadata"]["name"] = NAME + suffix
        deployment["spec"]["selector"]["matchLabels"] = labels
        deployment["spec"]["template"]["metadata"]["labels"] = labels
        return deployment

    def manifest(self, **spec: Any) -> dict[str, Any]:
        """Return the Canary, whose releases are of podinfo-v2."""
        service = {"name": NAME, **spec.pop("service", {})}
        refs = {"targetRef": {"name": NAME + NEW}, "primaryRef": {"name": NAME + OLD}}
        manifest = super().manifest(**refs, service=service, **spec)
        if "virtualServiceRef" in service:
            manifest["spec"]["service"] = service  # the routes are the team's
        return manifest

    async def split(self, old: int, new: int) -> dict[str, Any]:
        """Have the team's own VirtualService split the traffic between two subsets; return it."""
        versions = [suffix.removeprefix("-") for suffix in (OLD, NEW)]
        rule = {
            "apiVersion": "networking.istio.io/v1",
            "kind": "DestinationRule",
            "metadata": {"name": NAME, "namespace": self.namespace},
            "spec": {
                "host": NAME,
                "subsets": [{"name": v, "labels": {"version": v}} for v in versions],
            },
        }
        await self.api.apply(rule)
        routes = self.routes()
        routes["spec"]["hosts"].append(NAME)
        routes["spec"]["gateways"].append("mesh")
        routes["spec"]["http"][0]["timeout"] = "5s"
        # A proxy may know of a subset before it knows of its pods: each is to answer alone first.
        for weights in ((100, 0), (0, 100), (old, new)):
            routes["spec"]["http"][0]["route"] = [
                {"destination": {"host": NAME, "port": {"number": 80}, "subset": v}, "weight": w}
                for v, w in zip(versions, weights, strict=True)
            ]
            await self.api.apply(routes)
            if 100 in weights:
                await self._answered_by(OLD if weights[0] else NEW)
        return routes

    async def _answered_by(self, suffix: str) -> None:
        """Wait until one Deployment answers all requests, from outside and from the mesh."""
        for load in (self.traffic(), self.mesh_traffic()):
            async with asyncio.timeout(WITHIN), load:
                while not all(
                    request.ok and request.pod.startswith(f"{NAME}{suffix}-")
                    for request in await load.more(20)
                ):
                    pass

    async def give(self, suffix: str, tag: str) -> None:
        """Change the image of one Deployment, as a commit would."""
        image = await asyncio.to_thread(self.backend.image, tag)
        ref = self.ref("Deployment", suffix)
        live = await self.api.get(ref)
        assert live is not None
        containers = live["spec"]["template"]["spec"]["containers"]
        containers[0]["image"] = image
        await self.api.patch(ref, {"spec": {"template": {"spec": {"containers": containers}}}})

    async def waiting(self) -> str:
        """Wait until linnet waits for the primary to be changed; return what it says."""
        condition = await self.condition("Progressing", "True", "WaitingForPrimary")
        return str(condition["message"])

    async def sizes(self) -> dict[str, int]:
        """Return all Deployments of the namespace, with their sizes."""
        return {
            d["metadata"]["name"]: d["spec"]["replicas"]
            for d in await self.api.list("Deployment", self.namespace)
        }

    def version_ref(self, suffix: str) -> ObjectRef:
        """Name one of the two Deployments."""
        return self.ref("Deployment", suffix)
