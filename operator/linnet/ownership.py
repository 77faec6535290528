"""Whose an object is: made by linnet, left behind by it, or somebody else's."""

from collections.abc import Mapping
from typing import Any

from linnet.api.canary import Canary
from linnet.api.names import API_VERSION, KIND, MANAGED_BY, MANAGED_BY_LABEL
from linnet.api.objects import ref_of
from linnet.errors import SpecError

Object = Mapping[str, Any]


def owned_metadata(canary: Canary, name: str) -> dict[str, Any]:
    """Return the metadata of an object that linnet makes.

    It goes with the Canary. No label or annotation of the Canary or the target is passed on: Argo
    CD would take some for a sign that the object is its own, and prune it.
    """
    return {
        "name": name,
        "namespace": canary.namespace,
        "labels": {MANAGED_BY_LABEL: MANAGED_BY},
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "name": canary.name,
                "uid": canary.uid,
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    }


def with_guardian(desired: dict[str, Any], target: Object | None) -> dict[str, Any]:
    """Return an object that linnet makes with the target for a second owner.

    Whoever deletes a Canary in the foreground, as Argo CD does when it prunes, has Kubernetes
    delete at once what belongs to nobody else, before linnet has moved any traffic.
    """
    owners = desired["metadata"].get("ownerReferences")
    if not owners or target is None or "deletionTimestamp" in target["metadata"]:
        return desired
    guardian = {
        "apiVersion": target["apiVersion"],
        "kind": target["kind"],
        "name": target["metadata"]["name"],
        "uid": target["metadata"]["uid"],
        "blockOwnerDeletion": False,
    }
    return {**desired, "metadata": {**desired["metadata"], "ownerReferences": [*owners, guardian]}}


def without_guardian(canary: Canary, live: Object) -> dict[str, Any] | None:
    """Return an object that linnet made as one that goes with the Canary; None where it does.

    A deletion in the foreground may have left it to the other owner alone.
    """
    owners = _owners(live)
    made = (live["metadata"].get("labels") or {}).get(MANAGED_BY_LABEL) == MANAGED_BY
    theirs = any(owner["kind"] == KIND and owner["uid"] != canary.uid for owner in owners)
    if not made or theirs or all(owner["uid"] == canary.uid for owner in owners):
        return None
    alone = owned_metadata(canary, live["metadata"]["name"])["ownerReferences"]
    return {**live, "metadata": {**live["metadata"], "ownerReferences": alone}}


def is_ours(canary: Canary, live: Object) -> bool:
    """Tell whether this Canary owns the object."""
    return any(owner["uid"] == canary.uid for owner in _owners(live))


def is_orphan(live: Object) -> bool:
    """Tell whether linnet made the object for a Canary that was deleted without its dependents."""
    labels = live["metadata"].get("labels") or {}
    return controller_of(live) is None and labels.get(MANAGED_BY_LABEL) == MANAGED_BY


def controller_of(live: Object) -> Object | None:
    """Return the owner that controls the object, if any."""
    return next((owner for owner in _owners(live) if owner.get("controller")), None)


def claim(canary: Canary, desired: dict[str, Any], live: Object | None) -> dict[str, Any]:
    """Return `desired` if its name is free or ours; raise SpecError("NotOurs") otherwise."""
    if live is not None and not is_ours(canary, live) and not is_orphan(live):
        raise not_ours(canary, live)
    return desired


def not_ours(canary: Canary, live: Object) -> SpecError:
    """Return the error for an object of somebody else that has a name which linnet needs."""
    owner = controller_of(live)
    if owner is not None and owner["kind"] == KIND:
        return SpecError(
            "NotOurs",
            f"{ref_of(live)} belongs to Canary {owner['name']}, which has the same workload or"
            f" Service as Canary {canary.name}: delete one of the two Canaries",
        )
    whose = f"belongs to {owner['kind']} {owner['name']}" if owner else "was not made by linnet"
    return SpecError(
        "NotOurs",
        f"{ref_of(live)} {whose}, and Canary {canary.name} needs the name: delete it, or set "
        "spec.service.name or spec.targetRef to something else",
    )


def _owners(live: Object) -> list[Object]:
    return live["metadata"].get("ownerReferences") or []
