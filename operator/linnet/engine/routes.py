"""The part of the plan that routes requests: Services, DestinationRules, VirtualServices."""

from collections.abc import Iterator
from typing import Literal

from linnet.api.objects import ObjectRef, ref_of
from linnet.api.status import CanaryStatus, Phase
from linnet.engine.decision import Action, Create, Object, Patch
from linnet.engine.diff import change
from linnet.engine.situation import Situation
from linnet.errors import SpecError
from linnet.ownership import with_guardian
from linnet.routing.adoption import Rewrite, adopted_refs, check_adoption, returned, weights
from linnet.routing.claims import canary_key
from linnet.routing.destinationrules import destination_rules
from linnet.routing.services import services
from linnet.routing.virtualservice import Earlier, virtual_service
from linnet.workload.pair import pod_labels
from linnet.workload.primary import primary_labels, target_labels


def route_services(s: Situation, status: CanaryStatus) -> Iterator[Action]:
    """Make the Services."""
    target = s.live("Deployment", s.canary.target_name)
    primary = s.live("Deployment", s.canary.primary_name)
    if target is None or not s.canary.makes_services:
        return
    if s.canary.copies_target:
        pods, primary_pods = target_labels(target), primary_labels(target, primary)
        if _target_stands_in(s, status):
            primary_pods = pods
    elif primary is not None:
        pods, primary_pods = pod_labels(target), pod_labels(primary)
    else:
        return
    apex = None if s.canary.adopts else _apex(s, status)
    for service in services(s.canary, pods, primary_pods, s.observation.objects, apex):
        yield from apply(s, service)


def _target_stands_in(s: Situation, status: CanaryStatus) -> bool:
    """Tell whether the target serves at the address of the primary.

    Routes of the user's own lead there before there is a primary, and when it is gone.
    """
    if not s.canary.adopts:
        return False
    if status.phase is Phase.INITIALIZING:
        return status.drain_until is None
    return status.phase is Phase.TERMINATING and status.drain_until is not None


def _apex(s: Situation, status: CanaryStatus) -> Literal["primary", "target"] | None:
    """Return whose pods the Service that clients call selects; None to leave it as it is."""
    if status.phase is Phase.INITIALIZING:
        missing = s.live("Service", s.canary.service_name) is None
        if not missing or not status.drain_until:
            return None
        return "target" if s.canary.copies_target else "primary"
    leaving = _earlier(s, status) is Earlier.NAMED and s.canary.copies_target
    return "target" if leaving else "primary"


def _earlier(s: Situation, status: CanaryStatus) -> Earlier:
    if status.phase is Phase.INITIALIZING:
        return Earlier.SERVING
    shifted = status.canary_weight if s.canary.copies_target else status.drain_until
    leaving = status.phase is Phase.TERMINATING and shifted
    return Earlier.NAMED if leaving else Earlier.NONE


def route_rules(s: Situation, status: CanaryStatus) -> Iterator[Action]:
    """Make the DestinationRules."""
    if s.canary.makes_services:
        for rule in destination_rules(s.canary, s.observation.objects):
            yield from apply(s, rule)


def route_weights(s: Situation, status: CanaryStatus) -> Iterator[Action]:
    """Write the weights: into linnet's VirtualService, or into those of the user's own."""
    told_of = status.phase is not Phase.INITIALIZING or status.drain_until is not None
    objects, weight = s.observation.objects, status.canary_weight
    if s.canary.adopts:
        if told_of:
            yield from _adopted_weights(s, weight)
        elif problem := check_adoption(s.canary, objects, s.observation.adopters):
            raise problem
    elif told_of or s.canary.delegates:  # without a delegate, its root answers 404
        yield from apply(s, virtual_service(s.canary, weight, objects, _earlier(s, status)))


def are_written(s: Situation) -> bool:
    """Tell whether requests are routed as the status has it, as far as that can be made."""
    for build in (route_services, route_rules, route_weights):
        try:
            for action in build(s, s.status):
                if not is_too_late(action, s.status):
                    return False
        except SpecError:
            continue
    return True


def is_too_late(action: Action, status: CanaryStatus) -> bool:
    """Tell whether it would make routes that are about to go; their kind may even be gone."""
    making = isinstance(action, Create) and action.ref.kind in {"VirtualService", "DestinationRule"}
    return making and status.phase is Phase.TERMINATING


def lower_weights(s: Situation, status: CanaryStatus) -> Iterator[Action]:
    """Take from the canary what adopted routes give it beyond its weight, and nothing else."""
    if status.phase in (None, Phase.INITIALIZING, Phase.TERMINATED):
        return
    for ref in adopted_refs(s.canary):
        rewrite = weights(
            s.canary, status.canary_weight, ref, s.observation.objects, s.observation.adopters
        )
        if rewrite.lowers:
            yield from _patch(s, ref, rewrite)


def _adopted_weights(s: Situation, weight: int) -> Iterator[Action]:
    objects, others = s.observation.objects, s.observation.adopters
    problem: SpecError | None = None
    for ref in adopted_refs(s.canary):
        rewrite = weights(s.canary, weight, ref, objects, others)
        problem = problem or rewrite.problem
        yield from _patch(s, ref, rewrite)
    yield from return_weights(s, 0, *(ref for ref in objects if ref not in adopted_refs(s.canary)))
    if problem is not None:
        raise problem


def return_weights(s: Situation, weight: int, *refs: ObjectRef) -> Iterator[Action]:
    """Give weights that linnet wrote back to the user, with `weight` percent for the canary."""
    key, others = canary_key(s.canary.ref), s.observation.adopters
    for ref in refs:
        live = s.observation.objects.get(ref)
        if ref.kind == "VirtualService" and live is not None:
            yield from _patch(s, ref, returned(key, live, others, weight))


def _patch(s: Situation, ref: ObjectRef, rewrite: Rewrite) -> Iterator[Action]:
    if rewrite.operations:
        version = s.observation.objects[ref]["metadata"]["resourceVersion"]
        yield Patch(ref, rewrite.operations, version, rewrite.content, urgent=rewrite.lowers)


def apply(s: Situation, desired: Object) -> Iterator[Action]:
    """Yield what makes the live object the desired one, if anything."""
    desired = with_guardian(dict(desired), s.live("Deployment", s.canary.target_name))
    action = change(desired, s.observation.objects.get(ref_of(desired)))
    if action is not None:
        yield action
