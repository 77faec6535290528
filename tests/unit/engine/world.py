"""A cluster in memory for tests of the engine: objects, controllers, metrics, virtual time.

It carries out decisions as the adapters do, plays the Deployment and endpoint controllers, and
answers measurements. It is no API server: what depends on one is tested on a real one.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from linnet.analysis.measurement import Measurement, Query
from linnet.analysis.tiles import Counts, Tile
from linnet.analysis.watch import Baseline, TileReading, TileSpan, Watch, Yardstick
from linnet.api.canary import Canary
from linnet.api.names import REQUEST_ANNOTATION
from linnet.api.objects import ObjectRef, ref_of
from linnet.api.status import CanaryStatus, Phase
from linnet.engine import Glimpse, Wanted, decide, wanted
from linnet.engine.decision import (
    Action,
    Create,
    Decision,
    Delete,
    Event,
    Patch,
    RemoveAnnotation,
    Replace,
    Scale,
)
from linnet.engine.observation import Observation
from linnet.engine.progress import Progress
from linnet.routing.weights import canary_share
from unit.json_patch import patched

START = datetime(2026, 1, 1, tzinfo=UTC)
YARDSTICK = Yardstick(5.0, "source", 500.0)
BASELINE_TILES = 60
RPS = 50.0
GOOD, BAD = 100.0, 0.0


class World:
    """One namespace with one Canary, its target, and what linnet makes of them."""

    def __init__(self, canary: Mapping[str, Any], target: Mapping[str, Any]) -> None:
        self.now = START
        self.canary_object: dict[str, Any] | None = copy.deepcopy(dict(canary))
        self.objects: dict[ObjectRef, dict[str, Any]] = {}
        self.neighbours: list[Mapping[str, Any]] = []
        self.unguarded = ""
        """Why nothing keeps others from resetting adopted weights."""
        self.unready: set[str] = set()
        """Image tags, or names of Deployments, whose pods never become ready."""
        self.lacking: dict[str, int] = {}
        """How many pods of a Deployment, by its name, do not become ready."""
        self.rolling: set[str] = set()
        """Names of Deployments that still have a pod of an older template."""
        self.idling = False
        """Whether the controllers of Kubernetes do nothing: pods and statuses stay as they are."""
        self.late_endpoints: dict[str, int] = {}
        """What EndpointSlices said when their watch fell behind."""
        self.late: dict[str, dict[ObjectRef, dict[str, Any]]] = {}
        """What is seen of each kind whose watch fell behind: as it was then, and own writes."""
        self.routed_until = START
        """When routes last led to the canary."""
        self.refuses: set[str] = set()
        """Kinds that the API server does not let anybody write."""
        self.measure: Callable[[Query], Measurement] = self.by_image_tag
        self.serve: Callable[[Watch, float], Tile] = self.healthy
        """What both sides served in the tile that ended then."""
        self.unavailable = ""
        """Why Prometheus does not answer, if it does not."""
        self.progress: Progress | None = None
        self._read: tuple[Mapping[str, Any], Canary] | None = None
        self.events: list[Event] = []
        self.decisions: list[Decision] = []
        self.weights: list[int] = []
        self._versions = 0
        self.put(target)

    # --- what people do -----------------------------------------------------------------------

    def put(self, obj: Mapping[str, Any]) -> None:
        """Create or replace an object, as kubectl would."""
        new = copy.deepcopy(dict(obj))
        ref = ref_of(new)
        old = self.objects.get(ref, {"metadata": {}})
        self._versions += 1
        meta = new["metadata"]
        meta["uid"] = old["metadata"].get("uid", f"uid-{self._versions}")
        meta["resourceVersion"] = str(self._versions)
        changed = old.get("spec") != new.get("spec")
        meta["generation"] = old["metadata"].get("generation", 0) + changed
        if self._share():
            self.routed_until = self.now
        self.objects[ref] = new
        self._answer = copy.deepcopy(new)
        self._play_controllers()

    def release(self, tag: str) -> None:
        """Change the target's image tag."""
        target = copy.deepcopy(self.deployment("podinfo"))
        target["spec"]["template"]["spec"]["containers"][0]["image"] = f"podinfo:{tag}"
        self.put(target)

    def scale(self, replicas: int) -> None:
        """Change the target's size, as kubectl scale would."""
        target = copy.deepcopy(self.deployment("podinfo"))
        target["spec"]["replicas"] = replicas
        self.put(target)

    def edit(self, **spec: Any) -> None:
        """Change fields of the Canary's spec."""
        assert self.canary_object is not None
        self.canary_object["spec"].update(spec)
        self._touch(generation=True)

    def ask(self, text: str) -> None:
        """Annotate the Canary with a request, as the CLI and Argo CD do."""
        assert self.canary_object is not None
        self.canary_object["metadata"].setdefault("annotations", {})[REQUEST_ANNOTATION] = text
        self._touch()

    def delete(self, *, foreground: bool = False) -> None:
        """Delete the Canary, as kubectl would: it stays while it has finalizers.

        In the foreground, as Argo CD would: what only the Canary owns goes at once.
        """
        assert self.canary_object is not None
        self.canary_object["metadata"]["deletionTimestamp"] = self.now.isoformat()
        self._touch(generation=True)
        if foreground:
            self._disown(self.canary_object["metadata"]["uid"])
        self._collect()

    def remove(self, kind: str, name: str) -> None:
        """Delete an object by hand."""
        del self.objects[ObjectRef(kind, "test", name)]
        self._play_controllers()

    # --- what the operator does ---------------------------------------------------------------

    def step(self) -> Decision:
        """Observe, decide, apply; once."""
        canary = self.canary
        observation = replace(self.observation(), progress=self.progress)
        wants = wanted(canary, observation, self.now)
        decision = decide(canary, self.answered(observation, wants), self.now)
        self.progress = decision.progress
        self.decisions.append(decision)
        self.events.extend(decision.events)
        assert self.canary_object is not None
        if decision.status != canary.status:
            self.canary_object["status"] = decision.status.to_object()
            self._touch()
        for action in decision.actions:
            if action.ref.kind in self.refuses or not self._is_up_to_date(action):
                break
            self.carry_out(action)
        self._watch_weight()
        return decision

    def settle(self) -> None:
        """Step until there is nothing left to do at this instant."""
        for _ in range(50):
            if self.canary_object is None:
                return
            before = self.status
            decision = self.step()
            refused = decision.actions and decision.actions[0].ref.kind in self.refuses
            if (refused or not decision.actions) and decision.status == before:
                return
        raise AssertionError(f"the engine does not settle: {self.decisions[-1]}")

    def run(self, seconds: float) -> None:
        """Let time pass; the operator wakes when it asked to."""
        end = self.now + timedelta(seconds=seconds)
        self.settle()
        while self.canary_object is not None:
            wake = self.wake_at()
            if wake is None or wake > end:
                break
            self._wake(wake)
        self.now = end
        self.settle()

    def wake_at(self) -> datetime | None:
        """Return when the operator looks again: at its own deadline, or at the next tile."""
        own, tile = self.decisions[-1].wake_at, None
        wants = wanted(self.canary, self.followed(), self.now)
        if wants.watch is not None or (wants.baseline and self.unavailable):
            index = wants.watch.yardstick.index if wants.watch else YARDSTICK.index
            tile = datetime.fromtimestamp(YARDSTICK.end(index(self.now.timestamp()) + 1), UTC)
        return min((at for at in (own, tile) if at is not None), default=None)

    def _wake(self, at: datetime) -> None:
        """Look again, as the loop of a Canary does: at a glance, where only a tile has come."""
        self.now = at
        due = self.decisions[-1].wake_at
        if self.progress is not None and not self.refuses and (due is None or at < due):
            seen = self.followed()
            observation = self.answered(seen, wanted(self.canary, seen, at))
            progress = Glimpse(self.canary, observation, at).glance(observation, at)
            if progress is not None:
                self.progress = progress
                return
        self.settle()

    def kill(self) -> None:
        """Kill the operator: the next one has nothing in memory."""
        self.progress = None

    def run_until(self, *phases: Phase, limit: float = 3600) -> None:
        """Let time pass until the Canary is in one of the phases."""
        end = self.now + timedelta(seconds=limit)
        self.settle()
        while self.status.phase not in phases:
            wake = self.wake_at()
            assert wake is not None, f"asleep in {self.status.phase}: {self.message}"
            assert wake <= end, f"still {self.status.phase} after {limit} s: {self.message}"
            self._wake(wake)

    def carry_out(self, action: Action) -> None:
        """Do what the Kubernetes adapter does."""
        match action:
            case Create(ref, obj):
                assert ref not in self.objects
                self.put(obj)
            case Scale(ref, replicas, _):
                self._watch_pods(replicas)
                new = copy.deepcopy(self.objects[ref])
                new["spec"]["replicas"] = replicas
                self.put(new)
            case Replace(ref, obj):
                live = self.objects[ref]
                assert obj["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]
                self.put(obj)
            case Patch(ref, operations, version, _, _):
                assert self.objects[ref]["metadata"]["resourceVersion"] == version
                self.put(patched(self.objects[ref], operations))
            case Delete(ref, uid):
                if self._share():
                    self.routed_until = self.now
                assert self.objects[ref]["metadata"]["uid"] == uid
                del self.objects[ref]
                self._play_controllers()
            case RemoveAnnotation(_, key, _):
                assert self.canary_object is not None
                del self.canary_object["metadata"]["annotations"][key]
                self._touch()
            case _:
                assert self.canary_object is not None
                self.canary_object["metadata"]["finalizers"] = list(action.finalizers)
                self._touch()
                self._collect()
        if action.ref.kind in self.late:
            self._show(action.ref, None if isinstance(action, Delete) else self._answer)

    def followed(self) -> Observation:
        """Return what the operator sees, with what it has in memory; for who changes nothing."""
        seen = self.observation(copied=False)
        return replace(seen, progress=self.progress)

    def answered(self, observation: Observation, wants: Wanted) -> Observation:
        """Return the observation with what Prometheus says to what is wanted."""
        if wants.baseline:
            observation = replace(observation, baseline=self.baseline())
        if wants.watch is not None:
            span = self.read(wants.watch, wants.since)
            observation = replace(observation, tiles=span.readings, unanswered=span.unavailable)
        measurements = tuple(
            replace(self.measure(query), query=query.text) for query in wants.measurements
        )
        return replace(observation, measurements=measurements)

    def baseline(self) -> Baseline:
        """Answer what was before a release."""
        if self.unavailable:
            return Baseline(None, absent=self.unavailable)
        newest = YARDSTICK.index(self.now.timestamp())
        watch = Watch("test", "podinfo", "podinfo-primary", YARDSTICK)
        ends = map(YARDSTICK.end, range(newest - BASELINE_TILES + 1, newest + 1))
        tiles = ((end, self.serve(watch, end)) for end in ends)
        return Baseline(YARDSTICK, tuple(TileReading(e, Tile(None, t.primary)) for e, t in tiles))

    def read(self, watch: Watch, since: float, now: float | None = None) -> TileSpan:
        """Answer the tiles after `since` that have ended."""
        now = self.now.timestamp() if now is None else now
        if self.unavailable:
            return TileSpan((), now + 5, self.unavailable)
        newest = YARDSTICK.index(now)
        ends = map(YARDSTICK.end, range(YARDSTICK.index(since) + 1, newest + 1))
        readings = tuple(TileReading(end, self.serve(watch, end)) for end in ends)
        return TileSpan(readings, YARDSTICK.end(newest + 1))

    def observation(self, *, copied: bool = True) -> Observation:
        """Return what the operator sees of the cluster."""
        seen = self.objects
        if self.late:
            seen = {ref: obj for ref, obj in seen.items() if ref.kind not in self.late}
            seen |= {ref: obj for shown in self.late.values() for ref, obj in shown.items()}
        return Observation(
            objects=copy.deepcopy(seen) if copied else seen,
            endpoints={**self._endpoints(), **self.late_endpoints},
            neighbours=tuple(self.neighbours),
            unguarded=self.unguarded,
        )

    # --- what one can look at -----------------------------------------------------------------

    @property
    def canary(self) -> Canary:
        assert self.canary_object is not None
        # Reading one takes longer than all the rest, and most times it is the same.
        if self._read is None or self._read[0] != self.canary_object:
            read = copy.deepcopy(self.canary_object)
            self._read = read, Canary.from_object(copy.deepcopy(read))
        return self._read[1]

    @property
    def status(self) -> CanaryStatus:
        return self.canary.status

    def in_phase(self, phase: Phase) -> bool:
        """Tell whether the Canary is in this phase now."""
        return self.canary.status.phase is phase

    @property
    def message(self) -> str:
        return str(self.condition("Progressing").message)

    def condition(self, kind: str) -> Any:
        """Return a condition of the Canary."""
        return next(c for c in self.status.conditions if c.type == kind)

    @property
    def reasons(self) -> list[str]:
        """Return the reasons of all Events so far."""
        return [event.reason for event in self.events]

    def deployment(self, name: str) -> dict[str, Any]:
        """Return a Deployment."""
        return self.objects[ObjectRef("Deployment", "test", name)]

    def image(self, name: str) -> str:
        """Return a Deployment's image tag."""
        image: str = str(
            self.deployment(name)["spec"]["template"]["spec"]["containers"][0]["image"]
        )
        return image.partition(":")[2]

    def serving(self, name: str) -> int:
        """Return how many pods of a Deployment serve, as of now."""
        status = self.deployment(name).get("status", {})
        return 0 if not status else int(status["availableReplicas"])

    service = ObjectRef("Service", "test", "podinfo")

    @property
    def routed(self) -> tuple[int, int] | None:
        """Return the weights of primary and canary in the VirtualService."""
        live = self.objects.get(ObjectRef("VirtualService", "test", "podinfo"))
        if live is None:
            return None
        by_host = {
            route["destination"]["host"]: route.get("weight", 100)
            for route in live["spec"]["http"][0]["route"]
        }
        if "podinfo-primary" not in by_host:
            return None
        return by_host["podinfo-primary"], by_host["podinfo-canary"]

    # --- the other controllers ----------------------------------------------------------------

    def by_image_tag(self, query: Query) -> Measurement:
        """Fail where the target's tag says `bad`, know nothing where it says `blind`."""
        tag = self.image(query.workload)
        if "blind" in tag:
            return Measurement(query.metric, absent="no data")
        return Measurement(query.metric, value=BAD if "bad" in tag else GOOD)

    def healthy(self, watch: Watch, end: float) -> Tile:
        """No request fails on either side."""
        return self.failing(canary=0)(watch, end)

    def failing(
        self, *, canary: float, primary: float = 0, since: float = 0
    ) -> Callable[[Watch, float], Tile]:
        """Have such shares of the requests fail on each side, from an instant on."""

        def serve(watch: Watch, end: float) -> Tile:
            requests = RPS * watch.yardstick.seconds
            share = self.canary.status.canary_weight / 100
            bad = canary if end > since else 0
            return Tile(
                Counts(requests * share, requests * share * bad, 0),
                Counts(requests * (1 - share), requests * (1 - share) * primary, 0),
            )

        return serve

    def _play_controllers(self) -> None:
        if self.idling:
            return
        for ref, obj in self.objects.items():
            if ref.kind == "Deployment":
                replicas = obj["spec"].get("replicas", 1)
                tag = self.image(ref.name)
                lacking = self.lacking.get(ref.name, 0)
                ready = 0 if {tag, ref.name} & self.unready else max(0, replicas - lacking)
                updated = replicas - (ref.name in self.rolling)
                obj["status"] = {
                    "observedGeneration": obj["metadata"]["generation"],
                    "replicas": replicas,
                    "updatedReplicas": updated,
                    "readyReplicas": ready,
                    "availableReplicas": ready,
                }

    def pods_changed(self) -> None:
        """Let readiness follow a change of `unready` or `rolling`."""
        self._play_controllers()

    def delay_endpoints(self, late: bool = True) -> None:
        """Let the watch of EndpointSlices fall behind that of all else, or catch up."""
        self.late_endpoints = self._endpoints() if late else {}

    def delay(self, *kinds: str) -> None:
        """Let the watches of these kinds fall behind all else; what is written is seen at once."""
        for kind in kinds:
            now = {ref: obj for ref, obj in self.objects.items() if ref.kind == kind}
            self.late.setdefault(kind, copy.deepcopy(now))

    def catch_up(self) -> None:
        """Let all watches be up to date."""
        self.late.clear()
        self.late_endpoints = {}

    def idle(self, idling: bool = True) -> None:
        """Have the controllers of Kubernetes stop, or go on."""
        self.idling = idling
        self._play_controllers()

    def _is_up_to_date(self, action: Action) -> bool:
        """Tell whether an action was decided on the newest version; otherwise show that one.

        So does the API server: it refuses the write, and the operator reads the object.
        """
        shown, live = self.late.get(action.ref.kind), self.objects.get(action.ref)
        if shown is None or _version(shown.get(action.ref)) == _version(live):
            return True
        self._show(action.ref, live)
        return False

    def _show(self, ref: ObjectRef, obj: dict[str, Any] | None) -> None:
        self.late[ref.kind].pop(ref, None)
        if obj is not None:
            self.late[ref.kind][ref] = copy.deepcopy(obj)

    def _share(self) -> int:
        """Return how much the live routes give the canary's pods, if it has any."""
        target = self.objects.get(ObjectRef("Deployment", "test", "podinfo"))
        if self.canary_object is None or target is None or not target["spec"].get("replicas", 1):
            return 0
        return canary_share(self.canary, self.objects) or 0

    def _watch_pods(self, replicas: int) -> None:
        if replicas == 0:
            delay = timedelta(seconds=self.canary.spec.scale_down_delay_seconds)
            assert not self._share(), "pods are taken away that routes lead to"
            assert self.now - self.routed_until >= delay / 2, "pods go before proxies know"

    def _endpoints(self) -> dict[str, int]:
        endpoints = {}
        for ref, service in self.objects.items():
            if ref.kind == "Service":
                selector = service["spec"]["selector"].items()
                endpoints[ref.name] = sum(
                    deployment.get("status", {}).get("availableReplicas", 0)
                    for key, deployment in self.objects.items()
                    if key.kind == "Deployment"
                    and selector <= deployment["spec"]["template"]["metadata"]["labels"].items()
                )
        return endpoints

    def _watch_weight(self) -> None:
        if self.routed is None or self.canary_object is None or self.canary.spec.suspend:
            return
        primary, canary = self.routed
        if self.status.phase is Phase.INITIALIZING:
            assert (primary, canary) == (0, 0), "what served before serves until all is ready"
            return
        assert primary + canary == 100
        endpoints = self._endpoints()
        if canary and self.status.canary_weight and endpoints["podinfo-primary"]:
            assert endpoints["podinfo-canary"], "traffic is sent where nothing is ready"
        if not self.weights or self.weights[-1] != canary:
            self.weights.append(canary)

    def _touch(self, *, generation: bool = False) -> None:
        assert self.canary_object is not None
        self._versions += 1
        meta = self.canary_object["metadata"]
        meta["resourceVersion"] = str(self._versions)
        meta["generation"] = meta.get("generation", 1) + generation

    def _collect(self) -> None:
        assert self.canary_object is not None
        meta = self.canary_object["metadata"]
        if "deletionTimestamp" not in meta or meta.get("finalizers"):
            return
        self.canary_object = None
        self._disown(meta["uid"])
        self._play_controllers()

    def _disown(self, uid: str) -> None:
        """Delete what this owner leaves with none, as the garbage collector does."""
        there = {obj["metadata"]["uid"] for obj in self.objects.values()}
        for ref, obj in list(self.objects.items()):
            owners = obj["metadata"].get("ownerReferences") or []
            others = [owner for owner in owners if owner["uid"] != uid]
            if len(others) == len(owners):
                continue
            if any(owner["uid"] in there for owner in others):
                kept = {**obj["metadata"], "ownerReferences": others}
                self.put({**obj, "metadata": kept})
            else:
                del self.objects[ref]


def _version(obj: Mapping[str, Any] | None) -> str | None:
    return None if obj is None else str(obj["metadata"]["resourceVersion"])
