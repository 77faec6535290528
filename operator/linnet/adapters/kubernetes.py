"""The cluster, as one Canary's reconcile sees it: reads from the cache, writes to the API server.

Every write is fenced: it names the version of the object that it was decided on, and the API
server refuses it when there is a newer one. What a write returns goes into the cache at once, so a
reconcile sees its own writes before the watch tells of them.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from linnet.adapters.cache import Cache
from linnet.adapters.connection import TIMEOUT, Connection, NotFoundError
from linnet.adapters.events import EventPoster
from linnet.adapters.index import related
from linnet.adapters.kinds import KINDS, SERVICE, Kind
from linnet.adapters.managed_fields import handed_back
from linnet.api.canary import Canary, Metadata
from linnet.api.names import FIELD_MANAGER
from linnet.api.objects import ObjectRef
from linnet.api.status import CanaryStatus
from linnet.engine.decision import (
    Action,
    Create,
    Delete,
    Event,
    Object,
    Patch,
    RemoveAnnotation,
    Replace,
    Scale,
    SetFinalizers,
)
from linnet.engine.observation import Observation
from linnet.errors import ConflictError, SpecError, UnavailableError
from linnet.ports import Observed

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRICT = {"fieldValidation": "Strict"}
"""An unknown field in what a Canary passes on to Istio is refused, not dropped."""


class Kubernetes:
    """Implements ports.Cluster.

    `time_left` says for how many seconds writing is still allowed (see Lease): no request is sent
    when there are none, and none may take longer. `term` counts how often this instance has begun
    to lead. `versions` are the API versions that the cluster serves. `unguarded` says why nothing
    keeps others from resetting adopted weights (see WeightsGuard).
    """

    def __init__(
        self,
        connection: Connection,
        cache: Cache,
        events: EventPoster,
        versions: Mapping[Kind, str],
        time_left: Callable[[], float],
        unguarded: Callable[[ObjectRef], str] = lambda _: "",
        term: Callable[[], int] = lambda: 1,
    ) -> None:
        self._connection = connection
        self._cache = cache
        self._events = events
        self._versions = versions
        self._time_left = time_left
        self._unguarded = unguarded
        self._term = term
        self._known_in: dict[ObjectRef, int] = {}
        self._own: dict[ObjectRef, dict[tuple[ObjectRef, str], str]] = {}

    def observe(self, ref: ObjectRef) -> Observed | None:
        """Return the Canary and what is around it."""
        obj = self._cache.get(ref)
        # A new pass begins: from here on, only what it writes itself may be built upon.
        self._own.pop(ref, None)
        if obj is None:
            self._known_in.pop(ref, None)
            return None
        try:
            canary = Canary.from_object(obj)
        except SpecError as problem:
            return Observed(_husk(obj), Observation(), problem)
        refs = (*related(canary), *self._cache.claimed(ref))
        objects = {r: live for r in refs if (live := self._cache.get(r)) is not None}
        services = (canary.service_name, canary.service_primary, canary.service_canary)
        observation = Observation(
            objects=objects,
            endpoints={
                name: self._cache.endpoints(ObjectRef(SERVICE.name, canary.namespace, name))
                for name in services
            },
            neighbours=tuple(self._cache.neighbours(canary)),
            adopters=self._cache.adopters(canary),
            unguarded=self._unguarded(ref) if canary.adopts else "",
        )
        return Observed(canary, observation)

    async def write_status(self, canary: Canary, status: CanaryStatus) -> None:
        """Replace the status of the version of the Canary that was observed."""
        obj = self._cache.get(canary.ref)
        if obj is None or obj["metadata"]["resourceVersion"] != canary.resource_version:
            raise ConflictError(f"{canary.ref} has changed since it was looked at")
        # A replacement, not a patch: fields that are absent from now on must go.
        obj["status"] = status.to_object()
        term = self._term()
        await self._write(canary, "PUT", canary.ref, subresource="status", body=obj)
        self._known_in[canary.ref] = term

    async def carry_out(self, canary: Canary, action: Action) -> None:
        """Carry out one action."""
        await self._know_the_last_status(canary)
        match action:
            case Create():
                await self._create(canary, action)
            case Scale():
                await self._scale(canary, action)
            case Replace():
                metadata = dict(action.object["metadata"])
                version = self._fence(canary, action.ref, metadata["resourceVersion"])
                body = {**action.object, "metadata": metadata | {"resourceVersion": version}}
                await self._write(canary, "PUT", action.ref, body=body, query=STRICT)
            case Patch():
                await self._patch(canary, action)
            case Delete():
                await self._delete(canary, action)
            case SetFinalizers():
                await self._patch_metadata(canary, action, finalizers=list(action.finalizers))
            case RemoveAnnotation():
                await self._patch_metadata(canary, action, annotations={action.key: None})

    async def post(self, canary: Canary, event: Event) -> None:
        """Queue an Event; it is posted as soon as the API server takes it."""
        self._events.post(canary, event)

    async def _know_the_last_status(self, canary: Canary) -> None:
        """Raise ConflictError where what is to be carried out follows from an outdated status.

        The leader before may have written a newer one, which a watch that is behind has not told
        yet; while that of the routes has, and these would be put back. Asked once for each time
        that this instance leads: from then on it knows what it has written itself.
        """
        term = self._term()
        if self._known_in.get(canary.ref) == term:
            return
        await self._read(canary.ref)
        if self._cache.version(canary.ref) != canary.resource_version:
            raise ConflictError(f"{canary.ref} has changed since it was looked at")
        self._known_in[canary.ref] = term

    async def _create(self, canary: Canary, action: Create) -> None:
        kind = KINDS[action.ref.kind]
        obj = {**action.object, "apiVersion": kind.api_version(self._version(kind))}
        query = {"fieldManager": FIELD_MANAGER, **STRICT}
        try:
            answer = await self._send(canary, "POST", action.ref, body=obj, query=query)
        except NotFoundError as error:
            raise SpecError("Refused", str(error)) from error
        self._cache.put(answer)

    async def _scale(self, canary: Canary, action: Scale) -> None:
        scale = {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {
                "name": action.ref.name,
                "namespace": action.ref.namespace,
                "resourceVersion": self._fence(canary, action.ref, action.resource_version),
            },
            "spec": {"replicas": action.replicas},
        }
        before = self._cache.version(action.ref)
        await self._send(canary, "PUT", action.ref, "scale", body=scale)
        # The answer is a Scale; what changed is the Deployment.
        await self._read(action.ref)
        self._remember(canary, action.ref, before)

    async def _patch(self, canary: Canary, action: Patch) -> None:
        """Patch an object of others, and leave its fields to the managers that they had."""
        version = self._fence(canary, action.ref, action.resource_version)
        try:
            before = await self._send(canary, "GET", action.ref)
        except NotFoundError as error:
            self._cache.remove(action.ref)
            raise ConflictError(f"{action.ref} is gone") from error
        self._cache.put(before)
        if before["metadata"]["resourceVersion"] != version:
            raise ConflictError(f"{action.ref} has changed since it was looked at")
        after = await self._patch_json(canary, action.ref, version, action.operations)
        managers = handed_back(before, after)
        if managers is not None:
            operation = {"op": "replace", "path": "/metadata/managedFields", "value": managers}
            # Where somebody else has written meanwhile, they have managers of their own.
            with suppress(ConflictError):
                version = after["metadata"]["resourceVersion"]
                await self._patch_json(canary, action.ref, version, [operation])

    async def _patch_json(
        self, canary: Canary, ref: ObjectRef, version: str, operations: Iterable[Object]
    ) -> dict[str, Any]:
        fence = {"op": "replace", "path": "/metadata/resourceVersion", "value": version}
        body = [fence, *operations]
        return await self._write(canary, "PATCH", ref, body=body, content_type=JSON_PATCH)

    async def _delete(self, canary: Canary, action: Delete) -> None:
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": action.uid},
            "propagationPolicy": "Background",
        }
        try:
            answer = await self._send(canary, "DELETE", action.ref, body=options)
        except NotFoundError:
            answer = {}
        if (answer.get("metadata") or {}).get("finalizers"):
            self._cache.put(answer)  # marked for deletion, and somebody else is to agree
        else:
            self._cache.remove(action.ref)

    async def _patch_metadata(
        self, canary: Canary, action: SetFinalizers | RemoveAnnotation, **fields: Any
    ) -> None:
        version = self._fence(canary, action.ref, action.resource_version)
        patch = {"metadata": {"resourceVersion": version, **fields}}
        await self._write(canary, "PATCH", action.ref, body=patch, content_type=MERGE_PATCH)

    async def _write(
        self, canary: Canary, method: str, ref: ObjectRef, **request: Any
    ) -> dict[str, Any]:
        before = self._cache.version(ref)
        query = {"fieldManager": FIELD_MANAGER} | request.pop("query", {})
        try:
            answer = await self._send(canary, method, ref, query=query, **request)
        except NotFoundError as error:
            if await self._read(ref):
                raise SpecError("Refused", str(error)) from error
            raise ConflictError(f"{ref} is gone") from error
        self._cache.put(answer)
        self._remember(canary, ref, before)
        return answer

    async def _send(
        self, canary: Canary, method: str, ref: ObjectRef, subresource: str = "", **request: Any
    ) -> dict[str, Any]:
        limit = min(TIMEOUT, self._time_left())
        if limit <= 0:
            raise UnavailableError(f"{ref}: not written, this instance does not lead any more")
        path = self._path(ref._replace(name="") if method == "POST" else ref, subresource)
        try:
            return await self._connection.request(method, path, ref, time_limit=limit, **request)
        except ConflictError:
            # The watch may be behind: without a look the same would be tried again.
            await self._read(ref)
            raise

    async def _read(self, ref: ObjectRef) -> bool:
        """Bring the cache up to date on one object; tell whether it exists."""
        try:
            self._cache.put(await self._connection.request("GET", self._path(ref), ref))
        except NotFoundError:
            self._cache.remove(ref)
            return False
        return True

    def _fence(self, canary: Canary, ref: ObjectRef, version: str) -> str:
        """Return the version to insist on: the one decided on, or our own write that followed."""
        own = self._own.get(canary.ref, {})
        while (ref, version) in own:
            version = own[ref, version]
        return version

    def _remember(self, canary: Canary, ref: ObjectRef, before: str | None) -> None:
        after = self._cache.version(ref)
        if before is not None and after is not None and before != after:
            self._own.setdefault(canary.ref, {})[ref, before] = after

    def _path(self, ref: ObjectRef, subresource: str = "") -> str:
        kind = KINDS[ref.kind]
        return kind.path(self._version(kind), ref.namespace, ref.name, subresource)

    def _version(self, kind: Kind) -> str:
        try:
            return self._versions[kind]
        except KeyError:
            raise SpecError(
                "NotInstalled",
                f"the cluster does not serve {kind.resource}: install Istio's "
                "CustomResourceDefinitions; linnet goes on by itself",
            ) from None


def _husk(obj: Mapping[str, Any]) -> Canary:
    """Return a Canary with metadata and status only, for one whose spec does not parse."""
    return Canary.model_construct(  # type: ignore[call-arg]  # the very point: it has no spec
        metadata=Metadata.model_validate(obj["metadata"], by_alias=True, by_name=False),
        status=CanaryStatus.from_object(obj.get("status") or {}),
    )
