"""Releases by routes that belong to Git: adopted ones, and a root that delegates."""

from typing import Any

import pytest

from linnet.api.names import FINALIZER, WEIGHTS_ANNOTATION
from linnet.api.objects import ObjectRef
from linnet.api.status import Phase
from linnet.engine.decision import Patch
from unit.engine.builders import canary, deployment
from unit.engine.test_handover import NEW, OLD, give, workload
from unit.engine.world import World

LINNETS = {"port": 80, "targetPort": 9898, "virtualServiceRef": {"name": "routes"}}
ROUTES = ObjectRef("VirtualService", "test", "routes")


def to(host: str, weight: int, subset: str = "") -> dict[str, Any]:
    """Return an entry of a route."""
    return {
        "destination": {"host": host, **({"subset": subset} if subset else {})},
        "weight": weight,
    }


def virtual_service(*entries: dict[str, Any], name: str = "routes") -> dict[str, Any]:
    """Return a VirtualService of the user's own."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "test"},
        "spec": {"hosts": ["podinfo"], "http": [{"timeout": "5s", "route": list(entries)}]},
    }


def copying() -> World:
    """Return a cluster with one Deployment, and routes to the Services that linnet makes."""
    it = World(canary(service=LINNETS), deployment())
    it.put(virtual_service(to("podinfo-primary", 90), to("podinfo-canary", 10)))
    return it


def subsets(**spec: Any) -> World:
    """Return a cluster with two Deployments, and routes to two subsets."""
    service = {
        "virtualServiceRef": {"name": "routes"},
        "destinationRuleRef": {"name": "podinfo", "primarySubset": "v1", "canarySubset": "v2"},
    }
    refs = {"targetRef": {"name": NEW}, "primaryRef": {"name": OLD}}
    it = World(canary(**refs, service=service, **spec), workload(NEW, "1.0.0"))
    it.put(workload(OLD, "1.0.0"))
    rule = {"host": "podinfo", "subsets": [{"name": v, "labels": {"version": v}} for v in V]}
    it.put(
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "DestinationRule",
            "metadata": {"name": "podinfo", "namespace": "test"},
            "spec": rule,
        }
    )
    it.put(virtual_service(to("podinfo", 90, "v1"), to("podinfo", 10, "v2")))
    return it


V = ("v1", "v2")


def routed(it: World) -> tuple[int, ...]:
    """Return the weights of the adopted route."""
    [route] = it.objects[ROUTES]["spec"]["http"]
    return tuple(entry.get("weight", 0) for entry in route["route"])


def reset(it: World, *weights: int) -> None:
    """Write the weights from Git, as a sync would where no policy keeps them."""
    live = it.objects[ROUTES]
    for entry, weight in zip(live["spec"]["http"][0]["route"], weights, strict=True):
        entry["weight"] = weight
    it.put(live)


def served_by(it: World, service: str) -> str:
    """Return the Deployments whose pods a Service selects."""
    selector = it.objects[ObjectRef("Service", "test", service)]["spec"]["selector"].items()
    return " ".join(
        ref.name
        for ref, obj in sorted(it.objects.items())
        if ref.kind == "Deployment"
        and selector <= obj["spec"]["template"]["metadata"]["labels"].items()
    )


def test_adopted_weights_follow_a_release_of_a_copy() -> None:
    it = copying()
    it.run(60)
    assert it.in_phase(Phase.INITIALIZED)
    assert routed(it) == (100, 0)
    it.release("2.0.0")
    it.run(5)
    assert routed(it) == (90, 10)
    it.run(10)
    assert routed(it) == (80, 20)
    it.run(60)
    assert it.in_phase(Phase.SUCCEEDED)
    assert routed(it) == (100, 0)
    assert ObjectRef("VirtualService", "test", "podinfo") not in it.objects
    assert ObjectRef("Service", "test", "podinfo") not in it.objects


def test_the_target_serves_at_the_address_of_the_primary_until_there_is_one() -> None:
    it = copying()
    it.unready = {"1.0.0"}
    it.pods_changed()
    it.settle()
    assert it.in_phase(Phase.INITIALIZING)
    assert served_by(it, "podinfo-primary") == "podinfo"
    assert routed(it) == (90, 10), "as in Git, for both lead to the target"
    it.unready = set()
    it.pods_changed()
    it.run(60)
    assert served_by(it, "podinfo-primary") == "podinfo-primary"


@pytest.mark.parametrize("during", ["at rest", "a release"])
def test_deleting_the_canary_leaves_the_routes_leading_to_the_target(during: str) -> None:
    it = copying()
    it.run(60)
    if during == "a release":
        it.release("2.0.0")
        it.run(5)
    it.delete()
    it.settle()
    for _ in range(100):
        assert served_by(it, "podinfo-primary"), "somebody serves all the while"
        if it.canary_object is None:
            break
        it.run(1)
    assert it.canary_object is None
    assert routed(it) == (100, 0)
    assert WEIGHTS_ANNOTATION not in it.objects[ROUTES]["metadata"].get("annotations", {})
    assert served_by(it, "podinfo-primary") == "podinfo"
    assert it.deployment("podinfo")["spec"]["replicas"] == 2
    assert ObjectRef("Deployment", "test", "podinfo-primary") not in it.objects
    it.canary_object = canary(service=LINNETS)
    it.canary_object["metadata"]["uid"] = "another-uid"
    it.run(60)
    assert it.in_phase(Phase.INITIALIZED), "a later Canary takes up what was left"


def test_subsets_go_up_to_everything_and_back() -> None:
    it = subsets()
    it.run(60)
    assert routed(it) == (100, 0)
    give(it, NEW, "2.0.0")
    it.run_until(Phase.PROMOTING)
    assert routed(it) == (0, 100)
    give(it, OLD, "2.0.0")
    it.run(60)
    assert it.in_phase(Phase.SUCCEEDED)
    assert routed(it) == (100, 0)
    kinds = {ref.kind for ref, obj in it.objects.items() if obj["metadata"].get("ownerReferences")}
    assert kinds == set(), "linnet makes nothing"


def test_a_bad_version_is_taken_off_its_subset() -> None:
    it = subsets()
    it.run(60)
    give(it, NEW, "2.0.0-bad")
    it.run(5)
    assert routed(it) == (90, 10)
    it.run_until(Phase.FAILED)
    assert routed(it) == (100, 0)


def test_a_reset_in_mid_run_is_put_back_at_once() -> None:
    it = subsets()
    it.run(60)
    give(it, NEW, "2.0.0")
    it.run(15)
    assert routed(it) == (80, 20)
    reset(it, 10, 90)
    [patch] = it.step().actions
    assert isinstance(patch, Patch)
    assert patch.urgent
    assert routed(it) == (80, 20)
    reset(it, 100, 0)
    [patch] = it.step().actions
    assert isinstance(patch, Patch)
    assert not patch.urgent
    assert routed(it) == (80, 20)


def test_a_lost_note_is_written_again() -> None:
    it = subsets()
    it.run(60)
    del it.objects[ROUTES]["metadata"]["annotations"]
    it.settle()
    assert WEIGHTS_ANNOTATION in it.objects[ROUTES]["metadata"]["annotations"]


def test_a_commit_that_takes_the_route_away_holds_the_release_until_it_is_back() -> None:
    it = subsets()
    it.run(60)
    give(it, NEW, "2.0.0")
    it.run(15)
    live = it.objects[ROUTES]
    route = live["spec"]["http"][0].pop("route")
    it.put(live)
    it.run(60)
    assert it.condition("Stalled").reason == "DestinationsNotFound"
    assert it.status.canary_weight == 20
    live["spec"]["http"][0]["route"] = route
    it.put(live)
    it.run(30)
    assert it.condition("Stalled").status == "False"
    assert it.in_phase(Phase.PROMOTING)


def test_the_services_are_there_before_routes_lead_to_them() -> None:
    it = copying()
    live = it.objects.pop(ROUTES)
    it.run(60)
    assert served_by(it, "podinfo-primary") == "podinfo-primary"
    assert it.in_phase(Phase.INITIALIZED)
    assert it.condition("Stalled").reason == "VirtualServiceNotFound"
    it.release("2.0.0")
    it.run(60)
    assert it.status.canary_weight == 0, "no route gives it requests"
    it.put(live)
    it.run(5)
    assert it.condition("Stalled").status == "False"
    assert routed(it) == (90, 10)


def test_nothing_is_done_before_the_routes_are_there() -> None:
    it = subsets()
    live = it.objects.pop(ROUTES)
    it.run(60)
    assert it.condition("Stalled").reason == "VirtualServiceNotFound"
    it.put(live)
    it.run(60)
    assert it.in_phase(Phase.INITIALIZED)
    assert it.condition("Stalled").status == "False"


def test_deleting_a_canary_of_two_deployments_gives_the_primary_everything() -> None:
    it = subsets()
    it.run(60)
    give(it, NEW, "2.0.0")
    it.run(15)
    it.delete()
    it.settle()
    assert routed(it) == (100, 0)
    assert FINALIZER in it.canary.finalizers, "until proxies know"
    it.run(60)
    assert it.canary_object is None
    assert WEIGHTS_ANNOTATION not in it.objects[ROUTES]["metadata"].get("annotations", {})


def test_routes_that_are_not_named_any_more_are_given_back() -> None:
    it = subsets()
    other = virtual_service(to("podinfo", 90, "v1"), to("podinfo", 10, "v2"), name="more")
    it.put(other)
    both = [{"name": "routes"}, {"name": "more"}]
    assert it.canary_object is not None
    service = it.canary_object["spec"]["service"]
    del service["virtualServiceRef"]
    service["virtualServiceRefs"] = both
    it.run(60)
    give(it, NEW, "2.0.0")
    it.run(5)
    more = ObjectRef("VirtualService", "test", "more")
    assert [e["weight"] for e in it.objects[more]["spec"]["http"][0]["route"]] == [90, 10]
    service["virtualServiceRefs"] = both[:1]
    it.edit()
    it.settle()
    assert [e["weight"] for e in it.objects[more]["spec"]["http"][0]["route"]] == [100, 0]
    assert not it.objects[more]["metadata"]["annotations"]
    assert routed(it) == (90, 10)


def test_a_missing_policy_is_told_once_and_harms_nothing() -> None:
    it = subsets()
    it.unguarded = "no policy"
    it.run(60)
    assert it.in_phase(Phase.INITIALIZED)
    assert (it.condition("Impaired").reason, it.condition("Impaired").message) == (
        "WeightsUnguarded",
        "no policy",
    )
    assert it.condition("Ready").status == "True"
    assert it.reasons.count("WeightsUnguarded") == 1
    it.unguarded = ""
    it.settle()
    assert "Impaired" not in {c.type for c in it.status.conditions}
    assert it.reasons[-1] == "Unimpaired"


# --- delegate ---------------------------------------------------------------------------------


def delegating(*, root: bool = True) -> World:
    """Return a cluster with a Canary whose VirtualService others delegate to."""
    service = {"port": 80, "targetPort": 9898, "delegation": True}
    it = World(canary(service=service), deployment())
    if root:
        live = virtual_service(name="root")
        live["spec"]["http"] = [{"delegate": {"name": "podinfo", "namespace": "test"}}]
        it.neighbours.append(live)
    return it


def hosts_in_delegate(it: World) -> dict[str, int]:
    """Return the weights of the delegate's destinations."""
    spec = it.objects[ObjectRef("VirtualService", "test", "podinfo")]["spec"]
    assert set(spec) == {"http"}
    return {e["destination"]["host"]: e["weight"] for e in spec["http"][0]["route"]}


