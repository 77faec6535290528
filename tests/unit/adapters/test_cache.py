"""The cache: what is kept, in whatever order it comes, and whom a change wakes."""

import itertools
from typing import Any

import pytest

from linnet.adapters.cache import BURIED, Cache
from linnet.adapters.kinds import KINDS
from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef, ref_of
from unit.adapters.objects import canary, endpoint_slice, obj, virtual_service

WEB = ObjectRef("Canary", "shop", "web")
TARGET = ObjectRef("Deployment", "shop", "web")


class Woken:
    """A cache that notes whom it wakes."""

    def __init__(self) -> None:
        self.refs: set[ObjectRef] = set()
        self.cache = Cache(self.refs.add)

    def by(self, *objects: dict[str, Any]) -> set[str]:
        """Return the Canaries, by name, that putting these objects wakes."""
        self.refs.clear()
        for one in objects:
            self.cache.put(one)
        return {ref.name for ref in self.refs}

    def by_removing(self, one: dict[str, Any]) -> set[str]:
        self.refs.clear()
        self.cache.remove(ref_of(one))
        return {ref.name for ref in self.refs}


@pytest.fixture
def woken() -> Woken:
    return Woken()


def deployment(version: int, **spec: Any) -> dict[str, Any]:
    return obj("Deployment", "web", version, spec=spec)


def replicas(cache: Cache) -> Any:
    live = cache.get(TARGET)
    return live and live["spec"].get("replicas")


