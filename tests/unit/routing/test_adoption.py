"""Weights in routes of the user's own."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.api.canary import Canary
from linnet.api.names import WEIGHTS_ANNOTATION
from linnet.api.objects import ObjectRef, ref_of
from linnet.routing.adoption import adopted_refs, check_adoption, returned, weights
from linnet.routing.claims import Claim, claims_in, written
from linnet.routing.destinations import Destination, Sides
from linnet.routing.weights import canary_share
from unit.json_patch import patched
from unit.routing.canaries import Object, objects

REVIEWS = ObjectRef("VirtualService", "prod", "reviews")
RULE: Object = {
    "kind": "DestinationRule",
    "metadata": {"name": "reviews-destination", "namespace": "prod"},
    "spec": {"host": "reviews", "subsets": [{"name": "v1"}, {"name": "v2"}]},
}
HOST = "reviews.prod.svc.cluster.local"
SIDES = Sides(Destination(HOST, "v1"), Destination(HOST, "v2"))


def canary(name: str = "reviews", **service: Any) -> Canary:
    """Return a Canary that adopts VirtualService prod/reviews, which leads to two subsets."""
    subsets = {"name": "reviews-destination", "primarySubset": "v1", "canarySubset": "v2"}
    return Canary.from_object(
        {
            "metadata": {"name": name, "namespace": "prod", "uid": "uid-1"},
            "spec": {
                "targetRef": {"name": "reviews-v2"},
                "primaryRef": {"name": "reviews-v1"},
                "skipAnalysis": True,
                "service": {
                    "virtualServiceRef": {"name": "reviews"},
                    "destinationRuleRef": subsets,
                    **service,
                },
            },
        }
    )


def to(subset: str, weight: int | None = None, host: str = "reviews") -> dict[str, Any]:
    """Return an entry of a route."""
    return {"destination": {"host": host, "subset": subset}} | (
        {} if weight is None else {"weight": weight}
    )


def route(*entries: Object, **more: Any) -> dict[str, Any]:
    """Return a route."""
    return {**more, "route": list(entries)}


def virtual_service(*http: Object, note: str = "", **more: Any) -> dict[str, Any]:
    """Return VirtualService prod/reviews."""
    metadata: dict[str, Any] = {"name": "reviews", "namespace": "prod", "resourceVersion": "1"}
    if note:
        metadata["annotations"] = {WEIGHTS_ANNOTATION: note}
    spec = {"hosts": ["reviews"], "http": list(http), **more}
    return {"kind": "VirtualService", "metadata": metadata, "spec": spec}


def split(weight: int = 10, **more: Any) -> dict[str, Any]:
    """Return a route between the two subsets."""
    return route(to("v1", 100 - weight), to("v2", weight), **more)


def adopted(
    weight: int, live: Object, by: Canary | None = None, others: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the VirtualService with what linnet writes into it."""
    by, ref = by or canary(), ref_of(live)
    rewrite = weights(by, weight, ref, objects(live, RULE), set(others))
    return patched(live, rewrite.operations)


def of_routes(live: Object) -> list[list[int]]:
    """Return the weights of each route."""
    return [[e.get("weight", 0) for e in r.get("route", ())] for r in live["spec"]["http"]]


@pytest.mark.parametrize(
    ("http", "expected"),
    [
        pytest.param([split()], [[60, 40]], id="a route between the two"),
        pytest.param([route(to("v2", 0), to("v1", 100))], [[40, 60]], id="in any order"),
        pytest.param([route(to("v1"), to("v2"))], [[60, 40]], id="without weights so far"),
        pytest.param(
            [route(to("v1", 1, HOST), to("v2", 1))], [[60, 40]], id="by hosts short and in full"
        ),
        pytest.param(
            [route(to("v2"), match=[{"uri": {"prefix": "/x"}}]), split()],
            [[0], [60, 40]],
            id="a route to one of them is left alone",
        ),
        pytest.param(
            [split(), route(to("v1", 80), to("v2", 10), to("v3", 10))],
            [[60, 40], [80, 10, 10]],
            id="a route to a third one is left alone",
        ),
        pytest.param(
            [split(), route(to("v1", 50, "ratings"), to("v2", 50, "ratings"))],
            [[60, 40], [50, 50]],
            id="a route to another host is left alone",
        ),
        pytest.param(
            [{"redirect": {"uri": "/"}}, split(1), split(99)],
            [[], [60, 40], [60, 40]],
            id="several routes",
        ),
    ],
)
def test_weights_are_written_into(http: list[Object], expected: list[list[int]]) -> None:
    assert of_routes(adopted(40, virtual_service(*http))) == expected


def test_named_routes_only() -> None:
    live = virtual_service(split(name="a"), split(name="b"), split())
    by = canary(virtualServiceRef={"name": "reviews", "routes": ["b"]})
    assert of_routes(adopted(40, live, by)) == [[90, 10], [60, 40], [90, 10]]


