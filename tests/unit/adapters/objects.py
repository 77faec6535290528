"""Objects as the API server returns them, for tests of what keeps them."""

from typing import Any

from linnet.adapters.kinds import KINDS

NAMESPACE = "shop"


def obj(
    kind: str, name: str, version: int = 1, namespace: str = NAMESPACE, **parts: Any
) -> dict[str, Any]:
    """Return an object of a kind; `labels` go into its metadata, all else beside it."""
    known = KINDS[kind]
    return {
        "apiVersion": known.api_version(known.versions[0]),
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "resourceVersion": str(version),
            "uid": f"{kind}-{name}",
            "labels": parts.pop("labels", {}),
        },
        **parts,
    }


def canary(
    name: str = "web", version: int = 1, namespace: str = NAMESPACE, **service: Any
) -> dict[str, Any]:
    """Return a Canary of a Deployment with its own name."""
    spec = {
        "targetRef": {"name": name},
        "service": {"port": 80, **service},
        "analysis": {"stepWeight": 10},
    }
    return obj("Canary", name, version, namespace, spec=spec)


def virtual_service(name: str, *hosts: str, version: int = 1, **where: Any) -> dict[str, Any]:
    """Return a VirtualService for some hosts."""
    return obj("VirtualService", name, version, **where, spec={"hosts": list(hosts)})


def endpoint_slice(
    name: str, service: str, *ready: bool | None, version: int = 1, family: str = "IPv4"
) -> dict[str, Any]:
    """Return an EndpointSlice with one endpoint for each given readiness (None: not said)."""
    endpoints = [{"conditions": {} if r is None else {"ready": r}} for r in ready]
    return obj(
        "EndpointSlice",
        name,
        version,
        labels={"kubernetes.io/service-name": service},
        addressType=family,
        endpoints=endpoints,
    )
