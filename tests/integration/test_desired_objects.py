"""What linnet writes, the API server keeps as it is written: nothing is left to be repaired."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from kubernetes import client

from integration.namespace_lab import Canaries, Namespace, namespace_with_istio
from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef, ref_of
from linnet.engine.decision import Replace
from linnet.engine.diff import LIST_KEYS, change
from linnet.routing.destinationrules import destination_rules
from linnet.routing.services import services
from linnet.routing.virtualservice import virtual_service
from linnet.workload.deployment import read
from linnet.workload.primary import (
    primary_deployment,
    primary_labels,
    same_template,
    target_labels,
)
from unit.workload.deployments import RICH

Object = Mapping[str, Any]


@pytest.fixture(scope="module")
def cluster(api: client.ApiClient, crds: list[str], namespace: str) -> Namespace:
    assert crds
    return namespace_with_istio(api, namespace)


@pytest.fixture
def canaries(cluster: Namespace) -> Iterator[Canaries]:
    made = Canaries(cluster)
    yield made
    made.close()


TRAFFIC = {
    "targetPort": "http",
    "match": [
        {"uri": {"prefix": "/api"}, "headers": {"x-user": {}, "x-group": {"regex": "a|b"}}},
        {"method": {"exact": "GET"}, "queryParams": {"q": {"exact": "1"}}, "ignoreUriCase": True},
    ],
    "rewrite": {"uri": "/v2"},
    "timeout": "90s",
    "retries": {"attempts": 3, "perTryTimeout": "1.5s", "retryOn": "5xx"},
    "headers": {
        "request": {"set": {"x-a": "1"}, "remove": ["x-b"]},
        "response": {"add": {"c": "d"}},
    },
    "corsPolicy": {"allowOrigins": [{"exact": "https://a"}], "maxAge": "24h"},
    "hosts": ["shop.example.com"],
    "gateways": ["istio-system/public", "mesh"],
    "trafficPolicy": {
        "connectionPool": {"http": {"http2MaxRequests": 100}},
        "outlierDetection": {"consecutive5xxErrors": 5, "interval": "10s"},
        "loadBalancer": {"simple": "LEAST_REQUEST"},
    },
}


def _live(cluster: Namespace, canary: Canary) -> dict[ObjectRef, Object]:
    names = ("Service", "VirtualService", "DestinationRule")
    refs = [ObjectRef(kind, cluster.name, canary.service_name) for kind in names]
    return {ref: live for ref in refs if (live := cluster.get(ref)) is not None}


def _desired(cluster: Namespace, canary: Canary, target: Object) -> list[Object]:
    """Return everything that a Canary should have."""
    live, pods, primary = _live(cluster, canary), target_labels(target), primary_labels(target)
    return [
        *services(canary, pods, primary, live, "primary"),
        *destination_rules(canary, live),
        virtual_service(canary, 30, live),
        primary_deployment(canary, target, None, 2),
    ]


def _pick(objects: list[Object], kind: str, name: str) -> Object:
    return next(o for o in objects if (o["kind"], o["metadata"]["name"]) == (kind, name))


@pytest.mark.parametrize(
    "service",
    [
        pytest.param({}, id="with the defaults of a Canary"),
        pytest.param(TRAFFIC, id="with every setting of a Canary"),
        pytest.param({"port": 8080, "portName": "grpc-web"}, id="with a port of its own"),
        pytest.param(
            {"match": [{"uri": None, "headers": {"x": None}}], "trafficPolicy": {"tls": None}},
            id="with settings that are null",
        ),
    ],
)
@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="of a plain target"),
        pytest.param({"pod": RICH, "minReadySeconds": 3, "paused": True}, id="of a rich target"),
        pytest.param({"strategy": {"type": "Recreate"}}, id="of a target that is recreated"),
    ],
)
def test_an_object_that_was_written_is_not_written_again(
    cluster: Namespace,
    canaries: Canaries,
    service: Object,
    spec: Object,
) -> None:
    canary = canaries.make(**service)
    target = canaries.make_target(canary, **spec)
    for desired in _desired(cluster, canary, target):
        live = cluster.linnet_writes(desired)
        assert change(desired, live) is None
    for desired in _desired(cluster, canary, target):
        assert change(desired, cluster.known(ref_of(desired))) is None


def _patched_container(**fields: Any) -> Object:
    container = {"name": "app", "image": "podinfo:1.0.0", **fields}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


def _route(**fields: Any) -> Object:
    route = [{"destination": {"host": "elsewhere"}}]
    return {"spec": {"http": [{"route": route, **fields}]}}


@pytest.mark.parametrize(
    ("kind", "suffix", "patch"),
    [
        pytest.param("VirtualService", "", _route(), id="other destinations"),
        pytest.param(
            "VirtualService", "", _route(fault={"abort": {"httpStatus": 500}}), id="a fault"
        ),
        pytest.param("VirtualService", "", {"spec": {"exportTo": ["."]}}, id="another visibility"),
        pytest.param(
            "VirtualService",
            "",
            {"spec": {"tcp": [{"route": [{"destination": {"host": "elsewhere"}}]}]}},
            id="routes of another protocol",
        ),
        pytest.param(
            "DestinationRule",
            "-primary",
            {"spec": {"trafficPolicy": {"tls": {"mode": "DISABLE"}}}},
            id="no mutual TLS",
        ),
        pytest.param("Service", "-canary", {"spec": {"selector": {"x": "y"}}}, id="a selector"),
        pytest.param("Service", "", {"spec": {"ports": [{"port": 81}]}}, id="another port"),
        pytest.param("Service", "", {"metadata": {"ownerReferences": None}}, id="no owner"),
        pytest.param("Service", "", {"metadata": {"labels": None}}, id="no labels"),
        pytest.param("Deployment", "-primary", _patched_container(image="x:2"), id="an image"),
        pytest.param("Deployment", "-primary", _patched_container(ports=[]), id="no ports"),
        pytest.param(
            "Deployment", "-primary", {"spec": {"minReadySeconds": 60}}, id="a slow roll-out"
        ),
    ],
)
def test_what_somebody_changed_is_put_back(
    cluster: Namespace,
    canaries: Canaries,
    kind: str,
    suffix: str,
    patch: Object,
) -> None:
    canary = canaries.make()
    wanted = _desired(cluster, canary, canaries.make_target(canary, minReadySeconds=1))
    desired = _pick(wanted, kind, canary.service_name + suffix)
    before = cluster.linnet_writes(desired)
    after = cluster.user_patches(ref_of(desired), patch)
    assert isinstance(change(desired, after), Replace)
    restored = cluster.linnet_writes(desired)
    assert change(desired, restored) is None
    assert restored["spec"] == before["spec"]
    assert restored["metadata"]["ownerReferences"] == before["metadata"]["ownerReferences"]


@pytest.mark.parametrize(
    ("kind", "suffix", "patch"),
    [
        pytest.param(
            "Deployment",
            "-primary",
            {"spec": {"template": {"metadata": {"annotations": {"restartedAt": "now"}}}}},
            id="a restart of the primary",
        ),
        pytest.param("Deployment", "-primary", {"spec": {"paused": True}}, id="a paused primary"),
        pytest.param("Service", "", {"spec": {"type": "NodePort"}}, id="a type of Service"),
        pytest.param(
            "VirtualService", "", {"metadata": {"annotations": {"a": "b"}}}, id="an annotation"
        ),
        pytest.param("Service", "-canary", {"metadata": {"labels": {"a": "b"}}}, id="a label"),
    ],
)
def test_what_does_not_concern_linnet_is_left_alone(
    cluster: Namespace,
    canaries: Canaries,
    kind: str,
    suffix: str,
    patch: Object,
) -> None:
    canary = canaries.make()
    wanted = _desired(cluster, canary, canaries.make_target(canary))
    desired = _pick(wanted, kind, canary.service_name + suffix)
    cluster.linnet_writes(desired)
    assert change(desired, cluster.user_patches(ref_of(desired), patch)) is None


def test_what_a_new_revision_leaves_out_is_gone_from_the_primary(
    cluster: Namespace, canaries: Canaries
) -> None:
    canary = canaries.make()
    target = canaries.make_target(canary, pod=RICH, minReadySeconds=5)
    cluster.linnet_writes(primary_deployment(canary, target, None, 2))
    pod = {"containers": [{"name": "app", "image": "podinfo:2.0.0"}]} | dict.fromkeys(
        key for key in RICH if key != "containers"
    )
    target = cluster.user_patches(
        ref_of(target), {"spec": {"minReadySeconds": None, "template": {"spec": pod}}}
    )
    primary = cluster.linnet_writes(primary_deployment(canary, target, None, 2))
    assert same_template(target, primary)
    assert "minReadySeconds" not in primary["spec"]


def test_the_primary_runs_the_template_of_its_target(
    cluster: Namespace, canaries: Canaries
) -> None:
    canary = canaries.make()
    target = canaries.make_target(canary, pod=RICH)
    primary = cluster.linnet_writes(primary_deployment(canary, target, None, 3))
    assert same_template(target, primary)
    assert read(primary).replicas == 3


@pytest.mark.parametrize(
    ("patch", "is_new"),
    [
        pytest.param({"spec": {"replicas": 9}}, False, id="another size is none"),
        pytest.param({"metadata": {"labels": {"a": "b"}}}, False, id="a label is none"),
        pytest.param({"spec": {"strategy": {"type": "Recreate"}}}, False, id="a strategy is none"),
        pytest.param(
            {"spec": {"template": {"metadata": {"annotations": {"restartedAt": "now"}}}}},
            True,
            id="a restart is one",
        ),
        pytest.param(_patched_container(image="podinfo:2"), True, id="an image is one"),
    ],
)
def test_what_is_a_new_revision(
    cluster: Namespace,
    canaries: Canaries,
    patch: dict[str, Any],
    is_new: bool,
) -> None:
    target = canaries.make_target(canaries.make())
    if patch.get("spec", {}).get("strategy"):
        patch["spec"]["strategy"]["rollingUpdate"] = None
    changed = cluster.user_patches(ref_of(target), patch)
    assert (read(changed).revision != read(target).revision) is is_new


def test_lists_with_keys_are_those_of_the_api_server(cluster: Namespace) -> None:
    schemas = cluster.schemas("apps/v1")
    todo, seen = ["io.k8s.api.apps.v1.Deployment"], set()
    found: dict[str, set[tuple[str, ...]]] = {}
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        todo += re.findall(r'#/components/schemas/([^"]+)', json.dumps(schemas[name]))
        for field, schema in schemas[name].get("properties", {}).items():
            if schema.get("type") == "array":
                keys = schema.get("x-kubernetes-list-map-keys") or ()
                found.setdefault(field, set()).add(tuple(keys))
    keyed = {field: keys for field, keys in found.items() if keys != {()}}
    # Of a Deployment's own status, which linnet does not write.
    keyed.pop("conditions")
    assert keyed == {field: {keys} for field, keys in LIST_KEYS.items()}
