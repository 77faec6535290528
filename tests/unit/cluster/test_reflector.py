"""The reflector against an API server that is played by the test."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from aiohttp import web
from kubernetes.aio.client import ApiClient, Configuration

from cluster.reflector import Change, Object, Reflector
from unit.cluster.waiting import until

PATH = "/api/v1/pods"


def pod(name: str, version: int = 1) -> dict[str, Any]:
    return {"metadata": {"uid": name, "name": name, "resourceVersion": str(version)}}


class Api:
    """Lists `objects` at `version`; watches send what is put into `events`. None ends a watch."""

    reflector: Reflector
    running: asyncio.Task[None]

    def __init__(self) -> None:
        self.objects: list[dict[str, Any]] = []
        self.version = 1
        self.status = 200
        self.refused = 0
        self.events: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.watched_from: list[str] = []
        self.told: list[tuple[Change, str]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.status != 200:
            self.refused += 1
            return web.Response(status=self.status)
        if "watch" not in request.query:
            metadata = {"resourceVersion": str(self.version)}
            return web.json_response({"metadata": metadata, "items": self.objects})
        self.watched_from.append(request.query["resourceVersion"])
        response = web.StreamResponse()
        await response.prepare(request)
        while (event := await self.events.get()) is not None:
            await response.write(event)
        return response

    def start(self, *objects: dict[str, Any]) -> None:
        """Have the reflector begin when these are there."""
        self.objects = list(objects)
        self.running = asyncio.create_task(self.reflector.run())

    def send(self, change: str, obj: dict[str, Any]) -> None:
        self.events.put_nowait(json.dumps({"type": change, "object": obj}).encode() + b"\n")

    def changed(self, change: Change, obj: Object) -> None:
        self.told.append((change, obj["metadata"]["name"]))

    async def tells(self, *told: tuple[Change, str]) -> None:
        """Wait for exactly these, and forget them."""
        await until(lambda: len(self.told) >= len(told))
        assert self.told == list(told)
        self.told.clear()


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Api]:
    api = Api()
    application = web.Application()
    application.router.add_get(PATH, api.handle)
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with ApiClient(
        Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")
    ) as client:
        api.reflector = Reflector(client, PATH, api.changed)
        yield api
        api.running.cancel()
        await asyncio.gather(api.running, return_exceptions=True)
    await runner.cleanup()


async def test_what_is_listed_and_what_changes_is_told(api: Api) -> None:
    api.start(pod("a"))
    await api.tells(("ADDED", "a"))
    assert api.reflector.synced.is_set()
    api.send("ADDED", pod("b", 2))
    api.send("MODIFIED", pod("a", 3))
    api.send("DELETED", pod("a", 4))
    await api.tells(("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "a"))


async def test_events_may_arrive_in_pieces(api: Api) -> None:
    api.start()
    whole = json.dumps({"type": "ADDED", "object": pod("b")}).encode() + b"\n"
    api.send("ADDED", pod("a"))
    api.events.put_nowait(whole[:10])
    await api.tells(("ADDED", "a"))
    api.events.put_nowait(whole[10:])
    await api.tells(("ADDED", "b"))


async def test_a_watch_goes_on_where_the_last_one_ended(api: Api) -> None:
    api.start()
    api.send("ADDED", pod("a", 7))
    api.send("BOOKMARK", {"metadata": {"resourceVersion": "9"}})
    api.events.put_nowait(None)
    await until(lambda: len(api.watched_from) == 2)
    assert api.watched_from == ["1", "9"]
    await api.tells(("ADDED", "a"))


async def test_what_went_away_unseen_is_told_after_the_version_expired(api: Api) -> None:
    api.start(pod("a"), pod("b"))
    await api.tells(("ADDED", "a"), ("ADDED", "b"))
    api.objects, api.version = [pod("b", 5)], 5
    api.send("ERROR", {"code": 410, "message": "too old resource version"})
    await api.tells(("DELETED", "a"), ("ADDED", "b"))
    await until(lambda: api.watched_from == ["1", "5"])


async def test_nothing_is_told_while_the_server_is_away(api: Api) -> None:
    api.start(pod("a"))
    await api.tells(("ADDED", "a"))
    api.status = 503
    api.events.put_nowait(None)
    await until(lambda: api.refused >= 3)
    assert api.told == []
    api.status = 200
    await api.tells(("ADDED", "a"))


async def test_a_resource_that_is_not_served_is_an_empty_list(api: Api) -> None:
    api.start(pod("a"))
    await api.tells(("ADDED", "a"))
    api.status = 404
    api.events.put_nowait(None)
    await api.tells(("DELETED", "a"))
