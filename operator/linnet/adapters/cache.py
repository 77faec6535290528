"""What the watches have told, kept small: the state of the cluster that decisions are based on.

Objects are kept as JSON text without their managedFields, about a tenth of what they take as
Python objects, and parsed when they are looked at. Every object has one writer of truth, the API
server: whatever comes with an older resourceVersion than what is here is ignored, so watch events,
listings and the answers to own writes may come in any order.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from linnet.adapters.index import HostIndex, Multimap, related
from linnet.adapters.kinds import (
    CANARY,
    DEPLOYMENT,
    DESTINATION_RULE,
    ENDPOINT_SLICE,
    PEER_AUTHENTICATION,
    SERVICE,
    VIRTUAL_SERVICE,
    Kind,
)
from linnet.adapters.telemetry import CanarySummary
from linnet.api.canary import Canary
from linnet.api.names import REQUEST_ANNOTATION
from linnet.api.objects import ObjectRef
from linnet.errors import SpecError
from linnet.routing.adoption import adopted_refs
from linnet.routing.claims import canary_key, claims_in
from linnet.routing.conflicts import ROOT_NAMESPACE, canary_hosts, hosts_of
from linnet.routing.delegates import delegate_ref, delegates_of

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
BURIED = 1024
"""How many deleted objects are remembered, against older news of them that is still under way."""

Object = Mapping[str, Any]


class _Slice(NamedTuple):
    version: int
    service: ObjectRef
    address_type: str
    ready: int


class _Entry(NamedTuple):
    version: int
    text: bytes
    hosts: tuple[str, ...] = ()
    names: tuple[ObjectRef, ...] = ()
    """VirtualServices that this one delegates to, and Canaries that claim weights in it."""


class _Canary(NamedTuple):
    """What is known of a Canary besides its text."""

    related: tuple[ObjectRef, ...]
    hosts: tuple[str, ...]
    summary: CanarySummary


class Cache:
    """The objects that linnet watches. `wake` is called with each Canary that a change concerns."""

    def __init__(self, wake: Callable[[ObjectRef], None]) -> None:
        self._wake = wake
        self._entries: dict[ObjectRef, _Entry] = {}
        self._slices: dict[ObjectRef, _Slice] = {}
        self._canaries: dict[ObjectRef, _Canary] = {}
        self._buried: OrderedDict[ObjectRef, int] = OrderedDict()
        self._slices_of: Multimap[ObjectRef, ObjectRef] = Multimap()
        self._concerned: Multimap[ObjectRef, ObjectRef] = Multimap()
        self._in_namespace: Multimap[str, ObjectRef] = Multimap()
        self._policies_in: Multimap[str, ObjectRef] = Multimap()
        self._naming: Multimap[ObjectRef, ObjectRef] = Multimap()
        self._routes = HostIndex()
        self._canary_hosts = HostIndex()

    # Reading

    def get(self, ref: ObjectRef) -> dict[str, Any] | None:
        """Return an object, parsed anew, or None."""
        entry = self._entries.get(ref)
        return None if entry is None else dict(json.loads(entry.text))

    def version(self, ref: ObjectRef) -> str | None:
        """Return the resourceVersion of an object."""
        entry = self._entries.get(ref)
        return None if entry is None else str(entry.version)

    def endpoints(self, service: ObjectRef) -> int:
        """Count a Service's ready endpoints; those with both an IPv4 and an IPv6 address once."""
        ready: dict[str, int] = {}
        for ref in self._slices_of[service]:
            known = self._slices[ref]
            ready[known.address_type] = ready.get(known.address_type, 0) + known.ready
        return max(ready.values(), default=0)

    def neighbours(self, canary: Canary) -> list[dict[str, Any]]:
        """Return others' objects that may conflict with the Canary's, in a stable order.

        Canaries that name one of its workloads are among them.
        Each has a spec, if only an empty one.
        """
        own = set(related(canary))
        refs = self._routes.covering(canary_hosts(canary)) - own
        refs |= self._sharing(related(canary)) - {canary.ref}
        if canary.delegates:
            refs |= self._naming[delegate_ref(canary)]
        refs |= self._policies_in[canary.namespace] | self._policies_in[ROOT_NAMESPACE]
        found = (self.get(ref) for ref in sorted(refs))
        return [{"spec": {}} | obj for obj in found if obj is not None]

    def claimed(self, canary: ObjectRef) -> frozenset[ObjectRef]:
        """Return the VirtualServices of others that have weights of this Canary's."""
        return self._naming[canary]

    def adopters(self, canary: Canary) -> frozenset[str]:
        """Return the other Canaries that write weights into VirtualServices of this one's."""
        refs = {*adopted_refs(canary), *self.claimed(canary.ref)}
        found = {other for ref in refs for other in self._concerned[ref]} - {canary.ref}
        return frozenset(map(canary_key, found))

    def phase(self, canary: ObjectRef) -> str | None:
        """Return the phase of a Canary, empty before its first status; None if there is no such."""
        known = self._canaries.get(canary)
        return None if known is None else known.summary.phase

    def canaries(self) -> Iterator[CanarySummary]:
        """Return all Canaries, each in a line."""
        return (known.summary for known in self._canaries.values())

    def refs(self, kind: Kind, namespace: str = "") -> list[ObjectRef]:
        """Return the objects of a kind, in one namespace or (by default) in all."""
        store: Collection[ObjectRef] = (
            self._slices.keys() if kind is ENDPOINT_SLICE else self._entries.keys()
        )
        return [r for r in store if r.kind == kind.name and namespace in ("", r.namespace)]

    def count(self) -> int:
        """Return how many objects are kept."""
        return len(self._entries) + len(self._slices)

    # Writing

    def put(self, obj: Object) -> None:
        """Keep an object as the API server returned it, unless newer news of it is known."""
        meta = obj["metadata"]
        ref = ObjectRef(obj["kind"], meta.get("namespace", ""), meta["name"])
        version = int(meta["resourceVersion"])
        if version <= self._known_version(ref):
            return
        self._buried.pop(ref, None)
        if ref.kind == ENDPOINT_SLICE.name:
            self._keep_slice(ref, _read_slice(ref, version, obj))
        else:
            self._keep(ref, version, obj)

    def remove(self, ref: ObjectRef, version: int | None = None) -> None:
        """Forget an object that was deleted at `version` (None: it is gone as of now).

        Does nothing where a newer version is known.
        """
        known = self._known_version(ref)
        version = known if version is None else version
        if version < known:
            return
        self._buried[ref] = version
        self._buried.move_to_end(ref)
        if len(self._buried) > BURIED:
            self._buried.popitem(last=False)
        if ref.kind == ENDPOINT_SLICE.name:
            self._keep_slice(ref, None)
        else:
            self._keep(ref, version, None)

    def keep_only(
        self, kind: Kind, namespace: str, listed: Collection[ObjectRef], version: int
    ) -> None:
        """Forget what a complete listing, made at `version`, did not contain."""
        for ref in self.refs(kind, namespace):
            if ref not in listed:
                self.remove(ref, version)

    def forget(self, kind: Kind) -> None:
        """Forget all objects of a kind that is not served any more."""
        for ref in self.refs(kind):
            self.remove(ref)

    # Keeping track

    def _known_version(self, ref: ObjectRef) -> int:
        known = self._entries.get(ref) or self._slices.get(ref)
        return known.version if known else self._buried.get(ref, -1)

    def _keep(self, ref: ObjectRef, version: int, obj: Object | None) -> None:
        before = self._entries.pop(ref, None)
        hosts: tuple[str, ...] = ()
        names: tuple[ObjectRef, ...] = ()
        if obj is not None:
            if ref.kind in {VIRTUAL_SERVICE.name, DESTINATION_RULE.name} and obj.get("spec"):
                hosts = tuple(hosts_of(obj))
            if ref.kind == VIRTUAL_SERVICE.name:
                names = tuple(_named_in(obj))
            self._entries[ref] = _Entry(version, _text(obj), hosts, names)
        self._keep_names(ref, before.names if before is not None else (), names)
        if ref.kind == CANARY.name:
            self._keep_canary(ref, obj)
            self._wake(ref)
        elif hosts or (before is not None and before.hosts):
            old = before.hosts if before is not None else ()
            self._routes.move(ref, old, hosts)
            self._wake_all({*self._canary_hosts.covering({*old, *hosts}), *self._concerned[ref]})
        elif ref.kind == PEER_AUTHENTICATION.name:
            self._policies_in.move(ref, [ref.namespace], [ref.namespace] if obj else [])
            everywhere = ref.namespace == ROOT_NAMESPACE
            self._wake_all(self._canaries if everywhere else self._in_namespace[ref.namespace])
        else:
            self._wake_all(self._concerned[ref])

    def _keep_names(
        self, ref: ObjectRef, old: tuple[ObjectRef, ...], new: tuple[ObjectRef, ...]
    ) -> None:
        if not old and not new:
            return
        self._naming.move(ref, old, new)
        for named in {*old, *new}:
            if named.kind == VIRTUAL_SERVICE.name:
                self._wake_all(self._concerned[named])
            elif named in self._canaries:
                self._wake(named)

    def _keep_slice(self, ref: ObjectRef, new: _Slice | None) -> None:
        old = self._slices.pop(ref, None)
        if new is not None:
            self._slices[ref] = new
        services = [{known.service} if known else set() for known in (old, new)]
        self._slices_of.move(ref, *services)
        for service in services[0] | services[1]:
            self._wake_all(self._concerned[service])

    def _keep_canary(self, ref: ObjectRef, obj: Object | None) -> None:
        old = self._canaries.pop(ref, None)
        new = _read_canary(ref, obj) if obj is not None else None
        if new is not None:
            self._canaries[ref] = new
        before, after = old.related if old else (), new.related if new else ()
        self._concerned.move(ref, before, after)
        if before != after:
            self._wake_all(self._sharing({*before, *after}) - {ref})
        self._canary_hosts.move(ref, old.hosts if old else (), new.hosts if new else ())
        self._in_namespace.move(ref, [ref.namespace], [ref.namespace] if new else [])
        if new is None and old is not None:  # what it claimed is free for others
            for related_ref in old.related:
                if related_ref.kind == VIRTUAL_SERVICE.name:
                    self._wake_all(self._concerned[related_ref])

    def _sharing(self, objects: Iterable[ObjectRef]) -> set[ObjectRef]:
        """Return the Canaries of the workloads among the objects."""
        workloads = (obj for obj in objects if obj.kind == DEPLOYMENT.name)
        return {canary for workload in workloads for canary in self._concerned[workload]}

    def _wake_all(self, canaries: Iterable[ObjectRef]) -> None:
        for ref in list(canaries):
            self._wake(ref)


