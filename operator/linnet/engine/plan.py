"""The plan: how the live objects differ from what spec and status call for.

Order is make before break: what serves is made first, traffic moves next, what no longer serves
goes last. Where traffic is taken away from the canary, that comes before everything else.
"""

from collections.abc import Callable, Iterator

from linnet.api.names import FINALIZER, REQUEST_ANNOTATION
from linnet.api.status import CanaryStatus, Phase
from linnet.engine.decision import Action, RemoveAnnotation, SetFinalizers
from linnet.engine.inbox import is_to_be_removed
from linnet.engine.leaving import guarded, leave
from linnet.engine.routes import (
    apply,
    is_too_late,
    lower_weights,
    route_rules,
    route_services,
    route_weights,
)
from linnet.engine.situation import Situation
from linnet.engine.sizes import keep_size, return_size, scale_down, scale_up
from linnet.errors import SpecError
from linnet.routing.weights import canary_share
from linnet.workload.primary import primary_deployment

Builder = Callable[[Situation, CanaryStatus], Iterator[Action]]


def plan(s: Situation, status: CanaryStatus) -> tuple[tuple[Action, ...], SpecError | None]:
    """Return the actions that bring the cluster to what `status` calls for, in order.

    An object that cannot be derived is reported as the problem and keeps none of the others back;
    but then no pods are taken away.
    """
    if status.phase is None:
        return (), None
    actions: list[Action] = []
    problem: SpecError | None = None
    leaving = status.phase is Phase.TERMINATED
    for build in (_leave,) if leaving else _order(s, status):
        if build is scale_down and problem is not None:
            continue  # what cannot be made may be what the target's requests were to go to
        try:
            actions.extend(a for a in build(s, status) if not is_too_late(a, status))
        except SpecError as error:
            problem = problem or error
    if not leaving:
        actions.extend(_own_affairs(s, status))
    return tuple(actions), problem


def hands_off_plan(s: Situation, status: CanaryStatus) -> Iterator[Action]:
    """Return what is done even where linnet keeps its hands off all else.

    Where that is for a problem at rest, and not because the user said so, adopted routes that give
    the canary more than it should have are still corrected.
    """
    if not s.spec.suspend:
        yield from lower_weights(s, status)
    yield from _own_affairs(s, status)


def _own_affairs(s: Situation, status: CanaryStatus) -> Iterator[Action]:
    """Tidy up the Canary itself."""
    if is_to_be_removed(s.canary, status):
        yield RemoveAnnotation(s.canary.ref, REQUEST_ANNOTATION, s.canary.resource_version)


def _order(s: Situation, status: CanaryStatus) -> tuple[Builder, ...]:
    share = canary_share(s.canary, s.observation.objects)
    routing = (route_services, route_rules)
    if s.canary.copies_target:
        making: tuple[Builder, ...] = (_claim, _primary, *routing, scale_up)
        leaving: tuple[Builder, ...] = (keep_size, scale_down)
    else:
        making, leaving = (_claim, *routing), ()  # neither workload is linnet's to write
    if share is not None and status.canary_weight < share:
        return (route_weights, *making, *leaving)
    return (*making, route_weights, *leaving)


def _claim(s: Situation, status: CanaryStatus) -> Iterator[Action]:
    if FINALIZER not in s.canary.finalizers and not s.canary.deleted:
        yield _set_finalizers(s, (*s.canary.finalizers, FINALIZER))


def _primary(s: Situation, status: CanaryStatus) -> Iterator[Action]:
    target = s.live("Deployment", s.canary.target_name)
    if target is None or s.target is None:
        return
    if status.phase is Phase.INITIALIZING:
        wanted: str | None = s.target.revision
    elif status.phase is Phase.PROMOTING:
        wanted = status.revision
    else:
        wanted = status.promoted_revision
    if s.target.revision != wanted:
        return  # the template of the wanted revision is in the primary only: leave it there
    size = s.primary.replicas if s.primary else s.target.replicas or status.replicas or 1
    live = s.live("Deployment", s.canary.primary_name)
    yield from apply(s, primary_deployment(s.canary, target, live, size))


def _leave(s: Situation, status: CanaryStatus) -> Iterator[Action]:
    """Give the routes back; once proxies know them, let the Canary go, and what it made with it."""
    yield from leave(s, status)
    yield from return_size(s)
    drained = status.drain_until is not None and s.now >= status.drain_until
    if FINALIZER in s.canary.finalizers and drained and not guarded(s):
        yield _set_finalizers(s, tuple(f for f in s.canary.finalizers if f != FINALIZER))


def _set_finalizers(s: Situation, finalizers: tuple[str, ...]) -> SetFinalizers:
    return SetFinalizers(s.canary.ref, finalizers, s.canary.resource_version)
