"""The last part of a Canary's plan: what stays when it goes.

What is still needed for requests to be served is left behind: it is given to nobody, so that it
does not go with the Canary, and a later Canary of the name takes it up again.
"""

from collections.abc import Iterator

from linnet.api.canary import Canary
from linnet.api.names import GROUP, PLURAL
from linnet.api.objects import ObjectRef, ref_of
from linnet.api.status import CanaryStatus
from linnet.engine.decision import Action, Delete, Object, Replace
from linnet.engine.routes import return_weights
from linnet.engine.situation import Situation
from linnet.errors import SpecError
from linnet.ownership import is_orphan, is_ours, without_guardian
from linnet.routing.adoption import adopted_refs
from linnet.routing.delegates import roots
from linnet.routing.takeover import given_back, is_taken_over
from linnet.routing.virtualservice import Earlier, virtual_service
from linnet.workload.primary import target_labels

GIVEN_BACK = ("VirtualService", "Service")


def leave(s: Situation, status: CanaryStatus) -> Iterator[Action]:
    """Give the routes back, and have all else go with the Canary.

    Raises SpecError where it is not known any more how something was.
    """
    yield from _give_back(s, status)
    yield from (Replace(ref, alone) for ref, alone in guarded(s).items())


def has_left(s: Situation) -> bool:
    """Tell whether nothing of that is left to do."""
    try:
        return next(leave(s, s.status), None) is None
    except SpecError:
        return False


def let_go(canary: Canary) -> str:
    """Return how a person ends the deletion of a Canary that cannot be brought to its end."""
    return (
        "to have it gone without that, with all else left as it is: kubectl patch"
        f" {PLURAL}.{GROUP} {canary.name} --namespace {canary.namespace} --type merge"
        """ --patch '{"metadata":{"finalizers":null}}'"""
    )


def guarded(s: Situation) -> dict[ObjectRef, Object]:
    """Return what would not go with the Canary yet, as it has to be for that."""
    stays = {ObjectRef(kind, s.canary.namespace, s.canary.service_name) for kind in GIVEN_BACK}
    if s.canary.adopts and _is_led_to(s):
        stays.update(_sides(s))
    found = {
        ref: without_guardian(s.canary, live)
        for ref, live in s.observation.objects.items()
        if ref.namespace == s.canary.namespace and ref not in stays
    }
    return {ref: alone for ref, alone in found.items() if alone is not None}


def _give_back(s: Situation, status: CanaryStatus) -> Iterator[Action]:
    if s.canary.adopts:
        # A copy goes, but a primary of the user's own may not be there to take all of it.
        weight = 0 if s.canary.copies_target else status.canary_weight
        yield from return_weights(s, weight, *s.observation.objects)
        yield from _leave_what_adopted_routes_lead_to(s)
        return
    for kind in GIVEN_BACK:
        live = s.live(kind, s.canary.service_name)
        if live is None:
            continue
        if is_taken_over(live):
            yield Replace(ref_of(live), given_back(s.canary, live))
        elif s.canary.delegates and _is_made(s, live) and _delegated_to(s):
            yield from _leave_behind(s, live, _to_the_apex(s, live))
        elif kind == "VirtualService" and _is_made(s, live):
            yield Delete(ref_of(live), live["metadata"]["uid"])
        elif kind == "Service" and _is_made(s, live) and _serves_on(s):
            yield from _leave_behind(s, live, _to_what_stays(s, live))


def _leave_what_adopted_routes_lead_to(s: Situation) -> Iterator[Action]:
    for ref in _sides(s) if _is_led_to(s) else ():
        live = s.observation.objects.get(ref)
        if live is not None and _is_made(s, live):
            yield from _leave_behind(s, live, _to_what_stays(s, live))


def _leave_behind(s: Situation, live: Object, as_it_stays: Object) -> Iterator[Action]:
    alone = _ownerless(s, as_it_stays)
    if alone != live:
        yield Replace(ref_of(live), alone)


def _is_made(s: Situation, live: Object) -> bool:
    """Tell whether linnet made it: a deletion in the foreground may have taken its owner away."""
    return is_ours(s.canary, live) or is_orphan(live)


def _is_led_to(s: Situation) -> bool:
    return any(ref in s.observation.objects for ref in adopted_refs(s.canary))


def _sides(s: Situation) -> Iterator[ObjectRef]:
    for name in (s.canary.service_primary, s.canary.service_canary):
        for kind in ("Service", "DestinationRule"):
            yield ObjectRef(kind, s.canary.namespace, name)


def _serves_on(s: Situation) -> bool:
    """Tell whether the workload that has all traffic by now stays."""
    name = s.canary.target_name if s.canary.copies_target else s.canary.primary_name
    live = s.live("Deployment", name)
    return live is not None and "deletionTimestamp" not in live["metadata"]


def _delegated_to(s: Situation) -> bool:
    return bool(roots(s.canary, s.observation.neighbours))


def _to_the_apex(s: Situation, live: Object) -> Object:
    """Return the VirtualService with nothing but what requests went to before linnet."""
    if live["kind"] != "VirtualService":
        return _to_what_stays(s, live)
    desired = virtual_service(s.canary, 0, s.observation.objects, Earlier.ALONE)
    return {**live, "spec": desired["spec"]}


def _to_what_stays(s: Situation, live: Object) -> Object:
    """Return a Service as one of the target's pods, where the primary's go.

    It is as a rule; but it may be that it could not be written until now.
    """
    target = s.live("Deployment", s.canary.target_name)
    if live["kind"] != "Service" or not s.canary.copies_target or target is None:
        return live
    try:
        selector = target_labels(target)
    except SpecError:
        return live
    return {**live, "spec": {**live["spec"], "selector": selector}}


def _ownerless(s: Situation, live: Object) -> Object:
    owners = [o for o in live["metadata"].get("ownerReferences") or () if o["uid"] != s.canary.uid]
    metadata = {k: v for k, v in live["metadata"].items() if k != "ownerReferences"}
    if owners:
        metadata["ownerReferences"] = owners
    return {**live, "metadata": metadata}
