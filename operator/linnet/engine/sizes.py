"""The part of the plan that scales: the target for a release and back, the primary as asked.

linnet scales the target, and Git may say another size. Two annotations on the target keep the two
apart where the MutatingAdmissionPolicy of deploy/ is installed: with linnet.dev/replicas, the size
that linnet took from the manifest last, the policy keeps spec.replicas as it is when others write
the Deployment, and notes in linnet.dev/asked-replicas what they asked for. Whoever uses the scale
subresource, as `kubectl scale` and autoscalers do, is not kept from it. Either way the size is
meant for the primary.
"""

from collections.abc import Iterator, Mapping

from linnet.api.names import ASKED_ANNOTATION, REPLICAS_ANNOTATION
from linnet.api.objects import ObjectRef
from linnet.api.status import CanaryStatus, Phase
from linnet.engine.decision import Action, Patch, Scale
from linnet.engine.situation import Situation
from linnet.routing.weights import canary_share

AT_REST = {Phase.INITIALIZED, Phase.SUCCEEDED, Phase.FAILED}
KEEPING = {*AT_REST, Phase.PROGRESSING, Phase.PROMOTING, Phase.FINALISING}


def asked_size(s: Situation, status: CanaryStatus) -> int | None:
    """Return the size that somebody gave the target, which is meant for the primary."""
    if status.phase not in {*AT_REST, Phase.PROMOTING} or s.target is None:
        return None
    if not s.canary.copies_target:
        return None  # each of the two has the size that the user gave it
    if s.target.replicas not in (0, status.replicas):
        return s.target.replicas
    return _asked_anew(s) if s.target.replicas == 0 else None


def scale_up(s: Situation, status: CanaryStatus) -> Iterator[Action]:
    """Give the target the pods that it needs, and the primary those that were asked for."""
    if s.target is None or s.primary is None:
        return
    if status.phase is Phase.PROGRESSING and s.target.replicas == 0:
        yield _scale(s, s.canary.target_name, status.replicas or s.primary.replicas)
    if status.phase is Phase.TERMINATING and s.target.replicas < s.primary.replicas:
        yield _scale(s, s.canary.target_name, s.primary.replicas)
    asked = asked_size(s, status)
    if asked and asked != s.primary.replicas:
        yield _scale(s, s.canary.primary_name, asked)


def keep_size(s: Situation, status: CanaryStatus) -> Iterator[Action]:
    """Note on the target which size linnet has taken from its manifest."""
    if s.target is None or s.primary is None or status.phase not in KEEPING:
        return
    taken, asked = _notes(s).get(REPLICAS_ANNOTATION), _asked_anew(s)
    if taken is None:
        # Where Git asks for that size, nothing changes when it is asked again.
        size = str(s.target.replicas)
        notes = {REPLICAS_ANNOTATION: size}
        yield from _annotate(s, notes | ({ASKED_ANNOTATION: size} if s.target.replicas else {}))
    elif asked is not None and asked == s.primary.replicas == status.replicas:
        yield from _annotate(s, {REPLICAS_ANNOTATION: str(asked)})


def scale_down(s: Situation, status: CanaryStatus) -> Iterator[Action]:
    """Take the target's pods away once they have no requests."""
    if s.target is None or not s.target.replicas or status.phase not in AT_REST:
        return
    drained = status.drain_until is not None and s.now >= status.drain_until
    carried_over = s.target.replicas == status.replicas
    without_traffic = not canary_share(s.canary, s.observation.objects)
    if drained and carried_over and without_traffic:
        yield _scale(s, s.canary.target_name, 0)


def return_size(s: Situation) -> Iterator[Action]:
    """Let Git say the target's size again."""
    gone = {key: None for key in (REPLICAS_ANNOTATION, ASKED_ANNOTATION) if key in _notes(s)}
    if gone and s.canary.copies_target:
        yield from _annotate(s, gone)


def _asked_anew(s: Situation) -> int | None:
    """Return the size that a manifest asks for, where it is another than linnet took last."""
    notes = _notes(s)
    asked = notes.get(ASKED_ANNOTATION, "")
    if REPLICAS_ANNOTATION not in notes or asked == notes[REPLICAS_ANNOTATION]:
        return None
    # Zero is what linnet itself sets, and no size to serve with.
    return int(asked) if asked.isascii() and asked.isdigit() and int(asked) else None


def _notes(s: Situation) -> Mapping[str, str]:
    live = s.live("Deployment", s.canary.target_name)
    return (live or {}).get("metadata", {}).get("annotations") or {}


def _annotate(s: Situation, notes: Mapping[str, str | None]) -> Iterator[Action]:
    ref = ObjectRef("Deployment", s.canary.namespace, s.canary.target_name)
    live = s.observation.objects[ref]
    operations: list[Mapping[str, object]] = []
    if live["metadata"].get("annotations") is None:
        operations.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    for key, value in notes.items():
        path = "/metadata/annotations/" + key.replace("/", "~1")
        operation = {"op": "remove"} if value is None else {"op": "add", "value": value}
        operations.append({**operation, "path": path})
    content = f"replicas {notes.get(REPLICAS_ANNOTATION)}"
    yield Patch(ref, tuple(operations), live["metadata"]["resourceVersion"], content)


def _scale(s: Situation, name: str, replicas: int) -> Scale:
    ref = ObjectRef("Deployment", s.canary.namespace, name)
    version = s.observation.objects[ref]["metadata"]["resourceVersion"]
    return Scale(ref, replicas, version)
