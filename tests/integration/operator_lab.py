"""Parts of the operator on a real API server, and objects for them to work on."""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from linnet.adapters.cache import Cache
from linnet.adapters.connection import Connection
from linnet.adapters.discovery import discover
from linnet.adapters.events import EventPoster
from linnet.adapters.kinds import KINDS
from linnet.adapters.kubernetes import Kubernetes
from linnet.adapters.telemetry import Telemetry
from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef
from linnet.ports import Observed


def canary(namespace: str, name: str = "web") -> dict[str, Any]:
    """Return a Canary of Deployment `name`."""
    return {
        "apiVersion": "linnet.dev/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "targetRef": {"name": name},
            "service": {"port": 80},
            "analysis": {"stepWeight": 10},
        },
    }


def deployment(namespace: str, name: str = "web", replicas: int = 1) -> dict[str, Any]:
    """Return a Deployment."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "app:1"}]},
            },
        },
    }


def service(namespace: str, name: str = "web", port: int = 80) -> dict[str, Any]:
    """Return a Service."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": [{"port": port}]},
    }


class Lab:
    """A Kubernetes adapter with a cache that is filled by hand, to be able to keep it behind."""

    def __init__(self, connection: Connection, namespace: str) -> None:
        self.connection = connection
        self.namespace = namespace
        self.woken: list[ObjectRef] = []
        self.cache = Cache(self.woken.append)
        self.telemetry = Telemetry()
        self.events = EventPoster(connection, "lab", self.telemetry)
        self.time_left = 60.0
        self.versions: dict[Any, str] = {}
        self.cluster = Kubernetes(
            connection, self.cache, self.events, self.versions, lambda: self.time_left
        )

    @classmethod
    async def open(cls, namespace: str, kubeconfig: str = "") -> "Lab":
        lab = cls(await Connection.open(kubeconfig), namespace)
        lab.versions.update(await discover(lab.connection))
        return lab

    def ref(self, kind: str, name: str = "web") -> ObjectRef:
        return ObjectRef(kind, self.namespace, name)

    def path(self, kind: str, name: str = "web", subresource: str = "") -> str:
        known = KINDS[kind]
        return known.path(self.versions[known], self.namespace, name, subresource)

    async def create(self, obj: Mapping[str, Any], *, seen: bool = True) -> dict[str, Any]:
        """Create an object as somebody else would; `seen` tells whether the cache knows of it."""
        answer = await self.connection.request(
            "POST", self.path(obj["kind"], ""), "the lab", body=dict(obj)
        )
        if seen:
            self.cache.put(answer)
        return answer

    async def read(self, kind: str, name: str = "web") -> dict[str, Any]:
        """Read an object from the API server, past the cache."""
        return await self.connection.request("GET", self.path(kind, name), "the lab")

    async def change(self, kind: str, patch: Mapping[str, Any], name: str = "web") -> None:
        """Change an object behind the cache's back."""
        await self.connection.request(
            "PATCH",
            self.path(kind, name),
            "the lab",
            body=dict(patch),
            content_type="application/merge-patch+json",
        )

    async def delete(self, kind: str, name: str = "web") -> None:
        """Delete an object behind the cache's back."""
        await self.connection.request("DELETE", self.path(kind, name), "the lab")

    def observe(self, name: str = "web") -> Observed:
        observed = self.cluster.observe(self.ref("Canary", name))
        assert observed is not None
        return observed

    def live(self, kind: str, name: str = "web") -> dict[str, Any]:
        """Return what the cache has."""
        obj = self.cache.get(self.ref(kind, name))
        assert obj is not None
        return obj

    def canary(self, name: str = "web") -> Canary:
        return self.observe(name).canary


async def until(holds: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something holds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not holds():
        assert loop.time() < end, f"not within {seconds} s"
        await asyncio.sleep(0.02)


def kubeconfig() -> Path:
    """Return the test cluster's kubeconfig."""
    return Path(os.environ["KUBECONFIG"])
