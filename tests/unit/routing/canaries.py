"""A Canary and what lies around it, to be modified by the test that needs something special."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from linnet.api.canary import Canary
from linnet.api.names import ORIGINAL_ANNOTATION
from linnet.api.objects import ObjectRef, ref_of
from linnet.errors import SpecError
from linnet.ownership import owned_metadata
from linnet.routing.conflicts import conflicts

Object = Mapping[str, Any]

TARGET = {"app": "podinfo"}
PRIMARY = {"app": "podinfo-primary"}


def canary(uid: str = "uid-1", **service: Any) -> Canary:
    """Return a Canary of Deployment podinfo on port 80, with settings of `spec.service`."""
    return Canary.from_object(
        {
            "metadata": {"name": "podinfo", "namespace": "test", "uid": uid},
            "spec": {
                "targetRef": {"name": "podinfo"},
                "skipAnalysis": True,
                "service": {"port": 80, **service},
            },
        }
    )


def of_somebody(kind: str, name: str = "podinfo", namespace: str = "test", **spec: Any) -> Object:
    """Return an object that a user made."""
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def of_controller(kind: str, name: str, **spec: Any) -> Object:
    """Return an object that another controller made."""
    owner = {"kind": "Rollout", "name": "other", "uid": "uid-9", "controller": True}
    metadata = {"name": name, "namespace": "test", "ownerReferences": [owner]}
    return {"kind": kind, "metadata": metadata, "spec": spec}


def of_linnet(kind: str, name: str, **spec: Any) -> Object:
    """Return an object that linnet made for the Canary."""
    return {"kind": kind, "metadata": owned_metadata(canary(), name), "spec": spec}


def left_behind(kind: str, name: str, **spec: Any) -> Object:
    """Return an object that linnet made, of a Canary that was deleted with --cascade=orphan."""
    obj = of_linnet(kind, name, **spec)
    return {**obj, "metadata": {**obj["metadata"], "ownerReferences": []}}


def taken_over(kind: str, original: str, **spec: Any) -> Object:
    """Return an object that linnet took over, with what it was in JSON."""
    metadata = {
        "name": "podinfo",
        "namespace": "test",
        "annotations": {ORIGINAL_ANNOTATION: original},
    }
    return {"kind": kind, "metadata": metadata, "spec": spec}


def objects(*objs: Object) -> dict[ObjectRef, Object]:
    """Return objects by their references, as an observation has them."""
    return {ref_of(obj): obj for obj in objs}


def conflict(
    canary: Canary,
    objects: Mapping[ObjectRef, Object],
    neighbours: Iterable[Object] = (),
    others: Collection[str] = (),
) -> SpecError | None:
    """Return the first conflict, which is the one that a Canary stalls on."""
    return next(conflicts(canary, objects, neighbours, others), None)
