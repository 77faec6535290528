"""An app under a Canary, in a namespace of its own, and what a person does with it."""

import asyncio
import copy
from collections.abc import Mapping
from typing import Any

from cluster.load import Load
from e2e.api import WITHIN, Api
from e2e.backend import Backend
from linnet.api.objects import ObjectRef

NAME = "podinfo"
GATEWAY = "istio-system/public-gateway"
SUCCESS_RATE = {"name": "request-success-rate", "interval": "30s", "thresholdRange": {"min": 99}}
LATENCY = {"name": "request-duration", "interval": "30s", "thresholdRange": {"max": 200}}


class App:
    """Deployment, Service and VirtualService `podinfo` as a team would have them, and a Canary."""

    def __init__(self, api: Api, backend: Backend, namespace: str) -> None:
        self.api = api
        self.backend = backend
        self.namespace = namespace
        self.host = f"{namespace}.example.com"

    # --- set-up -------------------------------------------------------------------------------

    async def create(self, tag: str = "1.0.0", replicas: int = 2) -> None:
        """Make namespace and app, without a Canary, and wait until it serves."""
        labels = dict(self.backend.namespace_labels)
        metadata = {"name": self.namespace, "labels": labels}
        await self.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        deployment = await asyncio.to_thread(self.deployment, tag, replicas)
        for obj in (deployment, self.service(), self.routes()):
            await self.api.apply(obj)
        await self.available()
        await self.serving()

    async def remove(self) -> None:
        """Delete the Canary, then the namespace with all the rest."""
        await self.api.delete(self.canary_ref)
        await self.api.delete(ObjectRef("Namespace", "", self.namespace))

    async def canary(self, **spec: Any) -> None:
        """Create or change the Canary."""
        await self.api.apply(self.manifest(**spec))

    async def initialized(self, **spec: Any) -> None:
        """Create the Canary and wait until it is ready for a release, and its routes are written.

        The status says so first; the routes follow from it, the VirtualService last.
        """
        await self.canary(**spec)
        await self.phase("Initialized")
        await self.weight(0)

    def manifest(self, **spec: Any) -> dict[str, Any]:
        """Return the Canary: interval 1 s, threshold 3, weights 20 and 50."""
        analysis = {
            "interval": "1s",
            "threshold": 3,
            "stepWeights": [20, 50],
            "metrics": [SUCCESS_RATE],
            **spec.pop("analysis", {}),
        }
        service = {
            "port": 80,
            "targetPort": 9898,
            "gateways": [GATEWAY, "mesh"],
            "hosts": [self.host],
            **spec.pop("service", {}),
        }
        return {
            "apiVersion": "linnet.dev/v1beta1",
            "kind": "Canary",
            "metadata": {"name": NAME, "namespace": self.namespace},
            "spec": {
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME},
                "progressDeadlineSeconds": 60,
                "scaleDownDelaySeconds": 2,
                "service": service,
                "analysis": analysis,
                **copy.deepcopy(spec),
            },
        }

    def deployment(self, tag: str, replicas: int = 2) -> dict[str, Any]:
        """Return the Deployment that the team edits."""
        container = {
            "name": "app",
            "image": self.backend.image(tag),
            "ports": [{"name": "http", "containerPort": 9898}],
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": 9898}},
        }
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": NAME, "namespace": self.namespace},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": NAME}},
                "template": {
                    "metadata": {"labels": {"app": NAME}},
                    "spec": {"containers": [container]},
                },
            },
        }

    def service(self) -> dict[str, Any]:
        """Return the Service that was there before the Canary."""
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": NAME, "namespace": self.namespace},
            "spec": {
                "selector": {"app": NAME},
                "ports": [{"name": "http", "port": 80, "targetPort": 9898}],
            },
        }

    def routes(self) -> dict[str, Any]:
        """Return the VirtualService that was there before the Canary."""
        return {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": NAME, "namespace": self.namespace},
            "spec": {
                "hosts": [self.host],
                "gateways": [GATEWAY],
                "http": [{"route": [{"destination": {"host": NAME, "port": {"number": 80}}}]}],
            },
        }

    # --- what a person does -------------------------------------------------------------------

    async def release(self, tag: str) -> None:
        """Change the image, as a commit or `kubectl set image` would."""
        image = await asyncio.to_thread(self.backend.image, tag)
        container = {"name": "app", "image": image}
        live = await self.api.get(self.ref("Deployment"))
        assert live is not None
        containers = live["spec"]["template"]["spec"]["containers"]
        containers[0].update(container)
        await self.api.patch(
            self.ref("Deployment"),
            {"spec": {"template": {"spec": {"containers": containers}}}},
        )

    async def release_until(self, tag: str, phase: str, within: float = WITHIN) -> None:
        """Release a tag and wait until that release, and none before it, has come to a phase."""
        before = (await self.status()).get("startedAt")
        await self.release(tag)
        await self.api.until(
            self.canary_ref,
            lambda canary: (
                canary["status"].get("startedAt") != before and canary["status"]["phase"] == phase
            ),
            within=within,
        )

    async def edit(self, **spec: Any) -> None:
        """Merge fields into the Canary's spec."""
        await self.api.patch(self.canary_ref, {"spec": spec})

    # --- what a person sees -------------------------------------------------------------------

    def ref(self, kind: str, suffix: str = "") -> ObjectRef:
        """Name one of the objects."""
        return ObjectRef(kind, self.namespace, NAME + suffix)

    @property
    def canary_ref(self) -> ObjectRef:
        return self.ref("Canary")

    async def status(self) -> dict[str, Any]:
        """Return the Canary's status."""
        canary = await self.api.get(self.canary_ref)
        return dict((canary or {}).get("status", {}))

    async def phase(self, *phases: str, within: float = WITHIN) -> dict[str, Any]:
        """Wait for one of the phases of the newest generation; return the status."""
        obj = await self.api.until(
            self.canary_ref,
            lambda canary: (
                canary.get("status", {}).get("phase") in phases
                and canary["status"].get("observedGeneration") == canary["metadata"]["generation"]
            ),
            within=within,
        )
        return dict(obj["status"])

    async def weight(self, weight: int, within: float = WITHIN) -> None:
        """Wait until the VirtualService gives the canary this weight."""
        await self.api.until(
            self.ref("VirtualService"),
            lambda routes: weights(routes) == (100 - weight, weight),
            within=within,
        )

    async def no_more(self, weight: int) -> None:
        """Wait until the VirtualService gives the canary another weight than this."""
        await self.api.until(
            self.ref("VirtualService"), lambda routes: weights(routes) != (100 - weight, weight)
        )

    async def condition(
        self, kind: str, status: str, reason: str, within: float = WITHIN
    ) -> dict[str, Any]:
        """Wait until a condition has this status and reason; return it."""

        def found(canary: Mapping[str, Any]) -> dict[str, Any] | None:
            for condition in canary.get("status", {}).get("conditions", []):
                if (condition["type"], condition["status"]) == (kind, status):
                    return dict(condition) if condition["reason"] == reason else None
            return None

        obj = await self.api.until(self.canary_ref, lambda c: found(c) is not None, within=within)
        condition = found(obj)
        assert condition is not None
        return condition

    async def available(self, suffix: str = "", within: float = WITHIN) -> None:
        """Wait until the Deployment is rolled out."""
        await self.api.until(self.ref("Deployment", suffix), rolled_out, within=within)

    async def serving(self, within: float = WITHIN) -> None:
        """Wait until requests from outside and from the mesh are answered."""
        for load in (self.traffic(rps=20), self.mesh_traffic(rps=20)):
            async with asyncio.timeout(within), load:
                # A load has no event to wait for.
                while load.requests()[-5:].counts().ok < 5:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)

    async def event(self, reason: str, within: float = WITHIN) -> None:
        """Wait for an Event: they are posted behind the writes that matter."""
        async with asyncio.timeout(within):
            while reason not in await self.events():  # noqa: ASYNC110 - what is awaited is elsewhere
                await asyncio.sleep(0.1)

    async def events(self) -> list[str]:
        """Return the reasons of the Canary's Events, in order."""
        events = await self.api.list("Event", self.namespace)
        mine = [e for e in events if e["involvedObject"]["kind"] == "Canary"]
        mine.sort(key=lambda e: e.get("eventTime") or e.get("firstTimestamp") or "")
        return [e["reason"] for e in mine]

    # --- traffic ------------------------------------------------------------------------------

    def traffic(self, rps: float = 50.0) -> Load:
        """Return steady traffic through the ingress gateway."""
        return Load(self.backend.gateway, host=self.host, rps=rps, duration=600)

    def mesh_traffic(self, rps: float = 50.0) -> Load:
        """Return steady traffic from a pod in the mesh."""
        host = f"{NAME}.{self.namespace}.svc.cluster.local"
        return Load(self.backend.caller, host=host, rps=rps, duration=600)


def weights(routes: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the weights of a VirtualService's first route."""
    return tuple(route.get("weight", 100) for route in routes["spec"]["http"][0]["route"])


def rolled_out(deployment: Mapping[str, Any]) -> bool:
    """Tell whether every pod is of the newest template and available."""
    status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    return bool(
        status.get("observedGeneration") == deployment["metadata"]["generation"]
        and status.get("updatedReplicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
    )
