"""Reading a Deployment: what it is meant to run, and how far it has got."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linnet.workload.revision import revision_of

_PAUSED = "Deployment {0} is paused: kubectl rollout resume deployment {0}"


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment as linnet sees it.

    `replicas` is what is asked for; `available` counts pods of any revision, and `serving` those
    that take requests already and are to stay. `settled` means that the Deployment controller has
    seen the newest spec and that no pod of an older template, and none too many, is left.
    `fleeting` means that its pods may all go at once: it is deleted, or, with strategy Recreate, is
    changed over to another template or was written just now. `failing` says in words why pods do
    not come up, where Kubernetes knows.
    """

    name: str
    revision: str
    replicas: int
    available: int
    serving: int
    settled: bool
    fleeting: bool
    failing: str | None

    def ready(self, threshold: int) -> bool:
        """Tell whether `threshold` percent of the pods are available, and are to stay so."""
        return not self.fleeting and self.available * 100 >= self.replicas * threshold


def read(deployment: Mapping[str, Any]) -> Workload:
    """Read a Deployment as the API server returned it."""
    meta, spec = deployment["metadata"], deployment["spec"]
    status = deployment.get("status") or {}
    replicas = spec.get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= meta.get("generation", 0)
    total, updated = status.get("replicas", 0), status.get("updatedReplicas", 0)
    changing, going = not (seen and updated == total), "deletionTimestamp" in meta
    return Workload(
        name=meta["name"],
        revision=revision_of(spec["template"]),
        replicas=replicas,
        available=status.get("availableReplicas", 0),
        serving=0 if going else min(status.get("readyReplicas", 0), replicas),
        settled=seen and updated == total == replicas,
        fleeting=going or (changing and not _keeps_pods(spec, replicas)),
        failing=_PAUSED.format(meta["name"]) if spec.get("paused") else _failing(status, replicas),
    )


def _keeps_pods(spec: Mapping[str, Any], replicas: int) -> bool:
    """Tell whether some pods stay while the Deployment is changed over to another template."""
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return False
    limits = strategy.get("rollingUpdate") or {}
    absent = limits.get("maxUnavailable", "25%")
    if isinstance(absent, str):
        absent = replicas * int(absent.rstrip("%")) // 100
    # Where none may be absent and none too many, Kubernetes lets one be absent.
    stuck = absent == 0 and limits.get("maxSurge", "25%") in (0, "0%")
    return bool(max(absent, stuck) < replicas)


def _failing(status: Mapping[str, Any], replicas: int) -> str | None:
    available = status.get("availableReplicas", 0)
    if replicas == 0:
        return "it has 0 replicas"
    if available >= replicas:
        return None
    conditions = {c["type"]: c for c in status.get("conditions") or ()}
    for kind, bad in (("ReplicaFailure", "True"), ("Progressing", "False")):
        condition = conditions.get(kind, {})
        if condition.get("status") == bad:
            return str(condition.get("message") or condition.get("reason") or kind)
    return f"{available} of {replicas} pods are available"
