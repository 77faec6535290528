"""Routes of the user's own: linnet writes their weights, and leaves every other byte alone.

What is written is a JSON patch (RFC 6902) with one operation for each weight that differs, and one
for the annotation that tells of it (see claims.py).
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from linnet.api.canary import Canary
from linnet.api.names import WEIGHTS_ANNOTATION
from linnet.api.objects import ObjectRef
from linnet.errors import SpecError
from linnet.routing.claims import Claim, canary_key, claims_in, http_routes, written
from linnet.routing.destinations import Sides, destination_of, share, sides_of

Object = Mapping[str, Any]
Objects = Mapping[ObjectRef, Object]
Operation = Mapping[str, Any]


class Rewrite(NamedTuple):
    """What to change in a VirtualService, and what keeps it from being all that is called for."""

    operations: tuple[Operation, ...]
    content: str
    """What the VirtualService says of the Canary's weights then."""
    lowers: bool
    """The canary has more than it should, somewhere."""
    problem: SpecError | None = None


def adopted_refs(canary: Canary) -> dict[ObjectRef, tuple[str, ...]]:
    """Return the VirtualServices in which linnet writes weights, with the names of the routes.

    No name means all that lead to the two destinations and nowhere else.
    """
    found: dict[ObjectRef, tuple[str, ...]] = {}
    for each in canary.spec.service.virtual_services:
        ref = ObjectRef("VirtualService", each.namespace or canary.namespace, each.name)
        before = found.get(ref, each.routes)
        found[ref] = tuple(dict.fromkeys([*before, *each.routes])) if before else ()
    return found


def check_adoption(canary: Canary, objects: Objects, others: Collection[str]) -> SpecError | None:
    """Return the first of `adoption_problems`, if any."""
    return next(adoption_problems(canary, objects, others), None)


def adoption_problems(
    canary: Canary, objects: Objects, others: Collection[str]
) -> Iterator[SpecError]:
    """Yield the reasons why weights cannot be written into VirtualServices, if any.

    `others` are the other Canaries that write weights into one of them, as claims name them.
    """
    if not canary.adopts:
        return
    try:
        sides = sides_of(canary, objects)
    except SpecError as error:
        yield error
        return
    for ref, names in adopted_refs(canary).items():
        claim = Claim(canary_key(canary.ref), names, sides, 0)
        yield from _problems(claim, ref, objects.get(ref), others)


def weights(
    canary: Canary, weight: int, ref: ObjectRef, objects: Objects, others: Collection[str]
) -> Rewrite:
    """Return what gives the canary `weight` percent in its routes of one VirtualService.

    Where a route has become one that linnet does not write, and the weight is 0, the canary is
    still left without requests.
    """
    live, key = objects.get(ref), canary_key(canary.ref)
    sides = _known_sides(canary, objects)
    if live is None or sides is None:
        return Rewrite((), "", lowers=False, problem=check_adoption(canary, objects, others))
    claim = Claim(key, adopted_refs(canary)[ref], sides, weight)
    problem = next(_problems(claim, ref, live, others), None)
    kept = tuple(c for c in claims_in(live) if c.canary != key and c.canary in others)
    if problem is not None and problem.reason == "RouteAdopted":
        return Rewrite((), "", lowers=False, problem=problem)
    operations = [*_set_weights(claim, live), *_take_away(claim, live)]
    if problem is None:
        operations += _annotate(live, written((*kept, claim)))
    lowers = weight < (_share_in(live, claim) or 0)
    return Rewrite(tuple(operations), str(claim), lowers, problem)


def returned(key: str, live: Object, others: Collection[str], weight: int = 0) -> Rewrite:
    """Return what leaves `weight` percent to the canary, and takes the Canary's claim away.

    `key` is the Canary as claims name it. Nothing, where it has no claim.
    """
    claims = claims_in(live)
    own = next((claim for claim in claims if claim.canary == key), None)
    if own is None:
        return Rewrite((), "", lowers=False)
    last = Claim(own.canary, own.routes, own.sides, weight)
    kept = tuple(c for c in claims if c.canary != key and c.canary in others)
    operations = (*_set_weights(last, live), *_annotate(live, written(kept)))
    return Rewrite(operations, "returned", lowers=weight < (_share_in(live, last) or 0))


def adopted_share(canary: Canary, objects: Objects) -> int | None:
    """Return the percentage that adopted routes give the canary, where they give most.

    Rounded up, for somebody may have edited them. None while there are none.
    """
    sides, shares = _known_sides(canary, objects), []
    for ref, names in adopted_refs(canary).items():
        live = objects.get(ref)
        if live is not None and sides is not None:
            claim = Claim(canary_key(canary.ref), names, sides, 0)
            shares.append(_share_in(live, claim))
    return max((share for share in shares if share is not None), default=None)


def _known_sides(canary: Canary, objects: Objects) -> Sides | None:
    """Return the two destinations; those that were written last where the spec's are gone."""
    try:
        return sides_of(canary, objects)
    except SpecError:
        present = (live for ref in adopted_refs(canary) if (live := objects.get(ref)) is not None)
        claims = (claim for live in present for claim in claims_in(live))
        key = canary_key(canary.ref)
        return next((claim.sides for claim in claims if claim.canary == key), None)


