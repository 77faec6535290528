"""A Service and a VirtualService that were there before come back as they were."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from kubernetes import client

from integration.namespace_lab import Canaries, Namespace, as_written, namespace_with_istio
from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef, ref_of
from linnet.engine.diff import change
from linnet.routing.services import services
from linnet.routing.takeover import given_back
from linnet.routing.virtualservice import virtual_service

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


def _live(cluster: Namespace, canary: Canary) -> dict[ObjectRef, Object]:
    names = ("Service", "VirtualService", "DestinationRule")
    refs = [ObjectRef(kind, cluster.name, canary.service_name) for kind in names]
    return {ref: live for ref in refs if (live := cluster.get(ref)) is not None}


HTTP = {"name": "web", "port": 80, "targetPort": 8080}
METRICS = {"name": "metrics", "port": 9797, "targetPort": "metrics"}

SERVICES = {
    "of the plainest kind": {"ports": [{"port": 80}]},
    "with two ports": {"ports": [METRICS, HTTP]},
    "with another port only": {"ports": [METRICS]},
    "with a UDP port of the same number": {
        "ports": [HTTP, {**HTTP, "name": "u", "protocol": "UDP"}]
    },
    "with node ports": {"type": "NodePort", "ports": [HTTP, METRICS]},
    "with a load balancer": {"type": "LoadBalancer", "ports": [HTTP]},
    "without an address": {"clusterIP": "None", "ports": [HTTP]},
    "without a selector": {"selector": None, "ports": [HTTP]},
    "with affinity": {"sessionAffinity": "ClientIP", "ports": [HTTP]},
}


@pytest.mark.parametrize("spec", [pytest.param(v, id=f"one {k}") for k, v in SERVICES.items()])
def test_a_service_that_was_there_is_taken_over_and_given_back(
    cluster: Namespace, canaries: Canaries, spec: dict[str, Any]
) -> None:
    canary = canaries.make()
    before = cluster.user_creates(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": canary.service_name,
                "namespace": cluster.name,
                "labels": {"team": "a", "app.kubernetes.io/managed-by": "Helm"},
                "annotations": {"b": "c"},
            },
            "spec": {"selector": {"app": canary.name, "x": "y"}, **spec},
        }
    )
    pods, primary = {"app": canary.name}, {"app": f"{canary.name}-primary"}

    def desired(side: Any) -> Object:
        return list(services(canary, pods, primary, _live(cluster, canary), side))[-1]

    taken = cluster.linnet_writes(desired("primary"))
    assert change(desired("primary"), taken) is None
    assert taken["spec"]["selector"] == primary
    assert taken["metadata"]["labels"] == before["metadata"]["labels"]
    assert "ownerReferences" not in taken["metadata"]
    others = [
        port for port in before["spec"]["ports"] if (port["port"], port["protocol"]) != (80, "TCP")
    ]
    assert all(port in taken["spec"]["ports"] for port in others)
    ours = next(p for p in taken["spec"]["ports"] if (p["port"], p["protocol"]) == (80, "TCP"))
    assert (ours["name"], ours["targetPort"]) == ("http", 80)
    cluster.linnet_writes(desired("target"))
    cluster.linnet_replaces(given_back(canary, cluster.known(ref_of(before))))
    assert as_written(cluster.known(ref_of(before))) == as_written(before)


def test_what_users_change_in_a_service_meanwhile_outlives_the_canary(
    cluster: Namespace, canaries: Canaries
) -> None:
    canary = canaries.make()
    created = cluster.user_creates(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": canary.service_name, "namespace": cluster.name},
            "spec": {
                "type": "NodePort",
                "selector": {"app": canary.name},
                "ports": [HTTP, METRICS],
            },
        }
    )
    ref = ref_of(created)
    pods, primary = {"app": canary.name}, {"app": f"{canary.name}-primary"}

    def desired() -> Object:
        return list(services(canary, pods, primary, _live(cluster, canary), "primary"))[-1]

    taken = cluster.linnet_writes(desired())
    ports = [taken["spec"]["ports"][0], {**METRICS, "targetPort": 1}, {"name": "more", "port": 81}]
    changed = cluster.user_patches(ref, {"spec": {"type": "ClusterIP", "ports": ports}})
    assert change(desired(), changed) is None
    back = cluster.linnet_replaces(given_back(canary, changed))
    assert back["spec"]["type"] == "ClusterIP"
    assert back["spec"]["selector"] == {"app": canary.name}
    assert [(p["name"], p["targetPort"]) for p in back["spec"]["ports"]] == [
        ("web", 8080),
        ("metrics", 1),
        ("more", 81),
    ]


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="a plain one"),
        pytest.param({"gateways": ["mesh", "istio-system/public"]}, id="one with gateways"),
        pytest.param(
            {
                "exportTo": ["*"],
                "tls": [
                    {
                        "match": [{"port": 443, "sniHosts": ["shop.example.com"]}],
                        "route": [{"destination": {"host": "shop"}}],
                    }
                ],
            },
            id="one with routes of another protocol",
        ),
    ],
)
def test_a_virtual_service_that_was_there_is_taken_over_and_given_back(
    cluster: Namespace, canaries: Canaries, spec: Object
) -> None:
    canary = canaries.make(hosts=["shop.example.com"], gateways=["mesh", "istio-system/public"])
    before = cluster.user_creates(
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": canary.service_name, "namespace": cluster.name},
            "spec": {
                "hosts": ["shop.example.com"],
                "http": [{"name": "all", "route": [{"destination": {"host": canary.name}}]}],
                **spec,
            },
        }
    )
    for weight in (0, 30):
        desired = virtual_service(canary, weight, _live(cluster, canary))
        taken = cluster.linnet_writes(desired)
        assert change(desired, taken) is None
        assert [d["weight"] for d in taken["spec"]["http"][0]["route"]] == [100 - weight, weight]
        assert taken["spec"].get("tls") == before["spec"].get("tls")
    cluster.linnet_replaces(given_back(canary, taken))
    assert as_written(cluster.known(ref_of(before))) == as_written(before)
