"""linnet leaves mutual TLS to Istio: in what istiod computes, with PeerAuthentication STRICT."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from e2e.app import App
from e2e.auto_mtls import MUTUAL, Object, Sidecar, auto_mtls, ways
from e2e.backend import Backend


@pytest.fixture
async def sidecar(backend: Backend, tmp_path: Path) -> AsyncIterator[Sidecar]:
    """Somebody's sidecar in a mesh with automatic mutual TLS."""
    if backend.name != "local":
        pytest.skip("reads the configuration of an istiod of its own")
    async with auto_mtls(tmp_path) as sidecar:
        yield sidecar


def strict(namespace: str) -> dict[str, Any]:
    """Return the policy that pods take requests with mutual TLS only."""
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": namespace},
        "spec": {"mtls": {"mode": "STRICT"}},
    }


def without_tls(namespace: str, host: str) -> dict[str, Any]:
    """Return a DestinationRule as linnet must not write one."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": host, "namespace": namespace},
        "spec": {"host": host, "trafficPolicy": {"tls": {"mode": "DISABLE"}}},
    }


def pending(cluster: Object) -> Any:
    """Return a limit which the cluster has from a DestinationRule."""
    return cluster["circuitBreakers"]["thresholds"][0].get("maxPendingRequests")


async def test_both_sides_are_called_with_mutual_tls_during_a_release(
    app: App, sidecar: Sidecar
) -> None:
    await app.create()
    await app.api.apply(strict(app.namespace))
    policy = {"connectionPool": {"http": {"http1MaxPendingRequests": 77}}}
    await app.initialized(
        analysis={"interval": "1h", "stepWeights": [20, 50]}, service={"trafficPolicy": policy}
    )
    await app.release("2.0.0")
    async with app.traffic():
        await app.weight(20)
    for side in ("primary", "canary"):
        host = f"podinfo-{side}.{app.namespace}.svc.cluster.local"
        told = await sidecar.told(host, lambda cluster: pending(cluster) == 77)
        assert ways(told).get(MUTUAL) == "envoy.transport_sockets.tls"
        assert "transportSocket" not in told, "nothing overrides what Istio chooses"


async def test_a_rule_that_turns_it_off_would_be_seen(app: App, sidecar: Sidecar) -> None:
    await app.create()
    await app.api.apply(strict(app.namespace))
    host = f"podinfo.{app.namespace}.svc.cluster.local"
    await sidecar.told(host, lambda cluster: MUTUAL in ways(cluster))
    await app.api.apply(without_tls(app.namespace, "podinfo"))
    await sidecar.told(host, lambda cluster: MUTUAL not in ways(cluster))
