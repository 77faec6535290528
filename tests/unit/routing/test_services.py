"""Which Services a Canary has."""

import json
from typing import Any

import pytest

from linnet.api.names import ORIGINAL_ANNOTATION
from linnet.errors import SpecError
from linnet.routing.services import check_apex, check_ports, services
from unit.routing.canaries import (
    PRIMARY,
    TARGET,
    Object,
    canary,
    left_behind,
    objects,
    of_controller,
    of_linnet,
    of_somebody,
    taken_over,
)
from unit.workload.deployments import CONTAINER, deployment

PORT = {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}


def _services(apex: Any = None, *live: Object, **service: Any) -> dict[str, Object]:
    made = services(canary(**service), TARGET, PRIMARY, objects(*live), apex)
    return {obj["metadata"]["name"]: obj for obj in made}


@pytest.mark.parametrize(
    ("apex", "selectors"),
    [
        pytest.param(None, [PRIMARY, TARGET], id="not yet while the primary is being set up"),
        pytest.param("primary", [PRIMARY, TARGET, PRIMARY], id="the primary's in normal times"),
        pytest.param("target", [PRIMARY, TARGET, TARGET], id="the target's when the Canary goes"),
    ],
)
def test_whose_pods_clients_get(apex: Any, selectors: list[Object]) -> None:
    made = _services(apex)
    assert list(made) == ["podinfo-primary", "podinfo-canary", "podinfo"][: len(selectors)]
    assert [service["spec"]["selector"] for service in made.values()] == selectors


@pytest.mark.parametrize(
    ("service", "port"),
    [
        pytest.param({}, PORT, id="the defaults"),
        pytest.param(
            {"port": 8080}, PORT | {"port": 8080, "targetPort": 8080}, id="targetPort is port"
        ),
        pytest.param({"targetPort": 9898}, PORT | {"targetPort": 9898}, id="a number"),
        pytest.param({"targetPort": "web"}, PORT | {"targetPort": "web"}, id="a name"),
        pytest.param({"portName": "grpc"}, PORT | {"name": "grpc"}, id="another protocol"),
    ],
)
def test_ports(service: dict[str, Any], port: Object) -> None:
    for made in _services("primary", **service).values():
        assert made["spec"]["ports"] == [port]


def test_names_follow_the_name_of_the_service() -> None:
    assert list(_services("primary", name="shop")) == ["shop-primary", "shop-canary", "shop"]


def test_what_linnet_makes_goes_with_the_canary_and_bears_no_foreign_label() -> None:
    for made in _services("primary").values():
        metadata = made["metadata"]
        assert metadata["labels"] == {"app.kubernetes.io/managed-by": "linnet"}
        assert "annotations" not in metadata
        assert metadata["ownerReferences"] == [
            {
                "apiVersion": "linnet.dev/v1beta1",
                "kind": "Canary",
                "name": "podinfo",
                "uid": "uid-1",
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ]


def test_one_that_was_there_keeps_its_metadata_and_is_remembered() -> None:
    before = of_somebody("Service", selector=TARGET, ports=[{"port": 80}], type="NodePort")
    made = _services("primary", before)["podinfo"]
    original = made["metadata"]["annotations"].pop(ORIGINAL_ANNOTATION)
    assert json.loads(original) == {"selector": TARGET, "ports": [{"port": 80}]}
    assert made["metadata"] == {"name": "podinfo", "namespace": "test", "annotations": {}}
    assert set(made["spec"]) == {"selector", "ports"}


def test_what_is_remembered_is_what_was_there_first() -> None:
    live = taken_over("Service", "{}", selector=PRIMARY, ports=[PORT])
    made = _services("primary", live)["podinfo"]
    assert made["metadata"]["annotations"] == {ORIGINAL_ANNOTATION: "{}"}


@pytest.mark.parametrize(
    "live",
    [
        pytest.param(of_linnet("Service", "podinfo"), id="one of ours"),
        pytest.param(left_behind("Service", "podinfo"), id="one that a Canary left behind"),
    ],
)
def test_one_that_linnet_made_is_not_taken_over(live: Object) -> None:
    assert _services("primary", live)["podinfo"]["metadata"]["ownerReferences"]


@pytest.mark.parametrize(
    "live",
    [
        pytest.param(of_controller("Service", "podinfo"), id="the apex of a controller"),
        pytest.param(of_controller("Service", "podinfo-primary"), id="a side of a controller"),
        pytest.param(of_somebody("Service", "podinfo-canary"), id="a side of a user"),
    ],
)
def test_a_name_that_is_taken(live: Object) -> None:
    with pytest.raises(SpecError, match=r"Service test/podinfo.* delete it") as caught:
        _services("primary", live)
    assert caught.value.reason == "NotOurs"


@pytest.mark.parametrize(
    ("live", "words"),
    [
        pytest.param({"type": "ExternalName", "externalName": "a.b"}, "ExternalName", id="no pods"),
        pytest.param(
            {"ports": [{"name": "http", "port": 8080}]}, "port 8080", id="the name at another port"
        ),
    ],
)
def test_a_service_that_cannot_do(live: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words) as caught:
        check_apex(canary(), of_somebody("Service", **live))
    assert caught.value.reason == "ServiceUnusable"


def test_a_service_that_can_do() -> None:
    check_apex(canary(), None)
    check_apex(canary(), of_somebody("Service", ports=[{"name": "http", "port": 80}]))
    check_apex(canary(), of_linnet("Service", "podinfo", ports=[{"name": "http", "port": 8080}]))


SIDECAR = {
    "name": "proxy",
    "restartPolicy": "Always",
    "ports": [{"name": "proxy", "containerPort": 1}],
}
SETUP = {**SIDECAR, "restartPolicy": None}


@pytest.mark.parametrize(
    ("wanted", "pod"),
    [
        pytest.param("http", {}, id="a name that there is"),
        pytest.param("proxy", {"initContainers": [SIDECAR]}, id="a name of a sidecar"),
        pytest.param(9898, {}, id="a number that is declared"),
        pytest.param(1234, {}, id="a number that is not declared"),
        pytest.param(None, {"containers": [{"name": "app"}]}, id="the port of the Service"),
    ],
)
def test_ports_that_can_be_reached(wanted: Any, pod: Object) -> None:
    check_ports(canary(targetPort=wanted), deployment(pod=pod))


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        pytest.param({}, r"\(it has http\)", id="another name"),
        pytest.param({"containers": [{"name": "app"}]}, r"\(it names none\)", id="no name"),
        pytest.param(
            {"initContainers": [SETUP], "containers": [CONTAINER]},
            r"\(it has http\)",
            id="a container that is done before",
        ),
    ],
)
def test_ports_that_are_missing(pod: Object, words: str) -> None:
    with pytest.raises(SpecError, match=f"Deployment test/podinfo.*'proxy' {words}") as caught:
        check_ports(canary(targetPort="proxy"), deployment(pod=pod))
    assert caught.value.reason == "PortMissing"
