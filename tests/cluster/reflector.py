"""A list kept in step with the API server: list, watch, and list again when the watch is lost."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal

import aiohttp
from kubernetes.aio.client import ApiClient, ApiException

log = logging.getLogger(__name__)

Change = Literal["ADDED", "MODIFIED", "DELETED"]
Object = Mapping[str, Any]

_ERRORS = (ApiException, aiohttp.ClientError, OSError, TimeoutError)
_LONGEST_PAUSE = 1.0


class Reflector:
    """Tells `changed` of every object at `path` (e.g. /api/v1/pods), and of every change to one.

    While the API server is away nothing is told: what was known stays. A resource that is not
    served (404) is an empty list until it is. Objects that went away unseen are told as DELETED.
    """

    def __init__(
        self, api: ApiClient, path: str, changed: Callable[[Change, Object], None]
    ) -> None:
        self.synced = asyncio.Event()
        self._api = api
        self._path = path
        self._changed = changed
        self._known: dict[str, Object] = {}

    async def run(self) -> None:
        """Runs until cancelled."""
        pause = 0.0
        while True:
            try:
                version = await self._list()
                if pause:
                    log.info("%s: watched again", self._path)
                pause = 0.0
                while True:
                    version = await self._watch(version)
            except _ERRORS as error:
                if _status(error) == 404:
                    self._replace([])
                elif _status(error) != 410 and not pause:
                    log.warning("%s: not watched for now: %r", self._path, error)
                pause = min(_LONGEST_PAUSE, 2 * pause + 0.05)
            await asyncio.sleep(pause)

    async def _list(self) -> str:
        response = await self._get({}, seconds=30)
        async with response:
            await _raise_for_status(response)
            body = await response.json()
        self._replace(body["items"])
        return str(body["metadata"]["resourceVersion"])

    def _replace(self, objects: list[Object]) -> None:
        listed = {obj["metadata"]["uid"]: obj for obj in objects}
        for uid, obj in list(self._known.items()):
            if uid not in listed:
                self._tell("DELETED", obj)
        for obj in listed.values():
            self._tell("ADDED", obj)
        self.synced.set()

    async def _watch(self, version: str) -> str:
        """One watch request; the version to go on from when the server ends it."""
        query = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
        response = await self._get(query, seconds=None)
        async with response:
            await _raise_for_status(response)
            rest = b""
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    version = self._event(json.loads(line))
        return version

    def _event(self, event: Mapping[str, Any]) -> str:
        obj = event["object"]
        if event["type"] == "ERROR":
            raise ApiException(status=obj.get("code"), reason=obj.get("message"))
        if event["type"] != "BOOKMARK":
            self._tell(event["type"], obj)
        return str(obj["metadata"]["resourceVersion"])

    def _tell(self, change: Change, obj: Object) -> None:
        uid = obj["metadata"]["uid"]
        if change == "DELETED":
            self._known.pop(uid, None)
        else:
            self._known[uid] = obj
        self._changed(change, obj)

    async def _get(self, query: Mapping[str, str], seconds: float | None) -> aiohttp.ClientResponse:
        method, url, headers, *_ = await self._api.param_serialize(
            "GET",
            self._path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        limit = aiohttp.ClientTimeout(total=seconds, connect=5)
        answer = await self._api.call_api(method, url, headers, _request_timeout=limit)
        response: aiohttp.ClientResponse = answer.response
        return response


async def _raise_for_status(response: aiohttp.ClientResponse) -> None:
    if response.status != 200:
        raise ApiException(status=response.status, reason=(await response.text())[:200])


def _status(error: Exception) -> int | None:
    return error.status if isinstance(error, ApiException) else None
