"""What a reconcile sees of the cluster, and what it makes sure of before it writes."""

import copy
from dataclasses import dataclass, field
from typing import Any

import pytest

from linnet.adapters.cache import Cache
from linnet.adapters.connection import NotFoundError
from linnet.adapters.events import EventPoster
from linnet.adapters.kinds import KINDS
from linnet.adapters.kubernetes import Kubernetes
from linnet.adapters.telemetry import Telemetry
from linnet.api.objects import ObjectRef
from linnet.api.status import Phase
from linnet.engine.decision import Replace
from linnet.errors import ConflictError
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


ROUTES = ObjectRef("VirtualService", "shop", "web")


@dataclass
class Server:
    """The newest versions of objects, which the watches may not have told yet."""

    live: dict[str, dict[str, Any]]
    requests: list[str] = field(default_factory=list)

    async def request(self, method: str, path: str, subject: object, **_: Any) -> dict[str, Any]:
        name = path.removeprefix("/apis/").split("/namespaces/shop/")[1]
        self.requests.append(f"{method} {name}")
        if name.removesuffix("/status") not in self.live:
            raise NotFoundError(name)
        obj = self.live[name.removesuffix("/status")]
        if method == "PUT":
            version = int(obj["metadata"]["resourceVersion"]) + 10
            obj["metadata"]["resourceVersion"] = str(version)
        return copy.deepcopy(obj)


class TestAnotherLeader:
    """Its last status may not have been seen, though the routes that it wrote have."""

    @pytest.fixture
    def server(self) -> Server:
        return Server(
            {"canaries/web": canary(version=7), "virtualservices/web": virtual_service("web")}
        )

    @pytest.fixture
    def terms(self) -> list[int]:
        return [1]

    @pytest.fixture
    def writing(self, cache: Cache, server: Server, terms: list[int]) -> Kubernetes:
        connection: Any = server
        events = EventPoster(connection, "test", Telemetry())
        versions = {kind: kind.versions[0] for kind in KINDS.values()}
        cache.put(canary(version=5))
        cache.put(virtual_service("web"))
        return Kubernetes(connection, cache, events, versions, lambda: 10, term=lambda: terms[-1])

    async def restore(self, cluster: Kubernetes) -> None:
        observed = observe(cluster)
        live = observed.observation.objects[ROUTES]
        await cluster.carry_out(observed.canary, Replace(ROUTES, live))

    async def test_nothing_is_written_that_follows_from_a_status_before_the_last(
        self, writing: Kubernetes, server: Server
    ) -> None:
        with pytest.raises(ConflictError):
            await self.restore(writing)
        assert server.requests == ["GET canaries/web"]
        assert observe(writing).canary.resource_version == "7", "the next look knows of it"

    async def test_it_is_asked_for_once_in_each_time_of_leading(
        self, writing: Kubernetes, server: Server, terms: list[int]
    ) -> None:
        server.live["canaries/web"] = canary(version=5)
        await self.restore(writing)
        await self.restore(writing)
        assert server.requests.count("GET canaries/web") == 1
        terms.append(2)
        await self.restore(writing)
        assert server.requests.count("GET canaries/web") == 2

    async def test_a_status_that_was_written_is_known(
        self, writing: Kubernetes, server: Server
    ) -> None:
        server.live["canaries/web"] = canary(version=5)
        seen = observe(writing).canary
        await writing.write_status(seen, seen.status)
        await self.restore(writing)
        assert "GET canaries/web" not in server.requests

    async def test_a_canary_that_is_gone_has_nothing_written_for_it(
        self, writing: Kubernetes, server: Server
    ) -> None:
        del server.live["canaries/web"]
        with pytest.raises(ConflictError):
            await self.restore(writing)
        assert writing.observe(WEB) is None