def test_a_delegate_leads_to_the_target_from_the_first_moment() -> None:
    it = delegating()
    it.unready = {"1.0.0"}
    it.pods_changed()
    it.settle()
    assert hosts_in_delegate(it) == {"podinfo-primary": 0, "podinfo-canary": 0, "podinfo": 100}


def test_a_delegate_is_released_by() -> None:
    it = delegating()
    it.run(60)
    it.release("2.0.0")
    it.run(15)
    assert hosts_in_delegate(it) == {"podinfo-primary": 80, "podinfo-canary": 20}
    assert "Impaired" not in {c.type for c in it.status.conditions}


def test_it_is_told_that_nothing_delegates() -> None:
    it = delegating(root=False)
    it.run(60)
    assert it.in_phase(Phase.INITIALIZED)
    assert it.condition("Impaired").reason == "NotDelegated"


def test_a_delegate_stays_while_a_root_leads_there() -> None:
    it = delegating()
    it.run(60)
    it.delete()
    it.run(60)
    assert it.canary_object is None
    assert hosts_in_delegate(it) == {"podinfo": 100}
    assert served_by(it, "podinfo") == "podinfo"


def test_a_delegate_that_nobody_needs_goes() -> None:
    it = delegating(root=False)
    it.run(60)
    it.delete()
    it.run(60)
    assert ObjectRef("VirtualService", "test", "podinfo") not in it.objects