def _read_canary(ref: ObjectRef, obj: Object) -> _Canary:
    status = obj.get("status") or {}
    summary = CanarySummary(ref, status.get("phase") or "", status.get("canaryWeight") or 0)
    try:
        canary = Canary.from_object(obj)
    except SpecError:
        return _Canary((), (), summary)
    return _Canary(related(canary), tuple(canary_hosts(canary)), summary)


def _named_in(virtual_service: Object) -> Iterator[ObjectRef]:
    yield from delegates_of(virtual_service)
    for claim in claims_in(virtual_service):
        yield ObjectRef(CANARY.name, *claim.canary.split("/"))


def _read_slice(ref: ObjectRef, version: int, obj: Object) -> _Slice:
    service = (obj["metadata"].get("labels") or {}).get(SERVICE_NAME_LABEL, "")
    # Absent means ready: that is for publishers that know no readiness.
    ready = sum(
        (endpoint.get("conditions") or {}).get("ready") is not False
        for endpoint in obj.get("endpoints") or ()
    )
    owner = ObjectRef(SERVICE.name, ref.namespace, service)
    return _Slice(version, owner, obj.get("addressType", ""), ready)


def _text(obj: Object) -> bytes:
    metadata = dict(obj["metadata"])
    # Who wrote what is large, and asked for only where there is a request to a Canary.
    if REQUEST_ANNOTATION not in (metadata.get("annotations") or {}):
        metadata.pop("managedFields", None)
    return json.dumps({**obj, "metadata": metadata}, separators=(",", ":")).encode()
