"""Telling whether a live object is what it should be, and what to write where it is not."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from linnet.api.names import APPLIED_ANNOTATION
from linnet.api.objects import ref_of
from linnet.engine.decision import Create, Object, Replace
from linnet.routing.takeover import is_taken_over, port_key

LIST_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "claims": ("name",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "ports": ("containerPort", "protocol"),
    "resourceClaims": ("name",),
    "schedulingGates": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
"""The lists of a workload and its metadata whose items have a key, as Kubernetes' schema has it
(`x-kubernetes-list-map-keys`): others may have added items, in any place. Other lists are whole."""


def change(desired: Object, live: Object | None) -> Create | Replace | None:
    """Return the action that makes the live object what it should be; None where it is that."""
    desired = with_applied_hash(desired)
    if live is None:
        return Create(ref_of(desired), desired)
    if needs_apply(desired, live):
        return Replace(ref_of(desired), put_into(desired, live))
    return None


def with_applied_hash(desired: Object) -> dict[str, Any]:
    """Return `desired` with a hash of itself, by which a field that is gone from it is noticed.

    The size of a workload is no part of the hash: an autoscaler may change it.
    """
    spec = {key: value for key, value in desired["spec"].items() if key != "replicas"}
    text = json.dumps([desired["metadata"], spec], sort_keys=True)
    annotations = {
        **(desired["metadata"].get("annotations") or {}),
        APPLIED_ANNOTATION: hashlib.sha256(text.encode()).hexdigest()[:16],
    }
    return {**desired, "metadata": {**desired["metadata"], "annotations": annotations}}


def needs_apply(desired: Object, live: Object) -> bool:
    """Tell whether the live object differs from `desired` (which has its hash).

    The API server fills in defaults, others add metadata: there, a live object may hold more. A
    route or a policy may not, for that has no defaults: what is not ours was put in by somebody.
    """
    if not _within(desired["metadata"], live["metadata"]):
        return True
    return not _SAME.get(desired["kind"], _same_routes)(desired, live)


def put_into(desired: Object, live: Object) -> dict[str, Any]:
    """Return the live object with everything that `desired` says, and no more changed than that.

    It carries the live resourceVersion, and what others have in its metadata.
    """
    metadata = dict(live["metadata"])
    for field in ("labels", "annotations"):
        added = desired["metadata"].get(field)
        if added:
            metadata[field] = {**(metadata.get(field) or {}), **added}
    owners = desired["metadata"].get("ownerReferences") or []
    uids = {owner["uid"] for owner in owners}
    if owners:
        others = [o for o in metadata.get("ownerReferences") or () if o["uid"] not in uids]
        metadata["ownerReferences"] = [*others, *owners]
    spec = _SPEC.get(desired["kind"], _routes)(desired, live)
    return {**live, "metadata": metadata, "spec": spec}


def _same_routes(desired: Object, live: Object) -> bool:
    return bool(_routes(desired, live) == live["spec"])


def _routes(desired: Object, live: Object) -> dict[str, Any]:
    kept = live["spec"] if is_taken_over(desired) else {}
    return {**kept, **desired["spec"]}


def _same_service(desired: Object, live: Object) -> bool:
    return bool(_service(desired, live) == live["spec"])


def _service(desired: Object, live: Object) -> dict[str, Any]:
    """Return a Service's spec: selector and ports are ours, types and addresses are not."""
    before = {port_key(port): port for port in live["spec"].get("ports") or ()}
    ours = {port_key(port): port for port in desired["spec"]["ports"]}
    keys = list(dict.fromkeys([*before, *ours])) if is_taken_over(desired) else list(ours)
    ports = [{**before.get(key, {}), **ours.get(key, {})} for key in keys]
    return {**live["spec"], "selector": desired["spec"]["selector"], "ports": ports}


def _same_workload(desired: Object, live: Object) -> bool:
    return _within(desired["spec"], live["spec"])


def _workload(desired: Object, live: Object) -> dict[str, Any]:
    paused = {"paused": True} if live["spec"].get("paused") else {}
    return {**paused, **desired["spec"]}


_SAME = {"Service": _same_service, "Deployment": _same_workload}
_SPEC = {"Service": _service, "Deployment": _workload}


def _within(desired: Any, live: Any, keys: tuple[str, ...] = ()) -> bool:
    if desired == live:
        return True
    if isinstance(desired, Mapping):
        return isinstance(live, Mapping) and all(
            value is None or (key in live and _within(value, live[key], LIST_KEYS.get(key, ())))
            for key, value in desired.items()
        )
    if isinstance(desired, list) and isinstance(live, list):
        wanted, found = _keyed(desired, keys), _keyed(live, keys)
        if wanted is not None and found is not None:
            return all(key in found and _within(item, found[key]) for key, item in wanted.items())
        return len(desired) == len(live) and all(map(_within, desired, live))
    return False


def _keyed(items: Iterable[Any], keys: tuple[str, ...]) -> dict[tuple[Any, ...], Any] | None:
    """Return the items by their keys; None where keys are none, or two items have the same."""
    items = list(items)
    keyed = {tuple(item.get(key) for key in keys): item for item in items} if keys else {}
    return keyed if len(keyed) == len(items) else None