def _problems(
    claim: Claim, ref: ObjectRef, live: Object | None, others: Collection[str]
) -> Iterator[SpecError]:
    if live is None:
        yield SpecError(
            "VirtualServiceNotFound",
            f"spec.service.virtualServiceRef: {ref} does not exist, or is in a namespace that "
            "linnet does not watch; create it, or correct name and namespace",
        )
        return
    places = {place for place, _ in claim.routes_in(live)}
    for name in claim.routes:
        yield from _problems_of_route(name, claim, ref, live, places)
    if not places and not claim.routes:
        yield SpecError(
            "DestinationsNotFound",
            f"{ref} has no HTTP route that leads to {claim.sides} and nowhere else: correct the "
            "destinations of a route there, both with a weight",
        )
    if (rival := _rival(claim, ref, live, others, places)) is not None:
        yield rival


def _problems_of_route(
    name: str, claim: Claim, ref: ObjectRef, live: Object, places: set[int]
) -> Iterator[SpecError]:
    same = [(p, r) for p, r in enumerate(http_routes(live)) if r.get("name") == name]
    if not same:
        known = ", ".join(str(r["name"]) for r in http_routes(live) if r.get("name"))
        yield SpecError(
            "RouteNotFound",
            f"spec.service.virtualServiceRef.routes: {ref} has no HTTP route named {name} (it "
            f"has {known or 'none with a name'}); correct the name, or give the route its name",
        )
    for place, route in same:
        if place not in places:
            yield SpecError(
                "DestinationsNotFound",
                f"the HTTP route {name} of {ref} leads to {_leads_to(route, ref)}, and has to "
                f"lead to {claim.sides} and nowhere else: correct its destinations, or take "
                "its name out of spec.service.virtualServiceRef.routes",
            )


def _rival(
    claim: Claim, ref: ObjectRef, live: Object, others: Collection[str], places: set[int]
) -> SpecError | None:
    """Return the error where another Canary was first to write the weights of a route."""
    for theirs in claims_in(live):
        if theirs.canary == claim.canary or theirs.canary not in others:
            continue
        if places & {place for place, _ in theirs.routes_in(live)}:
            return SpecError(
                "RouteAdopted",
                f"Canary {theirs.canary} writes the weights of the same HTTP route of {ref}: name "
                "other routes in spec.service.virtualServiceRef.routes, or delete one of the two "
                "Canaries",
            )
    return None


def _leads_to(route: Object, ref: ObjectRef) -> str:
    entries = route.get("route") or ()
    return ", ".join(str(destination_of(e, ref.namespace)) for e in entries) or "no destination"


def _set_weights(claim: Claim, live: Object) -> Iterator[Operation]:
    namespace = live["metadata"].get("namespace", "")
    for place, route in claim.routes_in(live):
        for index, entry in enumerate(route["route"]):
            wanted = claim.weights[destination_of(entry, namespace)]
            if (entry.get("weight") or 0) != wanted:
                yield _set(place, index, wanted)


def _take_away(claim: Claim, live: Object) -> Iterator[Operation]:
    """Yield what gives the canary's part to the primary in routes that have changed their shape."""
    if claim.weight:
        return
    namespace = live["metadata"].get("namespace", "")
    regular = {place for place, _ in claim.routes_in(live)}
    for place, route in _concerned(claim, live):
        if place in regular:
            continue
        entries = [
            (index, destination_of(entry, namespace), entry.get("weight") or 0)
            for index, entry in enumerate(route["route"])
        ]
        ours = [(i, weight) for i, to, weight in entries if to == claim.sides.canary and weight]
        primary = next(((i, w) for i, to, w in entries if to == claim.sides.primary), None)
        if not ours or primary is None:
            continue
        for index, _ in ours:
            yield _set(place, index, 0)
        yield _set(place, primary[0], primary[1] + sum(weight for _, weight in ours))


def _share_in(live: Object, claim: Claim) -> int | None:
    namespace = live["metadata"].get("namespace", "")
    shares = [
        share(route["route"], claim.sides.canary, namespace) for _, route in _concerned(claim, live)
    ]
    return max(shares, default=None)


def _concerned(claim: Claim, live: Object) -> Iterator[tuple[int, Object]]:
    """Yield the routes that are named, or lead to both sides, if perhaps elsewhere as well."""
    namespace = live["metadata"].get("namespace", "")
    for place, route in enumerate(http_routes(live)):
        leads_to = {destination_of(entry, namespace) for entry in route.get("route") or ()}
        named = route.get("name") in claim.routes
        if leads_to and (named if claim.routes else set(claim.sides) <= leads_to):
            yield place, route


def _annotate(live: Object, value: str) -> list[Operation]:
    annotations = live["metadata"].get("annotations")
    before = (annotations or {}).get(WEIGHTS_ANNOTATION, "")
    path = "/metadata/annotations/" + WEIGHTS_ANNOTATION.replace("/", "~1")
    if value == before:
        return []
    if not value:
        return [{"op": "remove", "path": path}]
    if annotations is None:
        return [
            {"op": "add", "path": "/metadata/annotations", "value": {WEIGHTS_ANNOTATION: value}}
        ]
    return [{"op": "add", "path": path, "value": value}]


def _set(place: int, index: int, weight: int) -> Operation:
    return {"op": "add", "path": f"/spec/http/{place}/route/{index}/weight", "value": weight}
