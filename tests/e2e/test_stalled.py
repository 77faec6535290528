"""What only the cluster can tell: Stalled with a reason, and mended by itself."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from e2e.app import App
from linnet.api.objects import ObjectRef

Deed = Callable[[App], Awaitable[Any]]


def virtual_service(app: App, **spec: Any) -> dict[str, Any]:
    """Return another team's VirtualService."""
    http = [{"route": [{"destination": {"host": "podinfo"}}]}]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "other", "namespace": app.namespace},
        "spec": {"http": http, **spec},
    }


async def _no_target(app: App) -> None:
    await app.api.delete(app.ref("Deployment"))


async def _target_back(app: App) -> None:
    await app.api.apply(app.deployment("1.0.0"))


async def _rival(app: App) -> None:
    """Another team has the host, and had it first: that is the VirtualService that Istio obeys."""
    await app.api.delete(app.ref("VirtualService"))
    await app.api.apply(
        virtual_service(app, hosts=[app.host], gateways=["istio-system/public-gateway"])
    )
    await app.api.apply(app.routes())


async def _rival_gone(app: App) -> None:
    await app.api.delete(ObjectRef("VirtualService", app.namespace, "other"))


async def _occupied(app: App) -> None:
    await app.api.apply({**app.service(), "metadata": app.service()["metadata"] | _CANARY_NAME})


async def _occupier_gone(app: App) -> None:
    await app.api.delete(app.ref("Service", "-canary"))


async def _no_port(app: App) -> None:
    await app.edit(service={"targetPort": "web"})


async def _port_back(app: App) -> None:
    await app.edit(service={"targetPort": "http"})


async def _strict(app: App) -> None:
    await app.api.apply(
        {
            "apiVersion": "security.istio.io/v1",
            "kind": "PeerAuthentication",
            "metadata": {"name": "default", "namespace": app.namespace},
            "spec": {"mtls": {"mode": "STRICT"}},
        }
    )
    await app.edit(service={"trafficPolicy": {"tls": {"mode": "DISABLE"}}})


async def _not_disabled(app: App) -> None:
    await app.edit(service={"trafficPolicy": None})


_CANARY_NAME = {"name": "podinfo-canary"}


@pytest.mark.parametrize(
    ("break_it", "reason", "mend"),
    [
        pytest.param(_no_target, "TargetNotFound", _target_back, id="no such Deployment"),
        pytest.param(_rival, "HostConflict", _rival_gone, id="another VirtualService has the host"),
        pytest.param(_occupied, "NotOurs", _occupier_gone, id="a name is taken"),
        pytest.param(_no_port, "PortMissing", _port_back, id="no port of that name"),
        pytest.param(_strict, "BreaksMutualTLS", _not_disabled, id="mutual TLS would break"),
    ],
)
async def test_a_canary_that_cannot_work_says_why_and_recovers(
    app: App, break_it: Deed, reason: str, mend: Deed
) -> None:
    await app.create()
    if break_it in (_no_port, _strict):
        await app.canary(suspend=True)
        await break_it(app)
        await app.edit(suspend=False)
    else:
        await break_it(app)
        await app.canary()
    condition = await app.condition("Stalled", "True", reason)
    assert len(condition["message"]) > 30
    await app.event(reason)
    await mend(app)
    await app.phase("Initialized")
    await app.condition("Stalled", "False", "NotStalled")


async def test_one_bad_canary_disturbs_no_other(app: App, second_app: App) -> None:
    await app.create()
    await app.api.delete(app.ref("Deployment"))
    await app.canary()
    await app.condition("Stalled", "True", "TargetNotFound")
    await second_app.create()
    await second_app.initialized()
    async with second_app.traffic() as load:
        await second_app.release("2.0.0")
        await second_app.phase("Succeeded")
    assert load.counts().failed == 0, load.failed()[:5]