def test_a_reference_twice_is_one_with_all_routes() -> None:
    by = canary(
        virtualServiceRef=None,
        virtualServiceRefs=[
            {"name": "reviews", "routes": ["a"]},
            {"name": "reviews", "namespace": "prod", "routes": ["b", "a"]},
            {"name": "reviews", "namespace": "gateways"},
        ],
    )
    assert adopted_refs(by) == {
        REVIEWS: ("a", "b"),
        REVIEWS._replace(namespace="gateways"): (),
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
UNKNOWN = st.dictionaries(st.from_regex(r"\Ax[a-z]{1,5}\Z"), JSON, max_size=3)
ENTRY = st.builds(
    lambda entry, more: {**more, **entry},
    st.builds(to, st.sampled_from(["v1", "v2", "v3"]), st.none() | st.integers(0, 100)),
    UNKNOWN,
)
ROUTE = st.builds(
    lambda more, entries: {**more, "route": entries}, UNKNOWN, st.lists(ENTRY, max_size=3)
)


@given(st.lists(ROUTE, max_size=4), UNKNOWN, st.integers(0, 100))
def test_every_other_byte_survives(
    http: list[dict[str, Any]], more: dict[str, Any], weight: int
) -> None:
    live = virtual_service(split(), *http, **more)
    after = adopted(weight, live)

    def without_weights(obj: Any) -> str:
        text = json.loads(json.dumps(obj))
        text["metadata"].pop("annotations", None)
        for each in text["spec"]["http"]:
            for entry in each.get("route", ()):
                entry.pop("weight", None)
        return json.dumps(text)

    assert without_weights(after) == without_weights(live)
    for before, now in zip(live["spec"]["http"], after["spec"]["http"], strict=True):
        subsets = sorted(e["destination"]["subset"] for e in before["route"])
        if subsets == ["v1", "v2"]:
            assert {e["destination"]["subset"]: e.get("weight", 0) for e in now["route"]} == {
                "v1": 100 - weight,
                "v2": weight,
            }
    assert canary_share(canary(), objects(after, RULE)) is not None
    again = weights(canary(), weight, REVIEWS, objects(after, RULE), ())
    assert again.operations == ()


@given(st.integers(0, 100))
def test_the_share_can_be_read_back(weight: int) -> None:
    live = adopted(weight, virtual_service(split()))
    assert canary_share(canary(), objects(live, RULE)) == weight


@pytest.mark.parametrize(
    ("http", "share"),
    [
        pytest.param([split(3), split(70)], 70, id="the route that gives most counts"),
        pytest.param([split(3), route(to("v2"))], 3, id="a route to the canary alone is Git's"),
        pytest.param([route(to("v1", 999), to("v2", 1))], 1, id="a trace counts"),
        pytest.param(
            [route(to("v1", 50), to("v2", 30), to("v3", 20))], 30, id="so does a third destination"
        ),
        pytest.param([route(to("v1"))], None, id="there is none"),
    ],
)
def test_what_share_adopted_routes_give(http: list[Object], share: int | None) -> None:
    assert canary_share(canary(), objects(virtual_service(*http), RULE)) == share


def test_without_its_rule_the_share_is_that_of_the_destinations_written_last() -> None:
    live = adopted(40, virtual_service(split()))
    assert canary_share(canary(), objects(live)) == 40
    after = patched(live, weights(canary(), 0, REVIEWS, objects(live), ()).operations)
    assert of_routes(after) == [[100, 0]]


def test_what_linnet_writes_is_noted_for_the_policy() -> None:
    live = adopted(40, virtual_service(split()))
    note = f"prod/reviews * {HOST}/v1=60 {HOST}/v2=40"
    assert live["metadata"]["annotations"] == {WEIGHTS_ANNOTATION: note}
    assert claims_in(live) == (Claim("prod/reviews", (), SIDES, 40),)


NAMES = st.from_regex(r"\A[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?\Z")
CLAIMS = st.builds(
    Claim,
    st.builds("{}/{}".format, NAMES, NAMES),
    st.lists(st.from_regex(r"\A[-A-Za-z0-9._/:@#+=~]+\Z"), max_size=3).map(tuple),
    st.builds(
        lambda host, one, two: Sides(Destination(f"{host}.a", one), Destination(f"{host}.a", two)),
        NAMES,
        NAMES,
        NAMES,
    ),
    st.integers(0, 100),
)


@given(st.lists(CLAIMS, max_size=3, unique_by=lambda claim: claim.canary))
def test_a_note_can_be_read_back(claims: list[Claim]) -> None:
    live = virtual_service(note=written(tuple(claims)))
    assert set(claims_in(live)) == set(claims)


@given(st.text(max_size=40))
def test_a_note_that_is_not_readable_is_none(text: str) -> None:
    claims_in(virtual_service(note=text))


OTHER = f"prod/other * {HOST}/v1=70 {HOST}/v2=30"


@pytest.mark.parametrize(
    ("live", "service", "reason", "words"),
    [
        pytest.param(
            None,
            {},
            "VirtualServiceNotFound",
            "VirtualService prod/reviews does not exist",
            id="no",
        ),
        pytest.param(
            virtual_service(split(name="a"), split()),
            {"virtualServiceRef": {"name": "reviews", "routes": ["b"]}},
            "RouteNotFound",
            "VirtualService prod/reviews has no HTTP route named b (it has a)",
            id="no route of the name",
        ),
        pytest.param(
            virtual_service(route(to("v1"), name="b"), split()),
            {"virtualServiceRef": {"name": "reviews", "routes": ["b"]}},
            "DestinationsNotFound",
            f"the HTTP route b of VirtualService prod/reviews leads to {HOST}/v1, and has to lead"
            f" to {HOST}/v1 and {HOST}/v2",
            id="a route of the name that leads elsewhere",
        ),
        pytest.param(
            virtual_service(route(to("v1", 1), to("v2", 1), to("v3", 1))),
            {},
            "DestinationsNotFound",
            f"has no HTTP route that leads to {HOST}/v1 and {HOST}/v2 and nowhere else",
            id="no route to the two",
        ),
        pytest.param(
            virtual_service(), {}, "DestinationsNotFound", "has no HTTP route", id="no routes"
        ),
        pytest.param(
            virtual_service(split(), note=OTHER),
            {},
            "RouteAdopted",
            "Canary prod/other writes the weights of the same HTTP route",
            id="another Canary was first",
        ),
        pytest.param(
            virtual_service(split(name="a"), note=OTHER.replace("*", "x,a")),
            {},
            "RouteAdopted",
            "name other routes in spec.service.virtualServiceRef.routes",
            id="another Canary was first with one of several",
        ),
    ],
)
def test_what_keeps_weights_from_being_written(
    live: Object | None, service: dict[str, Any], reason: str, words: str
) -> None:
    there = objects(*([live] if live else []), RULE)
    problem = check_adoption(canary(**service), there, {"prod/other"})
    assert problem is not None
    assert problem.reason == reason
    assert words in problem.message
    assert weights(canary(**service), 40, REVIEWS, there, {"prod/other"}).problem is not None


@pytest.mark.parametrize(
    ("live", "others"),
    [
        pytest.param(virtual_service(split(), note=OTHER), [], id="is gone"),
        pytest.param(
            virtual_service(split(), note=OTHER.replace("*", "c")),
            ["prod/other"],
            id="has other routes",
        ),
        pytest.param(
            virtual_service(split(), note=OTHER.replace("v2", "v3")),
            ["prod/other"],
            id="has other destinations",
        ),
    ],
)
def test_another_canary_is_no_obstacle_if_it(live: Object, others: list[str]) -> None:
    assert check_adoption(canary(), objects(live, RULE), others) is None


def test_what_another_canary_noted_stays_while_it_exists() -> None:
    live = virtual_service(split(), note=OTHER.replace("*", "b"))
    assert len(claims_in(adopted(40, live, others=["prod/other"]))) == 2
    assert len(claims_in(adopted(40, live))) == 1


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        pytest.param(None, "DestinationRuleNotFound", id="no DestinationRule"),
        pytest.param({"host": "reviews", "subsets": []}, "SubsetNotFound", id="no subset"),
        pytest.param({"host": "reviews"}, "SubsetNotFound", id="no subsets"),
        pytest.param(
            {"host": "reviews.other.svc.cluster.local", "subsets": RULE["spec"]["subsets"]},
            "DestinationRuleUnusable",
            id="somebody else's Service",
        ),
    ],
)
def test_what_is_wrong_with_subsets(rule: Any, reason: str) -> None:
    rules = [] if rule is None else [{**RULE, "spec": rule}]
    problem = check_adoption(canary(), objects(virtual_service(split()), *rules), ())
    assert problem is not None
    assert problem.reason == reason