def test_an_object_is_kept_whole_but_for_its_managed_fields(woken: Woken) -> None:
    web = deployment(3, replicas=2)
    web["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    woken.cache.put(web)
    kept = woken.cache.get(TARGET)
    assert kept == deployment(3, replicas=2)
    assert woken.cache.version(TARGET) == "3"


def test_news_may_come_in_any_order(woken: Woken) -> None:
    for order in itertools.permutations((1, 2, 3, 4)):
        cache = Cache(woken.refs.add)
        for version in order:
            if version == 4:
                cache.remove(TARGET, version)
            else:
                cache.put(deployment(version))
        assert cache.get(TARGET) is None, f"{order}: an older version outlived the deletion"


def test_an_object_that_was_made_again_is_kept(woken: Woken) -> None:
    woken.cache.put(deployment(1))
    woken.cache.remove(TARGET, 2)
    woken.cache.put(deployment(3, replicas=5))
    assert replicas(woken.cache) == 5


def test_versions_are_compared_as_numbers(woken: Woken) -> None:
    woken.cache.put(deployment(9, replicas=9))
    woken.cache.put(deployment(10, replicas=10))
    assert replicas(woken.cache) == 10


def test_the_memory_of_the_deleted_is_bounded(woken: Woken) -> None:
    for number in range(2 * BURIED):
        woken.cache.remove(ObjectRef("Service", "shop", f"s{number}"), 1)
    assert len(woken.cache._buried) == BURIED  # noqa: SLF001 - nothing else tells


class TestListing:
    """A complete listing also tells what is gone."""

    def test_what_it_does_not_contain_is_forgotten(self, woken: Woken) -> None:
        woken.cache.put(deployment(1))
        woken.cache.keep_only(KINDS["Deployment"], "", set(), 5)
        assert woken.cache.get(TARGET) is None

    def test_what_is_newer_than_the_listing_stays(self, woken: Woken) -> None:
        woken.cache.put(deployment(6))
        woken.cache.keep_only(KINDS["Deployment"], "", set(), 5)
        assert woken.cache.get(TARGET) is not None

    def test_other_namespaces_and_kinds_stay(self, woken: Woken) -> None:
        woken.cache.put(deployment(1))
        woken.cache.keep_only(KINDS["Deployment"], "elsewhere", set(), 5)
        woken.cache.keep_only(KINDS["Service"], "", set(), 5)
        assert woken.cache.get(TARGET) is not None

    def test_endpoint_slices_are_forgotten_as_well(self, woken: Woken) -> None:
        woken.cache.put(endpoint_slice("web-1", "web", True))
        woken.cache.keep_only(KINDS["EndpointSlice"], "", set(), 5)
        assert woken.cache.endpoints(ObjectRef("Service", "shop", "web")) == 0

    def test_a_kind_that_is_served_no_more_can_come_back(self, woken: Woken) -> None:
        woken.cache.put(virtual_service("web", "web", version=7))
        woken.cache.forget(KINDS["VirtualService"])
        assert woken.cache.refs(KINDS["VirtualService"]) == []
        woken.cache.put(virtual_service("web", "web", version=8))
        assert woken.cache.refs(KINDS["VirtualService"]) != []


class TestEndpoints:
    SERVICE = ObjectRef("Service", "shop", "web-canary")

    @pytest.mark.parametrize(
        ("slices", "count"),
        [
            pytest.param([], 0, id="none without slices"),
            pytest.param(
                [endpoint_slice("a", "web-canary", True, False, True)], 2, id="the ready ones"
            ),
            pytest.param(
                [endpoint_slice("a", "web-canary", None)], 1, id="unknown readiness is ready"
            ),
            pytest.param(
                [
                    endpoint_slice("a", "web-canary", True),
                    endpoint_slice("b", "web-canary", True, True),
                ],
                3,
                id="the sum over slices",
            ),
            pytest.param(
                [
                    endpoint_slice("a", "web-canary", True, True),
                    endpoint_slice("b", "web-canary", True, True, family="IPv6"),
                ],
                2,
                id="a pod with two addresses counts once",
            ),
            pytest.param(
                [endpoint_slice("a", "web-primary", True)], 0, id="not those of other Services"
            ),
            pytest.param(
                [
                    endpoint_slice("a", "web-canary", True, True),
                    endpoint_slice("a", "web-canary", True, version=2),
                ],
                1,
                id="the newest version of a slice",
            ),
        ],
    )
    def test_counts(self, woken: Woken, slices: list[dict[str, Any]], count: int) -> None:
        for one in slices:
            woken.cache.put(one)
        assert woken.cache.endpoints(self.SERVICE) == count

    def test_a_deleted_slice_counts_no_more(self, woken: Woken) -> None:
        one = endpoint_slice("a", "web-canary", True)
        woken.cache.put(one)
        woken.cache.remove(ref_of(one), 2)
        assert woken.cache.endpoints(self.SERVICE) == 0


class TestWaking:
    """A change wakes the Canaries that it concerns, and no others."""

    @pytest.mark.parametrize(
        ("change", "names"),
        [
            pytest.param(obj("Deployment", "web", 2), {"web"}, id="its target"),
            pytest.param(obj("Deployment", "web-primary", 2), {"web"}, id="its primary"),
            pytest.param(obj("Service", "web", 2), {"web"}, id="its Service"),
            pytest.param(obj("Service", "web-canary", 2), {"web"}, id="its canary's Service"),
            pytest.param(
                obj("DestinationRule", "web-primary", 2, spec={"host": "web-primary"}),
                {"web"},
                id="its DestinationRule",
            ),
            pytest.param(virtual_service("web", "web"), {"web"}, id="its VirtualService"),
            pytest.param(
                endpoint_slice("web-canary-x7", "web-canary", True), {"web"}, id="its endpoints"
            ),
            pytest.param(canary(version=2), {"web"}, id="itself"),
            pytest.param(
                virtual_service("rival", "web.shop.svc.cluster.local", namespace="elsewhere"),
                {"web"},
                id="another's route for its host",
            ),
            pytest.param(
                virtual_service("rival", "*.shop.svc.cluster.local", namespace="elsewhere"),
                {"web", "api"},
                id="a route for a wildcard that covers its host",
            ),
            pytest.param(
                obj("PeerAuthentication", "strict", 2, spec={}), {"web", "api"}, id="a policy there"
            ),
            pytest.param(
                obj("PeerAuthentication", "mesh", 2, "istio-system", spec={}),
                {"web", "api", "far"},
                id="a policy of the whole mesh",
            ),
            pytest.param(
                obj("PeerAuthentication", "strict", 2, "third", spec={}), set(), id="one elsewhere"
            ),
            pytest.param(obj("Deployment", "foreign", 2), set(), id="a Deployment of nobody"),
            pytest.param(obj("Deployment", "web", 2, "third"), set(), id="a namesake elsewhere"),
            pytest.param(
                virtual_service("other", "other.example.com"), set(), id="a route of nobody"
            ),
        ],
    )
    def test_by(self, woken: Woken, change: dict[str, Any], names: set[str]) -> None:
        woken.by(canary("web"), canary("api"), canary("far", namespace="elsewhere"))
        assert woken.by(change) == names
        if change["kind"] != "Canary":
            assert woken.by_removing(change) == names

    def test_nothing_new_wakes_nobody(self, woken: Woken) -> None:
        woken.by(canary(), deployment(2))
        assert woken.by(deployment(2), deployment(1)) == set()

    def test_a_route_that_leaves_a_host_wakes_whom_it_was_in_the_way_of(self, woken: Woken) -> None:
        woken.by(canary(), virtual_service("rival", "web", version=1))
        assert woken.by(virtual_service("rival", "other", version=2)) == {"web"}

    def test_a_canary_that_is_gone_is_woken_once_to_notice_and_then_no_more(
        self, woken: Woken
    ) -> None:
        woken.by(canary())
        assert woken.by_removing(canary()) == {"web"}
        assert woken.by(deployment(2)) == set()

    def test_a_canary_whose_spec_does_not_parse_is_woken_by_its_own_changes(
        self, woken: Woken
    ) -> None:
        broken = obj("Canary", "web", spec={"targetRef": {}})
        assert woken.by(broken) == {"web"}
        assert woken.by(deployment(1)) == set()
        woken.by(canary(version=2))
        assert woken.by(deployment(2)) == {"web"}


class TestNeighbours:
    def found(self, woken: Woken) -> list[str]:
        web = Canary.from_object(woken.cache.get(WEB) or {})
        return [one["metadata"]["name"] for one in woken.cache.neighbours(web)]

    def test_are_others_routes_rules_and_policies_in_a_stable_order(self, woken: Woken) -> None:
        woken.by(
            canary(),
            virtual_service("web", "web"),
            obj("DestinationRule", "web-primary", spec={"host": "web-primary"}),
            virtual_service("rival", "web"),
            virtual_service("far", "api"),
            obj("DestinationRule", "wide", spec={"host": "*.shop.svc.cluster.local"}),
            obj("PeerAuthentication", "strict", spec={}),
            obj("PeerAuthentication", "mesh", 1, "istio-system", spec={}),
            obj("PeerAuthentication", "far", 1, "elsewhere", spec={}),
        )
        assert self.found(woken) == ["wide", "mesh", "strict", "rival"]

    def test_a_route_without_a_spec_is_none(self, woken: Woken) -> None:
        woken.by(canary(), obj("VirtualService", "empty"))
        assert self.found(woken) == []

    def test_a_policy_without_a_spec_gets_an_empty_one(self, woken: Woken) -> None:
        woken.by(canary(), obj("PeerAuthentication", "empty"))
        (policy,) = woken.cache.neighbours(Canary.from_object(woken.cache.get(WEB) or {}))
        assert policy["spec"] == {}


def test_canaries_are_told_in_one_line_each(woken: Woken) -> None:
    web = canary() | {"status": {"phase": "Progressing", "canaryWeight": 30}}
    woken.by(web, canary("api"))
    told = {line.ref.name: (line.phase, line.weight) for line in woken.cache.canaries()}
    assert told == {"web": ("Progressing", 30), "api": ("", 0)}


class TestTwoDeploymentsOfTheUsersOwn:
    @staticmethod
    def between(name: str, target: str, primary: str, version: int = 1) -> dict[str, Any]:
        one = canary(name, version)
        one["spec"] |= {"targetRef": {"name": target}, "primaryRef": {"name": primary}}
        return one

    def test_both_wake_their_canary(self, woken: Woken) -> None:
        woken.cache.put(self.between("web", "web-v2", "web-v1"))
        for name in ("web-v1", "web-v2"):
            assert woken.by(obj("Deployment", name, 2, spec={"replicas": 1})) == {"web"}
        assert woken.by(obj("Deployment", "web-primary", 3, spec={"replicas": 1})) == set()

    def test_a_canary_of_the_same_workload_is_a_neighbour_and_wakes_it(self, woken: Woken) -> None:
        web, other = self.between("web", "web-v2", "web-v1"), self.between("b", "web-v3", "web-v1")
        woken.cache.put(web)
        assert woken.by(other) == {"web", "b"}
        (neighbour,) = woken.cache.neighbours(Canary.from_object(web))
        assert neighbour["metadata"]["name"] == "b"
        assert woken.by({**other, "metadata": other["metadata"] | {"resourceVersion": "5"}}) == {
            "b"
        }, "its status is no business of the other"
        assert woken.by_removing(other) == {"web", "b"}
        assert woken.cache.neighbours(Canary.from_object(web)) == []
