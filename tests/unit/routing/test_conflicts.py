"""What stands against a Canary, and in which words it is told."""

from typing import Any

import pytest

from linnet.errors import SpecError
from linnet.routing.conflicts import canary_hosts, hosts_of, notices
from linnet.routing.hosts import covers
from unit.routing.canaries import (
    Object,
    canary,
    conflict,
    left_behind,
    objects,
    of_controller,
    of_linnet,
    of_somebody,
    taken_over,
)

FQDN = "podinfo.test.svc.cluster.local"
ALL = {"route": [{"destination": {"host": "podinfo"}}]}
SOME = {"match": [{"uri": {"prefix": "/cart"}}], **ALL}


def _reason(error: SpecError | None) -> str | None:
    return error.reason if error else None


def _vs(name: str = "other", namespace: str = "test", **spec: Any) -> Object:
    return of_somebody("VirtualService", name, namespace, **{"http": [ALL], **spec})


@pytest.mark.parametrize(
    ("other", "service"),
    [
        pytest.param(_vs(hosts=["podinfo"]), {}, id="the short name in the same namespace"),
        pytest.param(_vs(hosts=[FQDN]), {}, id="the full name"),
        pytest.param(_vs("podinfo", "b", hosts=[FQDN]), {}, id="the full name in another one"),
        pytest.param(
            _vs("o", "b", hosts=[FQDN], exportTo=["test"]), {}, id="seen by the Canary's callers"
        ),
        pytest.param(
            _vs(hosts=["a.b", "c.d"], http=[SOME]),
            {"hosts": ["c.d"], "match": [{"uri": {"prefix": "/api"}}]},
            id="other paths in the mesh, where routes are not put together",
        ),
        pytest.param(
            _vs(hosts=["a.b"], gateways=["public"]),
            {"hosts": ["a.b"], "gateways": ["test/public", "mesh"]},
            id="all requests at the same gateway",
        ),
        pytest.param(
            _vs("o", "b", hosts=["a.b"], gateways=["b/public"], http=[SOME, ALL]),
            {"hosts": ["a.b"], "gateways": ["b/public"], "match": [{"uri": {"prefix": "/"}}]},
            id="all requests in other words",
        ),
        pytest.param(
            _vs("podinfo", hosts=["shop"]), {"name": "shop"}, id="one that has the target's name"
        ),
    ],
)
def test_another_virtual_service_with_the_host_is_in_the_way(
    other: Object, service: dict[str, Any]
) -> None:
    error = conflict(canary(**service), {}, [other])
    assert error is not None
    assert error.reason == "HostConflict"
    assert f"VirtualService {other['metadata']['namespace']}/" in error.message
    assert "delete" in error.message


@pytest.mark.parametrize(
    ("other", "service"),
    [
        pytest.param(_vs(hosts=["elsewhere"]), {}, id="another host"),
        pytest.param(_vs("o", "b", hosts=["podinfo"]), {}, id="the short name of another one"),
        pytest.param(_vs(), {}, id="a delegate, which has no host"),
        pytest.param(_vs(hosts=["podinfo"], gateways=["public"]), {}, id="at a gateway only"),
        pytest.param(
            _vs(hosts=["a.b"], gateways=["public"]),
            {"hosts": ["a.b"], "gateways": ["istio-system/public"]},
            id="at another gateway of that name",
        ),
        pytest.param(_vs("o", "b", hosts=[FQDN], exportTo=["."]), {}, id="for callers elsewhere"),
        pytest.param(
            _vs(hosts=["a.b"], gateways=["public"], http=[SOME]),
            {"hosts": ["a.b"], "gateways": ["public"]},
            id="some requests at a gateway, which puts routes together",
        ),
        pytest.param(
            _vs(hosts=["a.b"], gateways=["public"]),
            {"hosts": ["a.b"], "gateways": ["public"], "match": [{"uri": {"prefix": "/api"}}]},
            id="the rest at a gateway",
        ),
        pytest.param(
            _vs(hosts=["*.example.com"], gateways=["public"]),
            {"hosts": ["shop.example.com"], "gateways": ["public"]},
            id="a broader host, which gives way",
        ),
        pytest.param(of_somebody("VirtualService", "broken"), {}, id="an empty one"),
        pytest.param(_vs("podinfo", hosts=["podinfo"]), {}, id="none but the Canary's own"),
    ],
)
def test_another_virtual_service_is_not_in_the_way(other: Object, service: dict[str, Any]) -> None:
    assert conflict(canary(**service), {}, [other]) is None


@pytest.mark.parametrize(
    ("live", "reason"),
    [
        pytest.param(of_linnet("Service", "podinfo-canary"), None, id="ours"),
        pytest.param(left_behind("Deployment", "podinfo-primary"), None, id="left behind by one"),
        pytest.param(of_somebody("Service", ports=[]), None, id="a Service to take over"),
        pytest.param(taken_over("Service", "{}", ports=[]), None, id="a Service taken over"),
        pytest.param(of_somebody("Deployment", "podinfo"), None, id="the target"),
        pytest.param(of_controller("Deployment", "podinfo"), None, id="the target of a controller"),
        pytest.param(of_somebody("Deployment", "podinfo-primary"), "NotOurs", id="a Deployment"),
        pytest.param(of_somebody("Service", "podinfo-primary"), "NotOurs", id="a side's Service"),
        pytest.param(of_somebody("DestinationRule", "podinfo-canary"), "NotOurs", id="a rule"),
        pytest.param(of_controller("Service", "podinfo"), "NotOurs", id="a controller's Service"),
        pytest.param(of_controller("VirtualService", "podinfo"), "NotOurs", id="its routes"),
        pytest.param(
            of_somebody("Service", type="ExternalName"), "ServiceUnusable", id="a Service elsewhere"
        ),
    ],
)
def test_whether_the_names_are_free(live: Object, reason: str | None) -> None:
    assert _reason(conflict(canary(), objects(live))) == reason


