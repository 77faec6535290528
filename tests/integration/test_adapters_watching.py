"""Watching a real API server with kopf: complete, current, and whole again after an outage."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from integration.forwarder import Forwarder
from integration.operator_lab import Lab, canary, deployment, kubeconfig, service, until
from linnet import handlers
from linnet.adapters.cache import Cache
from linnet.adapters.connection import Connection
from linnet.adapters.discovery import discover
from linnet.adapters.kinds import KINDS
from linnet.adapters.listings import Listings
from linnet.adapters.telemetry import Telemetry
from linnet.api.objects import ObjectRef
from linnet.backoff import Backoff
from linnet.handlers import Watching

pytestmark = pytest.mark.usefixtures("crds")


class Watched:
    """A cache that is kept by kopf, for some namespaces."""

    def __init__(self, connection: Connection, *namespaces: str) -> None:
        self.woken: set[ObjectRef] = set()
        self.cache = Cache(self.woken.add)
        self.listings = Listings(self.cache)
        self.spawned = 0
        self.watching = Watching(
            connection, self.cache, self.listings, namespaces, self._has_spawned
        )

    def _has_spawned(self) -> None:
        self.spawned += 1

    @classmethod
    @asynccontextmanager
    async def running(
        cls, *namespaces: str, config: str = "", telemetry: Telemetry | None = None
    ) -> AsyncIterator["Watched"]:
        traces = [telemetry.request_traces()] if telemetry else []
        connection = await Connection.open(config, traces=traces)
        watched = cls(connection, *namespaces)
        task = asyncio.create_task(watched.watching.run())
        try:
            await until(watched.listings.complete.is_set)
            yield watched
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await connection.close()


@pytest.fixture
async def lab(namespace: str) -> AsyncIterator[Lab]:
    """Somebody who changes objects."""
    lab = await Lab.open(namespace)
    yield lab
    for kind in ("Canary", "Deployment", "Service"):
        known = KINDS[kind]
        path = known.path(lab.versions[known], namespace)
        for item in (await lab.connection.request("GET", path, "the lab"))["items"]:
            await lab.delete(kind, item["metadata"]["name"])
    await lab.connection.close()


@pytest.fixture
async def forwarder() -> AsyncIterator[Forwarder]:
    forwarder = Forwarder(str(kubeconfig()))
    await forwarder.start()
    yield forwarder
    await forwarder.stop()


async def test_what_was_there_before_is_there_at_once(lab: Lab) -> None:
    await lab.create(deployment(lab.namespace))
    await lab.create(canary(lab.namespace))
    async with Watched.running(lab.namespace) as watched:
        assert watched.cache.get(lab.ref("Deployment")) is not None
        assert lab.ref("Canary") in watched.woken


async def test_changes_arrive_and_wake(lab: Lab) -> None:
    await lab.create(canary(lab.namespace))
    async with Watched.running(lab.namespace) as watched:
        watched.woken.clear()
        created = await lab.create(service(lab.namespace))
        await until(lambda: watched.cache.get(lab.ref("Service")))
        await until(lambda: lab.ref("Canary") in watched.woken)
        kept = watched.cache.get(lab.ref("Service"))
        assert kept is not None
        assert kept["spec"] == created["spec"]
        assert (kept["kind"], kept["apiVersion"]) == ("Service", "v1")
        await lab.change("Service", {"spec": {"selector": {"app": "new"}}})
        await until(lambda: selector(watched, lab) == {"app": "new"})
        await lab.delete("Service")
        await until(lambda: watched.cache.get(lab.ref("Service")) is None)


def selector(watched: Watched, lab: Lab) -> Any:
    live = watched.cache.get(lab.ref("Service"))
    return live and live["spec"]["selector"]


async def test_nothing_is_written_to_what_is_watched(lab: Lab) -> None:
    before = await lab.create(canary(lab.namespace))
    async with Watched.running(lab.namespace) as watched:
        await lab.change("Canary", {"metadata": {"labels": {"touched": "yes"}}})
        await until(lambda: labels(watched, lab) == {"touched": "yes"})
    after = await lab.read("Canary")
    assert after["metadata"].get("finalizers") is None
    assert after["metadata"].get("annotations") == before["metadata"].get("annotations")


def labels(watched: Watched, lab: Lab) -> Any:
    live = watched.cache.get(lab.ref("Canary"))
    return live and live["metadata"].get("labels")


async def test_only_the_namespaces_asked_for_are_watched(lab: Lab) -> None:
    await lab.create(deployment(lab.namespace))
    async with Watched.running("linnet-elsewhere") as watched:
        assert watched.cache.refs(KINDS["Deployment"]) == []


async def test_endpoint_slices_of_linnets_services_are_counted_and_others_are_not_kept(
    lab: Lab,
) -> None:
    def slice_of(name: str, **labels: str) -> dict[str, Any]:
        return {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": name,
                "namespace": lab.namespace,
                "labels": {"kubernetes.io/service-name": name, **labels},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": True}}],
            "ports": [],
        }

    async with Watched.running(lab.namespace) as watched:
        await lab.create(slice_of("foreign"))
        await lab.create(slice_of("ours", **{"app.kubernetes.io/managed-by": "linnet"}))
        ours = ObjectRef("Service", lab.namespace, "ours")
        await until(lambda: watched.cache.endpoints(ours) == 1)
        assert watched.cache.endpoints(ObjectRef("Service", lab.namespace, "foreign")) == 0
        for name in ("foreign", "ours"):
            await lab.delete("EndpointSlice", name)


class TestOutages:
    async def test_torn_connections_lose_nothing(
        self, lab: Lab, forwarder: Forwarder, tmp_path: Path
    ) -> None:
        await lab.create(service(lab.namespace, "old"))
        config = forwarder.kubeconfig(tmp_path)
        async with Watched.running(lab.namespace, config=config) as watched:
            forwarder.tear()
            await lab.delete("Service", "old")
            await lab.create(service(lab.namespace, "new"))
            await until(lambda: watched.cache.get(lab.ref("Service", "new")))
            await until(lambda: watched.cache.get(lab.ref("Service", "old")) is None)

    async def test_an_api_server_that_was_down_is_caught_up_with(
        self,
        lab: Lab,
        forwarder: Forwarder,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        await lab.create(service(lab.namespace, "old"))
        config = forwarder.kubeconfig(tmp_path)
        async with Watched.running(lab.namespace, config=config) as watched:
            await forwarder.refuse()
            await lab.delete("Service", "old")
            await lab.create(service(lab.namespace, "new"))
            await until(lambda: refused(caplog, "/services?") >= 3)
            assert watched.cache.get(lab.ref("Service", "old")) is not None
            await forwarder.start()
            await until(lambda: watched.cache.get(lab.ref("Service", "new")))
            await until(lambda: watched.cache.get(lab.ref("Service", "old")) is None)
            assert not watched.watching.stuck()

    async def test_one_that_is_down_at_the_start_is_waited_for(
        self, lab: Lab, forwarder: Forwarder, tmp_path: Path
    ) -> None:
        config = forwarder.kubeconfig(tmp_path)
        await forwarder.refuse()
        connection = await Connection.open(config)
        watched = Watched(connection, lab.namespace)
        task = asyncio.create_task(watched.watching.run())
        await until(lambda: "out of reach" in watched.watching.trouble)
        await forwarder.start()
        await until(watched.listings.complete.is_set)
        assert watched.watching.trouble == ""
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await connection.close()

    async def test_other_tasks_of_the_event_loop_outlive_kopf(
        self, lab: Lab, forwarder: Forwarder, tmp_path: Path
    ) -> None:
        config = forwarder.kubeconfig(tmp_path)
        connection = await Connection.open(config)
        watched = Watched(connection, lab.namespace)
        task = asyncio.create_task(watched.watching.run())
        await until(watched.listings.complete.is_set)
        bystander = asyncio.create_task(asyncio.sleep(3600))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not bystander.done()
        bystander.cancel()
        await connection.close()


async def test_a_watch_that_cannot_be_makes_it_begin_again_and_leaves_nothing_behind(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Stands for a CustomResourceDefinition that is deleted: the API server refuses the listing.
    settings, broken = handlers.Watching._settings, iter(["nonsense"])  # noqa: SLF001

    def first_broken(self: handlers.Watching) -> Any:
        made = settings(self)
        if selector := next(broken, None):
            made.watching.field_selectors["apps", "deployments"] = selector
        return made

    monkeypatch.setattr(handlers.Watching, "_settings", first_broken)
    async with Watched.running(lab.namespace) as watched:
        assert watched.spawned == 2
        watchers = [t for t in asyncio.all_tasks() if t.get_name().startswith("watcher for")]
        assert len(watchers) == len(lab.versions)
        await lab.create(service(lab.namespace))
        await until(lambda: watched.cache.get(lab.ref("Service")))


async def test_a_kind_that_goes_before_it_was_listed_is_not_waited_for_for_ever(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lies = iter([{**lab.versions, KINDS["PeerAuthentication"]: "v0"}])

    async def lie_once(*arguments: Any) -> dict[Any, str]:
        if lie := next(lies, None):
            return lie
        monkeypatch.setattr(handlers, "LISTED_WITHIN", patience)  # what is true may take its time
        return await discover(*arguments)

    patience = handlers.LISTED_WITHIN
    monkeypatch.setattr(handlers, "discover", lie_once)
    monkeypatch.setattr(handlers, "LISTED_WITHIN", 1)
    monkeypatch.setattr(handlers, "LOOK_EVERY", 0.2)
    async with Watched.running(lab.namespace) as watched:
        assert watched.spawned == 2


def refused(caplog: pytest.LogCaptureFixture, path: str) -> int:
    """Return how often kopf has tried in vain to watch, as it says."""
    said = [record.getMessage() for record in caplog.records]
    return sum("Request attempt" in line and "failed" in line and path in line for line in said)


async def test_watching_costs_no_request_at_rest(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[None] = []

    class Counting(Backoff):
        """What is reset at each look for kinds that are missing."""

        def reset(self) -> None:
            looks.append(None)
            super().reset()

    monkeypatch.setattr(handlers, "Backoff", Counting)
    monkeypatch.setattr(handlers, "LOOK_EVERY", 0.2)
    telemetry = Telemetry()
    async with Watched.running(lab.namespace, telemetry=telemetry) as watched:
        kinds = len(watched.watching.versions)
        await until(lambda: sum('verb="watch"' in line for line in requests(telemetry)) == kinds)
        before, looked = requests(telemetry), len(looks)
        await until(lambda: len(looks) >= looked + 10)
        assert watched.watching.missing == ()
        assert requests(telemetry) == before


def requests(telemetry: Telemetry) -> list[str]:
    lines = generate_latest(telemetry.registry).decode().splitlines()
    return [line for line in lines if line.startswith("linnet_api_requests_total")]
