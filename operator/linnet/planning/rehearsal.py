"""What linnet would make of manifests: the engine itself decides, in a cluster in memory.

Everything in the manifests is there, all Deployments are ready, Services have their endpoints.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef, ref_of
from linnet.api.status import CanaryStatus, Phase
from linnet.engine import decide
from linnet.engine.conditions import IMPAIRED, message_of
from linnet.engine.decision import Action, Create, Delete, Patch, Replace, Scale, SetFinalizers
from linnet.engine.observation import Observation
from linnet.engine.problems import problems
from linnet.planning.differences import FieldChange, differences, patched
from linnet.planning.manifests import CANARY, REHEARSED, Manifest, Manifests
from linnet.routing.adoption import adopted_refs, adoption_problems
from linnet.routing.claims import canary_key

_BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_MOST_LOOKS: Final = 200
_RELEASING: Final = (Phase.PROGRESSING, Phase.PROMOTING)


class Told(NamedTuple):
    """A reason and a sentence, as conditions of the Canary have them."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Change:
    """One object that linnet changes; `fields` are the places."""

    ref: ObjectRef
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of it, once linnet has nothing left to do.

    `problems` are why the Canary stalls: first what its condition says, then what would come once
    that is mended. `impaired` is what somebody should know all the same. `waiting` is what it said
    last.
    `begins_at` is the weight that a release begins with at once, as the two Deployments of the
    user's own run different images already; None where all is quiet.
    """

    created: tuple[ObjectRef, ...]
    changed: tuple[Change, ...]
    phase: Phase | None
    problems: tuple[Told, ...] = ()
    impaired: Told | None = None
    waiting: str = ""
    begins_at: int | None = None

    def to_object(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "creates": [_named(ref) for ref in self.created],
            "changes": [
                {**_named(one.ref), "fields": [each.to_object() for each in one.fields]}
                for one in self.changed
            ],
            "beginsAtWeight": self.begins_at,
        }


def _named(ref: ObjectRef) -> dict[str, Any]:
    return {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name}


def rehearse(canary: Canary, manifests: Manifests) -> Rehearsal:
    """Let the engine take care of a Canary that was just applied, until all is initialized."""
    identity = {"uid": "planned", "generation": 1, "resource_version": "1"}
    metadata = canary.metadata.model_copy(update=identity)
    world = _World(canary.model_copy(update={"metadata": metadata}), manifests)
    world.settle()
    created = tuple(ref for ref in world.objects if ref not in world.before)
    changes = (
        Change(ref, differences(before, world.objects[ref]))
        for ref, before in world.before.items()
        if ref in world.objects
    )
    status = world.canary.status
    conditions = {c.type: c for c in status.conditions if c.status == "True"}
    impaired = conditions.get(IMPAIRED)
    return Rehearsal(
        created,
        tuple(change for change in changes if change.fields),
        status.phase,
        tuple(dict.fromkeys(world.problems())),
        Told(impaired.reason, impaired.message) if impaired else None,
        message_of(status),
        world.begins_at,
    )


@dataclass(slots=True)
class _World:
    canary: Canary
    manifests: Manifests
    now: datetime = _BEGIN
    objects: dict[ObjectRef, dict[str, Any]] = field(default_factory=dict)
    before: Mapping[ObjectRef, Mapping[str, Any]] = field(default_factory=dict)
    begins_at: int | None = None
    versions: int = 0

    def __post_init__(self) -> None:
        for one in self.manifests.of_kind(*REHEARSED):
            self._put(one.object)
        self.before = copy.deepcopy(self.objects)

    def settle(self) -> None:
        for _ in range(_MOST_LOOKS):
            decision = decide(self.canary, self._observation(), self.now)
            if decision.status.phase in _RELEASING:
                self.begins_at = decision.status.canary_weight
                return
            same = decision.status == self.canary.status
            self._write(decision.status)
            for action in decision.actions:
                self._carry_out(action)
            if same and not decision.actions:
                if decision.wake_at is None:
                    return
                self.now = decision.wake_at

    def problems(self) -> Iterator[Told]:
        """Yield what it stalls on, and what it would stall on next."""
        stalled = next((c for c in self.canary.status.conditions if c.type == "Stalled"), None)
        if stalled and stalled.status == "True":
            yield Told(stalled.reason, stalled.message)
        seen = self._observation()
        routes = adoption_problems(self.canary, seen.objects, seen.adopters)
        for problem in (*problems(self.canary, seen), *routes):
            yield Told(problem.reason, problem.message)

    def _write(self, status: CanaryStatus) -> None:
        self.canary = self.canary.model_copy(update={"status": status})

    def _observation(self) -> Observation:
        others = [one for one in self.manifests.of_kind(CANARY) if one.ref != self.canary.ref]
        here = (one.object for one in others if one.ref.namespace == self.canary.namespace)
        neighbours = [*here, *self._policies()]
        return Observation(
            objects=self.objects,
            endpoints=self._endpoints(),
            neighbours=tuple(neighbours),
            adopters=frozenset(_adopting(self.canary, others)),
        )

    def _policies(self) -> list[Mapping[str, Any]]:
        own = {self.canary.service_name, self.canary.service_primary, self.canary.service_canary}
        return [
            {"spec": {}} | obj
            for ref, obj in self.objects.items()
            if ref.kind in ("VirtualService", "DestinationRule", "PeerAuthentication")
            and not (ref.namespace == self.canary.namespace and ref.name in own)
        ]

    def _endpoints(self) -> dict[str, int]:
        namespace = self.canary.namespace
        pods = [
            (obj["spec"]["template"]["metadata"]["labels"], obj["status"]["availableReplicas"])
            for ref, obj in self.objects.items()
            if ref.kind == "Deployment" and ref.namespace == namespace
        ]
        found = {}
        for ref, obj in self.objects.items():
            if ref.kind == "Service" and ref.namespace == namespace:
                selector = (obj["spec"].get("selector") or {}).items()
                ready = (n for labels, n in pods if selector and selector <= labels.items())
                found[ref.name] = sum(ready)
        return found

    def _carry_out(self, action: Action) -> None:
        match action:
            case Create(_, obj) | Replace(_, obj):
                self._put(obj)
            case Scale(ref, replicas, _):
                live = self.objects[ref]
                self._put({**live, "spec": {**live["spec"], "replicas": replicas}})
            case Patch(ref, operations, _, _, _):
                self._put(patched(self.objects[ref], operations))
            case Delete(ref, _):
                del self.objects[ref]
            case SetFinalizers(_, finalizers, _):
                metadata = self.canary.metadata.model_copy(update={"finalizers": finalizers})
                self.canary = self.canary.model_copy(update={"metadata": metadata})
            case _:
                pass  # an annotation of the Canary's own: none is asked for here

    def _put(self, obj: Mapping[str, Any]) -> None:
        """Store an object as the API server would; its Deployment controller is quick."""
        new = copy.deepcopy(dict(obj))
        self.versions += 1
        new["metadata"]["resourceVersion"] = str(self.versions)
        new["metadata"].setdefault("uid", f"uid-{self.versions}")
        if not new["metadata"].get("creationTimestamp"):
            new["metadata"]["creationTimestamp"] = self.now.isoformat()
        ref = ref_of(new)
        if ref.kind == "Deployment":
            replicas = new["spec"].get("replicas", 1)
            counted = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
            new["status"] = dict.fromkeys(counted, replicas)
        self.objects[ref] = new


def _adopting(canary: Canary, others: list[Manifest]) -> list[str]:
    """Return the other Canaries that write weights into the same VirtualServices."""
    found = []
    for one in others:
        service = one.spec.get("service")
        routes = service if isinstance(service, Mapping) else {}
        refs = [routes.get("virtualServiceRef"), *(routes.get("virtualServiceRefs") or ())]
        names = {
            ObjectRef(
                "VirtualService",
                str(ref.get("namespace") or one.ref.namespace),
                str(ref.get("name")),
            )
            for ref in refs
            if isinstance(ref, Mapping)
        }
        if names & set(adopted_refs(canary)):
            found.append(canary_key(one.ref))
    return found