def test_an_object_of_another_canary_is_not_ours() -> None:
    error = conflict(canary(uid="uid-2"), objects(of_linnet("Service", "podinfo-primary")))
    assert error is not None
    assert "belongs to Canary podinfo" in error.message


def _routes_of(**spec: Any) -> Object:
    return _vs("podinfo", **{"hosts": ["podinfo"], **spec})


@pytest.mark.parametrize(
    ("live", "service", "lost"),
    [
        pytest.param(_routes_of(), {}, None, id="the same host"),
        pytest.param(_routes_of(hosts=[FQDN]), {}, None, id="the same host in full"),
        pytest.param(
            _routes_of(hosts=["a.b"]), {"hosts": ["*.b"]}, None, id="a host in a wildcard"
        ),
        pytest.param(_routes_of(hosts=["a.b"]), {}, "a.b", id="another host"),
        pytest.param(_routes_of(gateways=["x"]), {}, "test/x", id="another gateway"),
        pytest.param(_routes_of(gateways=["x"]), {"gateways": ["test/x"]}, None, id="its gateway"),
        pytest.param(
            _routes_of(http=[ALL, {"route": [{"destination": {"host": "legacy"}}]}]),
            {},
            "legacy.test",
            id="another destination",
        ),
    ],
)
def test_what_taking_routes_over_would_lose(
    live: Object, service: dict[str, Any], lost: str | None
) -> None:
    error = conflict(canary(**service), objects(live))
    assert _reason(error) == ("RoutesLost" if lost else None)
    if error and lost:
        assert lost in error.message


def test_routes_that_were_taken_over_are_ours_to_change() -> None:
    live = taken_over("VirtualService", "{}", hosts=["a.b"], http=[])
    assert conflict(canary(), objects(live)) is None


@pytest.mark.parametrize(
    ("obj", "hosts"),
    [
        pytest.param(
            _vs(hosts=["a", "a.b", "*"]), {"a.test.svc.cluster.local", "a.b", "*"}, id="routes"
        ),
        pytest.param(
            of_somebody("DestinationRule", host="a"), {"a.test.svc.cluster.local"}, id="a policy"
        ),
        pytest.param(_vs(), set(), id="a delegate"),
        pytest.param({"kind": "VirtualService", "metadata": {"name": "x"}}, set(), id="nothing"),
    ],
)
def test_hosts_of_an_object(obj: Object, hosts: set[str]) -> None:
    assert hosts_of(obj) == hosts


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        pytest.param("a.b", True, id="itself"),
        pytest.param("*.b", True, id="a wildcard"),
        pytest.param("*", True, id="the wildcard"),
        pytest.param("*.c", False, id="not another wildcard"),
        pytest.param("*a.b.c", False, id="not what is longer"),
        pytest.param(".b", False, id="not a mere end"),
        pytest.param("xa.b", False, id="not another host"),
    ],
)
def test_which_hosts_stand_for_another(pattern: str, covered: bool) -> None:
    assert covers(pattern, "a.b") is covered


def test_hosts_that_others_could_get_in_the_way_of() -> None:
    assert canary_hosts(canary(name="shop", hosts=["a.b"])) == {
        "a.b",
        "shop.test.svc.cluster.local",
        "shop-primary.test.svc.cluster.local",
        "shop-canary.test.svc.cluster.local",
    }


def _aged(obj: Object, created: str) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "creationTimestamp": created}}


OLDER, YOUNGER = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


@pytest.mark.parametrize(
    ("other", "obeyed"),
    [
        pytest.param(_aged(_vs("o", "b", hosts=[FQDN]), YOUNGER), True, id="a younger one"),
        pytest.param(_aged(_vs("o", "b", hosts=[FQDN]), OLDER), False, id="an older one"),
        pytest.param(
            _aged(_vs("a", "b", hosts=[FQDN]), "2026-01-15T00:00:00Z"),
            False,
            id="one of the same age whose name comes first",
        ),
        pytest.param(
            _aged(_vs("z", "b", hosts=[FQDN]), "2026-01-15T00:00:00Z"),
            True,
            id="one of the same age whose name comes later",
        ),
        pytest.param(
            _aged(_vs(hosts=[FQDN], exportTo=["."]), YOUNGER),
            False,
            id="a younger one that is for this namespace alone",
        ),
    ],
)
def test_istio_obeys_the_canarys_virtual_service_rather_than(
    other: Object, *, obeyed: bool
) -> None:
    own = _aged(of_linnet("VirtualService", "podinfo", http=[ALL]), "2026-01-15T00:00:00Z")
    found = notices(canary(), objects(own), [other])
    assert _reason(conflict(canary(), objects(own), [other])) == (
        None if obeyed else "HostConflict"
    )
    assert [notice.reason for notice in found] == (["HostShared"] if obeyed else [])
    if obeyed:
        assert "ignores VirtualService b/" in found[0].message


def test_a_virtual_service_that_is_yet_to_be_made_will_be_the_youngest() -> None:
    other = _aged(_vs("o", "b", hosts=[FQDN]), YOUNGER)
    assert _reason(conflict(canary(), {}, [other])) == "HostConflict"
