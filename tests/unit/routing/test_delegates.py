"""A VirtualService that others delegate to."""

from typing import Any

import pytest

from linnet.routing.conflicts import notices
from linnet.routing.virtualservice import virtual_service
from unit.routing.canaries import Object, canary, conflict, objects, of_somebody

DELEGATE = {"name": "podinfo", "namespace": "test"}


def root(*http: Object, namespace: str = "gateways") -> Object:
    """Return a VirtualService with routes."""
    return of_somebody(
        "VirtualService", "root", namespace, hosts=["podinfo.example.com"], http=list(http)
    )


def test_a_delegate_has_routes_and_neither_hosts_nor_gateways() -> None:
    made = virtual_service(canary(delegation=True), 40, {})
    assert list(made["spec"]) == ["http"]
    assert [d["weight"] for d in made["spec"]["http"][0]["route"]] == [60, 40]


def test_ports_of_the_service_are_the_roots_business() -> None:
    apex = of_somebody(
        "Service", ports=[{"name": "http", "port": 80}, {"name": "grpc", "port": 9999}]
    )
    [http] = virtual_service(canary(delegation=True), 40, objects(apex))["spec"]["http"]
    assert "match" not in http


@pytest.mark.parametrize(
    ("neighbours", "told"),
    [
        pytest.param([], True, id="nothing is there"),
        pytest.param([root({"route": []})], True, id="there is no delegate"),
        pytest.param([root({"delegate": {"name": "podinfo"}})], True, id="of another namespace"),
        pytest.param([root({"delegate": DELEGATE})], False, id="by name and namespace"),
        pytest.param(
            [root({"delegate": {"name": "podinfo"}}, namespace="test")], False, id="by name alone"
        ),
    ],
)
def test_it_is_told_that_nothing_delegates(neighbours: list[Object], *, told: bool) -> None:
    found = notices(canary(delegation=True), {}, neighbours)
    assert [notice.reason for notice in found] == (["NotDelegated"] if told else [])
    assert notices(canary(), {}, neighbours) == ()
    assert conflict(canary(delegation=True), {}, neighbours) is None


def prefix(path: str, **more: Any) -> dict[str, Any]:
    """Return a match by a prefix."""
    return {"uri": {"prefix": path}, **more}


@pytest.mark.parametrize(
    ("of_root", "own", "fits"),
    [
        pytest.param([prefix("/api")], [], True, id="a delegate without matches"),
        pytest.param([], [prefix("/api")], True, id="a root without matches"),
        pytest.param([prefix("/api")], [prefix("/api/v1")], True, id="a longer prefix"),
        pytest.param([prefix("/api/v1")], [prefix("/api")], False, id="a shorter prefix"),
        pytest.param([prefix("/a"), prefix("/b")], [prefix("/b/c")], True, id="one of several"),
        pytest.param([prefix("/a")], [prefix("/a"), prefix("/b")], False, id="all but one"),
        pytest.param([prefix("/a")], [{"uri": {"exact": "/a/b"}}], True, id="a path below"),
        pytest.param([{"uri": {"exact": "/a"}}], [prefix("/a")], False, id="more than a path"),
        pytest.param([prefix("/a")], [{"uri": {"regex": "/a.*"}}], False, id="an expression"),
        pytest.param([prefix("/a")], [{"headers": {"x": {"exact": "1"}}}], True, id="a header"),
        pytest.param(
            [{"headers": {"x": {"exact": "1"}}}],
            [{"headers": {"x": {"exact": "2"}}}],
            False,
            id="another value of a header",
        ),
        pytest.param([{"port": 80}], [{"port": 81}], False, id="another port"),
        pytest.param(
            [prefix("/a", ignoreUriCase=True)], [prefix("/a")], False, id="another case rule"
        ),
        pytest.param(
            [{"gateways": ["mesh"]}], [{"gateways": ["mesh", "x"]}], False, id="another gateway"
        ),
        pytest.param(
            [{"sourceNamespace": "a"}], [prefix("/")], False, id="callers of all namespaces"
        ),
    ],
)
def test_a_match_narrows_the_roots(of_root: list[Object], own: list[Object], *, fits: bool) -> None:
    neighbours = [root({"match": of_root, "delegate": DELEGATE})]
    problem = conflict(canary(delegation=True, match=own), {}, neighbours)
    assert (problem is None) is fits
    if problem is not None:
        assert problem.reason == "MatchConflict"
        assert "VirtualService gateways/root" in problem.message
