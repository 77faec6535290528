"""Two Canaries that name the same workload: only one of them can decide on it."""

from collections.abc import Iterable, Mapping
from typing import Any

from linnet.api.canary import Canary
from linnet.api.names import KIND, PRIMARY_SUFFIX
from linnet.errors import SpecError

Object = Mapping[str, Any]


def shared_workload(canary: Canary, neighbours: Iterable[Object]) -> SpecError | None:
    """Return the error where an older Canary among `neighbours` has one of the Canary's workloads.

    Two that both make copies of one target are told apart by whose the copy is.
    """
    ours = {canary.target_name, canary.primary_name}
    for other in neighbours:
        if other["kind"] != KIND or not _is_older(other, canary):
            continue
        if canary.copies_target and not other["spec"].get("primaryRef"):
            continue
        shared = sorted(ours & _workloads(other))
        if shared:
            return SpecError(
                "WorkloadShared",
                f"Deployment {canary.namespace}/{shared[0]} is a workload of Canary"
                f" {other['metadata']['name']} as well, which was there first: delete one of the"
                " two Canaries",
            )
    return None


def _workloads(canary: Object) -> set[str]:
    spec = canary["spec"]
    target = (spec.get("targetRef") or {}).get("name") or ""
    primary = (spec.get("primaryRef") or {}).get("name") or target + PRIMARY_SUFFIX
    return {target, primary}


def _is_older(other: Object, canary: Canary) -> bool:
    ours = canary.metadata.creation_timestamp
    created = ours.strftime("%Y-%m-%dT%H:%M:%SZ") if ours else ""
    theirs = other["metadata"].get("creationTimestamp", "")
    return bool((theirs, other["metadata"]["name"]) < (created, canary.name))