def test_a_route_that_got_a_third_destination_keeps_its_weights_but_can_be_taken_back() -> None:
    live = virtual_service(route(to("v1", 50), to("v2", 30), to("v3", 20)))
    assert of_routes(adopted(50, live)) == [[50, 30, 20]]
    assert of_routes(adopted(0, live)) == [[80, 0, 20]]


def test_it_is_urgent_to_take_weight_from_the_canary_and_to_give_it_none() -> None:
    live = objects(virtual_service(split(40)), RULE)
    assert weights(canary(), 39, REVIEWS, live, ()).lowers
    assert not weights(canary(), 41, REVIEWS, live, ()).lowers


def test_returned_is_everything_to_the_primary_without_a_note() -> None:
    live = adopted(40, virtual_service(split(), route(to("v2"))))
    after = patched(live, returned("prod/reviews", live, ()).operations)
    assert of_routes(after) == [[100, 0], [0]]
    assert WEIGHTS_ANNOTATION not in after["metadata"]["annotations"]
    assert returned("prod/reviews", after, ()).operations == ()


def test_what_another_canary_has_is_not_returned() -> None:
    theirs = OTHER.replace("*", "b")
    live = virtual_service(split(name="a"), split(20, name="b"), note=theirs)
    by = canary(virtualServiceRef={"name": "reviews", "routes": ["a"]})
    live = adopted(40, live, by, others=["prod/other"])
    after = patched(live, returned("prod/reviews", live, {"prod/other"}).operations)
    assert of_routes(after) == [[100, 0], [80, 20]]
    assert after["metadata"]["annotations"] == {WEIGHTS_ANNOTATION: theirs}
