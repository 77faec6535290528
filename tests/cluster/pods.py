"""Which pod has an address, and whether it answers there: a table kept from pod events.

Pure: events and the time go in, answers come out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from cluster.behaviour import (
    BEHAVIOUR_ANNOTATION,
    Behaviour,
    image_tag,
    parse_annotation,
    parse_tag,
)

UNKNOWN = "unknown"
CLUSTER_ID = "Kubernetes"
DEFAULT_GRACE = 3.0
"""Seconds that a pod goes on serving after its deletion began."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Who a proxy or pod is in Istio's metrics.

    A label that is missing counts as "unknown", a missing revision as "latest", as Istio has it
    (pkg/kube/labels: canonical service).
    """

    name: str = UNKNOWN
    namespace: str = UNKNOWN
    app: str = UNKNOWN
    version: str = UNKNOWN
    canonical_service: str = UNKNOWN
    canonical_revision: str = "latest"
    cluster: str = UNKNOWN


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod as its last event showed it. `ready_at` is when this table saw it become ready."""

    uid: str
    namespace: str
    name: str
    ip: str
    labels: Mapping[str, str]
    workload: Workload
    version: str
    behaviour: Behaviour
    ready: bool
    terminating: bool
    finished: bool
    ready_at: float = 0.0


class Answer(Enum):
    """What a caller of an address gets."""

    SERVE = auto()
    UNAVAILABLE = auto()  # something listens, but is not ready: 503
    CLOSE = auto()  # nothing listens: the connection is closed


@dataclass(slots=True)
class _Tenancy:
    pod: Pod
    leaving_at: float | None = None
    gone: bool = False


class PodTable:
    """Pods by address.

    A pod that is being deleted goes on serving for `grace` seconds from the moment that is seen, as
    an application with a graceful shutdown does, whether or not its object exists that long. When
    its address is given to another pod meanwhile, it serves there until the other one is ready.
    """

    def __init__(self, grace: float = DEFAULT_GRACE) -> None:
        self.grace = grace
        self._by_uid: dict[str, _Tenancy] = {}
        self._by_ip: dict[str, list[_Tenancy]] = {}

    def put(self, obj: Mapping[str, Any], now: float) -> None:
        """A pod was added or changed.

        ValueError when its behaviour cannot be understood; it is then taken to crash.
        """
        try:
            pod = pod_of(obj, behaviour_of(obj))
        except ValueError:
            self._put(pod_of(obj, Behaviour(crash=True)), now)
            raise
        self._put(pod, now)

    def remove(self, obj: Mapping[str, Any], now: float) -> None:
        """A pod was deleted."""
        if tenancy := self._by_uid.get(obj["metadata"]["uid"]):
            tenancy.gone = True
            if tenancy.leaving_at is None:
                tenancy.leaving_at = now
        self._forget(now)

    def at(self, ip: str, now: float) -> tuple[Answer, Pod | None]:
        """What a request to `ip` gets, and from which pod."""
        tenancies = self._by_ip.get(ip, ())
        staying = [t.pod for t in tenancies if t.leaving_at is None and not t.pod.behaviour.crash]
        for pod in staying:
            if pod.ready:
                return Answer.SERVE, pod
        for tenancy in tenancies:
            if tenancy.pod.ready and not self._has_left(tenancy, now):
                return Answer.SERVE, tenancy.pod
        return (Answer.UNAVAILABLE, staying[0]) if staying else (Answer.CLOSE, None)

    def _put(self, pod: Pod, now: float) -> None:
        tenancy = self._by_uid.get(pod.uid)
        if tenancy is None:
            if not pod.ip:
                return
            tenancy = self._by_uid[pod.uid] = _Tenancy(pod)
            self._by_ip.setdefault(pod.ip, []).append(tenancy)
        if tenancy.leaving_at is not None:
            # What the status of a pod says on its way out changes nothing.
            return
        if pod.finished:
            tenancy.leaving_at = float("-inf")
        elif pod.terminating:
            tenancy.leaving_at = now
        else:
            before = tenancy.pod
            since = before.ready_at if before.ready and before is not pod else now
            tenancy.pod = replace(pod, ready_at=since)

    def _has_left(self, tenancy: _Tenancy, now: float) -> bool:
        return tenancy.leaving_at is None or now - tenancy.leaving_at >= self.grace

    def _forget(self, now: float) -> None:
        for uid, tenancy in list(self._by_uid.items()):
            if tenancy.gone and self._has_left(tenancy, now):
                del self._by_uid[uid]
                neighbours = self._by_ip[tenancy.pod.ip]
                neighbours.remove(tenancy)
                if not neighbours:
                    del self._by_ip[tenancy.pod.ip]


def behaviour_of(obj: Mapping[str, Any]) -> Behaviour:
    """What a pod object asks for: by its annotation, else by the tag of its first image."""
    words = (obj["metadata"].get("annotations") or {}).get(BEHAVIOUR_ANNOTATION)
    return parse_tag(_tag(obj)) if words is None else parse_annotation(words)


def pod_of(obj: Mapping[str, Any], behaviour: Behaviour) -> Pod:
    """A pod object as this table keeps it; `ready_at` is yet unknown."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    conditions = status.get("conditions") or ()
    return Pod(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        ip=status.get("podIP", ""),
        labels=metadata.get("labels") or {},
        workload=workload_of(metadata),
        version=_tag(obj),
        behaviour=behaviour,
        ready=any(c["type"] == "Ready" and c["status"] == "True" for c in conditions),
        terminating="deletionTimestamp" in metadata,
        finished=status.get("phase") in ("Succeeded", "Failed"),
    )


def workload_of(metadata: Mapping[str, Any]) -> Workload:
    """Whom Istio's metrics name for a pod with this metadata."""
    labels = metadata.get("labels") or {}
    name = _workload_name(metadata, labels)
    return Workload(
        name=name,
        namespace=metadata["namespace"],
        app=labels.get("app", UNKNOWN),
        version=labels.get("version", UNKNOWN),
        canonical_service=_first(
            labels, ("service.istio.io/canonical-name", "app.kubernetes.io/name", "app"), name
        ),
        canonical_revision=_first(
            labels,
            ("service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"),
            "latest",
        ),
        cluster=CLUSTER_ID,
    )


def _workload_name(metadata: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    owners = metadata.get("ownerReferences") or ()
    owner = next((o for o in owners if o.get("controller")), None)
    if owner is None:
        return str(metadata["name"])
    name = str(owner["name"])
    template_hash = labels.get("pod-template-hash")
    if owner["kind"] == "ReplicaSet" and template_hash:
        return name.removesuffix(f"-{template_hash}")
    return name


def _first(labels: Mapping[str, str], keys: tuple[str, ...], default: str) -> str:
    return next((labels[key] for key in keys if labels.get(key)), default)


def _tag(obj: Mapping[str, Any]) -> str:
    return image_tag(obj["spec"]["containers"][0]["image"])
