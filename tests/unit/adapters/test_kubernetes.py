"""What a reconcile sees of the cluster."""

from typing import Any

import pytest

from linnet.adapters.cache import Cache
from linnet.adapters.events import EventPoster
from linnet.adapters.kubernetes import Kubernetes
from linnet.adapters.telemetry import Telemetry
from linnet.api.objects import ObjectRef
from linnet.api.status import Phase
from linnet.ports import Observed
from unit.adapters.objects import canary, endpoint_slice, obj, virtual_service

WEB = ObjectRef("Canary", "shop", "web")


@pytest.fixture
def cache() -> Cache:
    return Cache(lambda ref: None)


@pytest.fixture
def cluster(cache: Cache) -> Kubernetes:
    """An adapter that is only read from: it has no way to the API server."""
    connection: Any = None
    events = EventPoster(connection, "test", Telemetry())
    return Kubernetes(connection, cache, events, {}, lambda: 0)


def observe(cluster: Kubernetes) -> Observed:
    observed = cluster.observe(WEB)
    assert observed is not None
    return observed


def test_a_canary_that_is_gone_is_none(cluster: Kubernetes) -> None:
    assert cluster.observe(WEB) is None


def test_it_is_the_canarys_own_objects_its_endpoints_and_its_neighbours(
    cluster: Kubernetes, cache: Cache
) -> None:
    for one in (
        canary(),
        obj("Deployment", "web"),
        obj("Deployment", "web-primary"),
        obj("Deployment", "foreign"),
        obj("Service", "web-canary"),
        virtual_service("web", "web"),
        virtual_service("rival", "web"),
        endpoint_slice("web-canary-1", "web-canary", True, True),
    ):
        cache.put(one)
    observation = observe(cluster).observation
    assert {f"{ref.kind}/{ref.name}" for ref in observation.objects} == {
        "Deployment/web",
        "Deployment/web-primary",
        "Service/web-canary",
        "VirtualService/web",
    }
    assert observation.endpoints == {"web": 0, "web-primary": 0, "web-canary": 2}
    assert [one["metadata"]["name"] for one in observation.neighbours] == ["rival"]


def test_what_is_seen_is_a_copy(cluster: Kubernetes, cache: Cache) -> None:
    cache.put(canary())
    cache.put(obj("Deployment", "web", spec={"replicas": 1}))
    target: Any = observe(cluster).observation.objects[ObjectRef("Deployment", "shop", "web")]
    target["spec"]["replicas"] = 99
    again = observe(cluster).observation.objects[ObjectRef("Deployment", "shop", "web")]
    assert again["spec"]["replicas"] == 1


def test_a_spec_that_does_not_parse_is_a_problem_and_the_status_still_there(
    cluster: Kubernetes, cache: Cache
) -> None:
    broken = canary() | {"status": {"phase": "Succeeded"}}
    broken["spec"]["service"]["port"] = "many"
    cache.put(broken)
    observed = observe(cluster)
    assert observed.problem is not None
    assert observed.problem.reason == "InvalidSpec"
    assert "port" in observed.problem.message
    assert observed.canary.status.phase is Phase.SUCCEEDED
    assert observed.canary.ref == WEB