def versions(first: int, *, ready: bool = True) -> World:
    """Return one with two versions, of which the second had 10 percent before the Canary."""
    it = subsets(analysis={"stepWeights": [first, 50]})
    if not ready:
        it.unready = {NEW}
    give(it, NEW, "2.0.0")
    return it


def weights_of(it: World, seconds: int) -> list[int]:
    """Return the canary's weights in the order in which they were routed."""
    seen: list[int] = []
    for _ in range(0, seconds, 4):
        it.settle()
        weight = routed(it)[1]
        if seen[-1:] != [weight]:
            seen.append(weight)
        it.run(4)
    return seen


def test_a_release_begins_with_the_weight_that_its_first_step_has_already() -> None:
    it = versions(10)
    assert weights_of(it, 60) == [10, 50, 100]
    weights = {decision.status.canary_weight for decision in it.decisions}
    assert 0 not in weights, "no user of the new version is sent away, not for a moment"
    assert it.reasons.count("NewRevision") == 1
    assert it.condition("Progressing").reason == "WaitingForPrimary"


def test_any_other_weight_that_was_there_gives_way_to_the_ladder() -> None:
    assert weights_of(versions(5), 60) == [0, 5, 50, 100]


def test_a_version_that_is_not_ready_loses_the_weight_that_it_had() -> None:
    it = versions(10, ready=False)
    assert weights_of(it, 20) == [0]
    it.unready = set()
    it.pods_changed()
    assert weights_of(it, 40) == [10, 50, 100]


def test_deletion_leaves_weights_where_they_are_served() -> None:
    it = versions(10)
    it.run(60)
    assert routed(it) == (0, 100)
    it.unready = {OLD}
    it.pods_changed()
    it.delete()
    it.run(599)
    assert routed(it) == (0, 100)
    assert it.canary_object is not None
    it.run(20)
    assert it.canary_object is None
    assert routed(it) == (0, 100)
    assert WEIGHTS_ANNOTATION not in it.objects[ROUTES]["metadata"].get("annotations", {})


def test_deletion_with_the_target_gives_the_primary_everything() -> None:
    it = versions(10)
    it.run(60)
    it.remove("Deployment", NEW)
    it.delete()
    it.run(60)
    assert it.canary_object is None
    assert routed(it) == (100, 0)
