"""The routes of a Canary."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.api.names import ORIGINAL_ANNOTATION
from linnet.errors import SpecError
from linnet.routing.destinationrules import destination_rules
from linnet.routing.virtualservice import Earlier, canary_weight_of, virtual_service
from unit.routing.canaries import (
    Object,
    canary,
    objects,
    of_controller,
    of_linnet,
    of_somebody,
)

WEIGHTS = st.integers(0, 100)


def _spec(weight: int = 0, *live: Object, **service: Any) -> Any:
    return virtual_service(canary(**service), weight, objects(*live))["spec"]


@given(WEIGHTS)
def test_both_destinations_are_always_there_and_share_a_hundred(weight: int) -> None:
    [route] = _spec(weight)["http"]
    assert route == {
        "route": [
            {
                "destination": {"host": "podinfo-primary", "port": {"number": 80}},
                "weight": 100 - weight,
            },
            {"destination": {"host": "podinfo-canary", "port": {"number": 80}}, "weight": weight},
        ]
    }


@given(WEIGHTS)
def test_the_weight_can_be_read_back(weight: int) -> None:
    assert canary_weight_of(canary(), virtual_service(canary(), weight, {})) == weight


@pytest.mark.parametrize(
    ("service", "hosts"),
    [
        pytest.param({}, ["podinfo"], id="the Service alone"),
        pytest.param({"name": "shop"}, ["shop"], id="a Service of another name"),
        pytest.param({"hosts": ["a.example.com"]}, ["a.example.com", "podinfo"], id="and others"),
        pytest.param({"hosts": ["podinfo", "a.b"]}, ["podinfo", "a.b"], id="once if it is named"),
        pytest.param(
            {"hosts": ["podinfo.test.svc.cluster.local"]},
            ["podinfo.test.svc.cluster.local"],
            id="once if it is named in full",
        ),
        pytest.param({"hosts": ["*"], "gateways": ["public"]}, ["*"], id="all"),
    ],
)
def test_hosts(service: dict[str, Any], hosts: list[str]) -> None:
    assert _spec(**service)["hosts"] == hosts


def test_gateways() -> None:
    assert _spec()["gateways"] == ["mesh"]
    assert _spec(gateways=["istio-system/public"])["gateways"] == ["istio-system/public"]


def test_settings_are_passed_on_without_nulls() -> None:
    [route] = _spec(
        match=[{"uri": {"prefix": "/api"}, "headers": {"x": None, "y": {}}}],
        rewrite={"uri": "/"},
        timeout="90s",
        retries={"attempts": 0},
        headers={"request": {"set": {"a": "b"}}},
        corsPolicy={"allowOrigins": [{"exact": "https://a"}]},
    )["http"]
    del route["route"]
    assert route == {
        "match": [{"uri": {"prefix": "/api"}, "headers": {"y": {}}}],
        "rewrite": {"uri": "/"},
        "timeout": "1m30s",
        "retries": {"attempts": 0},
        "headers": {"request": {"set": {"a": "b"}}},
        "corsPolicy": {"allowOrigins": [{"exact": "https://a"}]},
    }


HTTP = {"name": "http", "port": 80, "protocol": "TCP"}
GRPC = {"name": "grpc", "port": 9999, "protocol": "TCP"}
IN_MESH = {"gateways": ["mesh"], "port": 80}


@pytest.mark.parametrize(
    ("ports", "service", "match"),
    [
        pytest.param([HTTP], {}, None, id="nothing to tell apart with one port"),
        pytest.param([HTTP, GRPC], {}, [IN_MESH], id="by the port"),
        pytest.param(
            [HTTP, GRPC],
            {"match": [{"uri": {"exact": "/"}}, {"port": 9999}]},
            [{"uri": {"exact": "/"}, **IN_MESH}, {"port": 9999}],
            id="unless the Canary says which port",
        ),
        pytest.param(
            [HTTP, GRPC],
            {"gateways": ["mesh", "public"]},
            [IN_MESH, {"gateways": ["public"]}],
            id="but not at a gateway, which has ports of its own",
        ),
        pytest.param([HTTP, GRPC], {"gateways": ["public"]}, None, id="nothing at gateways only"),
    ],
)
def test_requests_to_other_ports_of_the_service_are_left_alone(
    ports: list[Object], service: dict[str, Any], match: Any
) -> None:
    [route] = _spec(0, of_somebody("Service", ports=ports), **service)["http"]
    assert route.get("match") == match


def test_one_that_was_there_is_remembered() -> None:
    before = of_somebody("VirtualService", hosts=["podinfo"], http=[], exportTo=["."])
    made = virtual_service(canary(), 0, objects(before))
    assert "ownerReferences" not in made["metadata"]
    note = json.loads(made["metadata"]["annotations"][ORIGINAL_ANNOTATION])
    assert note == {"hosts": ["podinfo"], "http": []}


def test_one_of_a_controller_is_not_touched() -> None:
    with pytest.raises(SpecError, match=r"VirtualService test/podinfo belongs to Rollout other"):
        virtual_service(canary(), 0, objects(of_controller("VirtualService", "podinfo")))


def _to(host: str, weight: int | None = None) -> Object:
    return {"destination": {"host": host}} | ({} if weight is None else {"weight": weight})


CANARY, PRIMARY = "podinfo-canary", "podinfo-primary"


@pytest.mark.parametrize(
    ("http", "weight"),
    [
        pytest.param([], 0, id="no route"),
        pytest.param([{"redirect": {"uri": "/"}}], 0, id="no destination"),
        pytest.param([{"route": [_to("podinfo")]}], 0, id="elsewhere"),
        pytest.param([{"route": [_to(CANARY, 0)]}], 100, id="all to a single one at weight 0"),
        pytest.param([{"route": [_to(PRIMARY, 3), _to(CANARY, 1)]}], 25, id="relative weights"),
        pytest.param([{"route": [_to(PRIMARY, 999), _to(CANARY, 1)]}], 1, id="a trace counts"),
        pytest.param([{"route": [_to(PRIMARY), _to(CANARY, 5)]}], 100, id="no weight is 0"),
        pytest.param([{"route": [_to(PRIMARY), _to(CANARY)]}], 0, id="nothing to nobody"),
        pytest.param(
            [{"route": [_to(PRIMARY)]}, {"route": [_to(PRIMARY, 60), _to(CANARY, 40)]}],
            40,
            id="the route that gives most",
        ),
        pytest.param(
            [{"route": [_to("x", 60), _to(f"{CANARY}.test.svc.cluster.local", 40)]}],
            40,
            id="a host in full",
        ),
    ],
)
def test_what_share_an_edited_route_gives_the_canary(http: list[Object], weight: int) -> None:
    assert canary_weight_of(canary(), of_linnet("VirtualService", "podinfo", http=http)) == weight


APEX = {"destination": {"host": "podinfo", "port": {"number": 80}}}
OURS_IDLE = [
    {"destination": {"host": PRIMARY, "port": {"number": 80}}, "weight": 0},
    {"destination": {"host": CANARY, "port": {"number": 80}}, "weight": 0},
]


@pytest.mark.parametrize(
    ("before", "earlier"),
    [
        pytest.param([], [{**APEX, "weight": 100}], id="by no routes"),
        pytest.param([{"redirect": {}}], [{**APEX, "weight": 100}], id="by a redirect"),
        pytest.param([{"route": [_to("a")]}], [_to("a", 100)], id="to one destination"),
        pytest.param([{"route": [_to("a", 0)]}], [_to("a", 100)], id="to one at weight 0"),
        pytest.param(
            [{"route": [_to("a", 3), _to("b", 1)]}], [_to("a", 3), _to("b", 1)], id="to two"
        ),
        pytest.param(
            [{"match": [{}], "route": [_to("a")]}, {"route": [_to("b")]}],
            [_to("b", 100)],
            id="by the last of two routes",
        ),
    ],
)
def test_where_requests_went_before_linnet_is_named_beside(
    before: list[Object], earlier: list[Object]
) -> None:
    live = objects(of_somebody("VirtualService", hosts=["podinfo"], http=before))

    def route(how: Earlier) -> Any:
        return virtual_service(canary(), 40, live, how)["spec"]["http"][0]["route"]

    assert route(Earlier.SERVING) == [*OURS_IDLE, *earlier]
    idle = [{**destination, "weight": 0} for destination in earlier]
    assert route(Earlier.NAMED) == [*route(Earlier.NONE), *idle]
    assert [d["weight"] for d in route(Earlier.NONE)] == [60, 40]


def test_destination_rules_have_the_policy_of_the_canary_and_no_tls_of_their_own() -> None:
    policy = {"outlierDetection": {"interval": "10s"}, "tls": None}
    rules = list(destination_rules(canary(trafficPolicy=policy), {}))
    assert [rule["metadata"]["name"] for rule in rules] == [PRIMARY, CANARY]
    assert [rule["spec"] for rule in rules] == [
        {"host": PRIMARY, "trafficPolicy": {"outlierDetection": {"interval": "10s"}}},
        {"host": CANARY, "trafficPolicy": {"outlierDetection": {"interval": "10s"}}},
    ]
    assert [rule["spec"] for rule in destination_rules(canary(), {})] == [
        {"host": PRIMARY},
        {"host": CANARY},
    ]


def test_a_destination_rule_of_somebody_is_not_touched() -> None:
    live = objects(of_somebody("DestinationRule", CANARY, host="x"))
    with pytest.raises(SpecError, match=r"DestinationRule test/podinfo-canary was not made by"):
        list(destination_rules(canary(), live))
