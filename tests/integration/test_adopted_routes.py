"""Weights in a VirtualService of others, on a real API server: nothing else of it changes."""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from kubernetes import client

from integration.admission import applied
from integration.kubectl import kubectl, refusal
from integration.namespace_lab import namespace_with_istio
from integration.operator_lab import Lab, canary
from linnet.adapters.kinds import KINDS
from linnet.adapters.policies import NOT_INSTALLED, WeightsGuard
from linnet.api.names import WEIGHTS_ANNOTATION
from linnet.engine.decision import Patch
from linnet.errors import ConflictError
from linnet.routing.adoption import returned, weights

pytestmark = pytest.mark.usefixtures("crds")


@pytest.fixture
async def lab(api: client.ApiClient, namespace: str) -> AsyncIterator[Lab]:
    """An adapter whose Canary `web` adopts the VirtualService `web`, which Git has applied."""
    namespace_with_istio(api, namespace)
    lab = await Lab.open(namespace)
    adopting = canary(namespace)
    adopting["spec"]["service"]["virtualServiceRef"] = {"name": "web"}
    await lab.create(adopting)
    kubectl(*GIT, stdin=json.dumps(manifest(namespace)))
    lab.cache.put(await lab.read("VirtualService"))
    yield lab
    for kind in ("Canary", "VirtualService"):
        for ref in lab.cache.refs(KINDS[kind]):
            await lab.delete(kind, ref.name)
    await lab.connection.close()


GIT = ("apply", "--server-side", "--field-manager=git", "--filename=-")


def manifest(namespace: str, timeout: str = "5s") -> dict[str, Any]:
    """Return the VirtualService as it is in Git."""
    both = [
        {"destination": {"host": "web-primary"}, "weight": 90, "headers": {"request": {}}},
        {"destination": {"host": "web-canary"}, "weight": 10},
    ]
    return {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "VirtualService",
        "metadata": {"name": "web", "namespace": namespace, "labels": {"team": "shop"}},
        "spec": {
            "hosts": ["web"],
            "http": [
                {
                    "match": [{"uri": {"prefix": "/x"}}],
                    "route": both[:1],
                    "fault": {"delay": {"fixedDelay": "1s", "percentage": {"value": 0.5}}},
                },
                {"route": both, "timeout": timeout, "mirror": {"host": "web-mirror"}},
            ],
        },
    }


async def write(lab: Lab, weight: int) -> dict[str, Any]:
    """Write a weight as the engine would have it; return the VirtualService as it is then."""
    ref = lab.ref("VirtualService")
    objects = lab.observe().observation.objects
    rewrite = weights(lab.canary(), weight, ref, objects, ())
    assert rewrite.problem is None
    version = lab.live("VirtualService")["metadata"]["resourceVersion"]
    patch = Patch(ref, rewrite.operations, version, rewrite.content)
    await lab.cluster.carry_out(lab.canary(), patch)
    return await lab.read("VirtualService")


def without_weights(live: dict[str, Any]) -> str:
    """Return what has to stay byte for byte."""
    spec = json.loads(json.dumps(live["spec"]))
    for route in spec["http"]:
        for entry in route["route"]:
            entry.pop("weight", None)
    kept = {k: live["metadata"].get(k) for k in ("labels", "uid", "creationTimestamp")}
    return json.dumps([spec, kept])


def managers(live: dict[str, Any]) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in live["metadata"]["managedFields"]}


async def test_all_but_the_weights_stays_byte_for_byte(lab: Lab) -> None:
    before = await lab.read("VirtualService")
    for weight in (40, 60, 0):
        after = await write(lab, weight)
        assert without_weights(after) == without_weights(before)
        assert [e["weight"] for e in after["spec"]["http"][1]["route"]] == [100 - weight, weight]
        assert managers(after)["git"] == managers(before)["git"]
        assert set(managers(after)["linnet"]) == {"f:metadata"}
        assert (
            lab.live("VirtualService")["metadata"]["resourceVersion"]
            == (after["metadata"]["resourceVersion"])
        ), "the next look knows of both writes"


async def test_whoever_applies_server_side_meets_no_conflict(lab: Lab) -> None:
    await write(lab, 40)
    kubectl(*GIT, stdin=json.dumps(manifest(lab.namespace, timeout="7s")))
    after = await lab.read("VirtualService")
    assert after["spec"]["http"][1]["timeout"] == "7s"
    assert WEIGHTS_ANNOTATION in after["metadata"]["annotations"]


async def test_without_handing_back_they_would(lab: Lab) -> None:
    path = lab.path("VirtualService")
    operation = {"op": "add", "path": "/spec/http/1/route/0/weight", "value": 1}
    await lab.connection.request(
        *("PATCH", path, "the lab"),
        body=[operation],
        query={"fieldManager": "linnet"},
        content_type="application/json-patch+json",
    )
    assert "conflict with" in refusal(*GIT, stdin=json.dumps(manifest(lab.namespace)))


async def test_a_patch_on_what_has_changed_meanwhile_writes_nothing(lab: Lab) -> None:
    await lab.change("VirtualService", {"metadata": {"labels": {"team": "other"}}})
    with pytest.raises(ConflictError):
        await write(lab, 40)
    live = await lab.read("VirtualService")
    assert [e["weight"] for e in live["spec"]["http"][1]["route"]] == [90, 10]
    assert (await write(lab, 40))["metadata"]["labels"] == {"team": "other"}


async def test_a_patch_of_what_is_gone_is_a_conflict(lab: Lab) -> None:
    await lab.delete("VirtualService")
    with pytest.raises(ConflictError):
        await write(lab, 40)
    assert lab.cache.get(lab.ref("VirtualService")) is None


async def test_returned_is_what_git_has_but_for_the_weights(lab: Lab) -> None:
    before = await lab.read("VirtualService")
    await write(lab, 40)
    live = lab.live("VirtualService")
    key = f"{lab.namespace}/web"
    operations = returned(key, live, ()).operations
    version = live["metadata"]["resourceVersion"]
    await lab.cluster.carry_out(
        lab.canary(), Patch(lab.ref("VirtualService"), operations, version, "")
    )
    after = await lab.read("VirtualService")
    assert "annotations" not in after["metadata"]
    assert managers(after) == managers(before)
    assert [e["weight"] for e in after["spec"]["http"][1]["route"]] == [100, 0]


async def test_it_is_noticed_whether_a_policy_keeps_weights(lab: Lab) -> None:
    woken: list[object] = []
    guard = WeightsGuard(lab.connection, woken.append, lab.cache.phase)
    with applied():
        await guard.look()
        assert guard.missing(lab.ref("Canary")) == ""
    await guard.look()
    assert guard.missing(lab.ref("Canary")) == NOT_INSTALLED
    assert woken == [lab.ref("Canary")]
    with suppress(ConflictError):
        await guard.look()
    assert len(woken) == 1, "told once"
