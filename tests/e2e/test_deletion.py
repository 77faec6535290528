"""A Canary that is deleted while the API server refuses to have its routes changed."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from e2e.app import App
from linnet.api.objects import ObjectRef, ref_of
from linnet.errors import SpecError

FROZEN = "routes are frozen by the platform team"
POLICY = "admissionregistration.k8s.io/v1"


def policy(app: App) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a policy under which nobody changes VirtualServices in the app's namespace."""
    name = {"name": f"frozen-{app.namespace}"}
    rule = {
        "apiGroups": ["networking.istio.io"],
        "apiVersions": ["*"],
        "operations": ["UPDATE", "DELETE"],
        "resources": ["virtualservices"],
    }
    here = {"matchLabels": {"kubernetes.io/metadata.name": app.namespace}}
    return (
        {
            "apiVersion": POLICY,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": name,
            "spec": {
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": "false", "message": FROZEN}],
            },
        },
        {
            "apiVersion": POLICY,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": name,
            "spec": {
                "policyName": name["name"],
                "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": here},
            },
        },
    )


@asynccontextmanager
async def frozen(app: App) -> AsyncIterator[None]:
    """Keep everybody from changing the app's routes, for a while."""
    objects = policy(app)
    for obj in objects:
        await app.api.apply(obj)
    try:
        while await _may_change(app):  # noqa: ASYNC110 - what is awaited is elsewhere
            await asyncio.sleep(0.2)
        yield
    finally:
        for obj in objects:
            await app.api.delete(ref_of(obj))


async def _may_change(app: App) -> bool:
    try:
        await app.api.patch(app.ref("VirtualService"), {"metadata": {"labels": {"tried": "it"}}})
    except SpecError:
        return False
    return True


async def test_what_keeps_it_is_told_and_no_request_fails_over_it(app: App) -> None:
    await app.create()
    await app.initialized()
    async with app.traffic() as load:
        async with frozen(app):
            await app.api.delete(app.canary_ref)
            stalled = await app.condition("Stalled", "True", "Refused")
            assert FROZEN in stalled["message"]
            assert re.search(rf"kubectl patch .* --namespace {app.namespace}", stalled["message"])
            await app.event("Refused")
            assert (await app.status())["phase"] == "Terminating"
        await app.api.until_gone(app.canary_ref)
        await app.api.until_gone(app.ref("Deployment", "-primary"))
    assert load.counts().failed == 0, load.failed()[:5]
    assert load.by_version()["1.0.0"]


async def test_it_can_be_let_go_by_hand_and_serves_on(app: App) -> None:
    await app.create()
    await app.initialized()
    async with app.traffic() as load, frozen(app):
        await app.api.delete(app.canary_ref)
        await app.condition("Stalled", "True", "Refused")
        await app.api.patch(app.canary_ref, {"metadata": {"finalizers": None}})
        await app.api.until_gone(app.canary_ref)
        await asyncio.sleep(5)  # time for what would be collected to be gone
    assert load.counts().failed == 0, load.failed()[:5]
    primary = ObjectRef("Deployment", app.namespace, "podinfo-primary")
    assert await app.api.get(primary) is not None
