"""VirtualServices that delegate to a Canary's, which has neither hosts nor gateways then.

Istio puts the routes of both together. A route of the delegate counts only where each of its
matches asks for no more than one of the root's; otherwise it is left out, and nobody is told.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef, ref_of
from linnet.errors import SpecError
from linnet.routing.notice import Notice

Object = Mapping[str, Any]

STRINGS: Final = ("uri", "scheme", "method", "authority")
STRING_MAPS: Final = ("headers", "withoutHeaders", "queryParams")


def delegates_of(virtual_service: Object) -> frozenset[ObjectRef]:
    """Return the VirtualServices that this one delegates to."""
    return frozenset(ref for _, ref in _delegations(virtual_service))


def delegate_ref(canary: Canary) -> ObjectRef:
    """Return the reference of the VirtualService that linnet makes."""
    return ObjectRef("VirtualService", canary.namespace, canary.service_name)


def roots(canary: Canary, neighbours: Iterable[Object]) -> list[Object]:
    """Return the VirtualServices that delegate to the Canary's."""
    ref = delegate_ref(canary)
    return [n for n in neighbours if n["kind"] == ref.kind and ref in delegates_of(n)]


def check_delegation(canary: Canary, neighbours: Iterable[Object]) -> SpecError | None:
    """Return the error where Istio would leave the Canary's route out."""
    if not canary.delegates or not canary.spec.service.match:
        return None
    for root in roots(canary, neighbours):
        for route, ref in _delegations(root):
            wanted = route.get("match")
            if ref != delegate_ref(canary) or not wanted:
                continue
            for match in canary.spec.service.match:
                if all(_conflict(of_root, match) for of_root in wanted):
                    return SpecError(
                        "MatchConflict",
                        f"{ref_of(root)} delegates only some requests to {ref}, and a match of "
                        "spec.service.match asks for others, so Istio leaves the route out: leave "
                        "spec.service.match out, or let each match narrow one of the root's",
                    )
    return None


def undelegated(canary: Canary, neighbours: Iterable[Object]) -> Notice | None:
    """Return the notice that nothing delegates to the Canary's VirtualService."""
    if not canary.delegates or roots(canary, neighbours):
        return None
    ref = delegate_ref(canary)
    return Notice(
        "NotDelegated",
        f"no VirtualService delegates to {ref}, so it gets no requests: give a route of the "
        f"VirtualService that has the hosts delegate: {{name: {ref.name}, namespace: "
        f"{ref.namespace}}}",
    )


def _delegations(virtual_service: Object) -> Iterator[tuple[Object, ObjectRef]]:
    namespace = virtual_service["metadata"].get("namespace", "")
    for route in (virtual_service.get("spec") or {}).get("http") or ():
        to = route.get("delegate") or {}
        if to.get("name"):
            ref = ObjectRef("VirtualService", to.get("namespace") or namespace, to["name"])
            yield route, ref


def _conflict(root: Object, leaf: Object) -> bool:
    """Tell whether a match of a delegate asks for requests that the root's does not give it.

    The rules are Istio's (`hasConflict` in pilot/pkg/model/virtualservice.go).
    """
    pairs = [(root.get(field), leaf.get(field)) for field in STRINGS]
    for field in STRING_MAPS:
        of_root = root.get(field) or {}
        pairs += [(of_root.get(key), value) for key, value in (leaf.get(field) or {}).items()]
    labels = root.get("sourceLabels") or {}
    gateways = set(root.get("gateways") or ())
    return (
        any(a is not None and b is not None and _outside(a, b) for a, b in pairs)
        or bool(root.get("ignoreUriCase")) != bool(leaf.get("ignoreUriCase"))
        or _differ(root.get("port"), leaf.get("port"))
        or (
            bool(root.get("sourceNamespace") or "")
            and root.get("sourceNamespace") != leaf.get("sourceNamespace")
        )
        or any(_differ(labels.get(k), v) for k, v in (leaf.get("sourceLabels") or {}).items())
        or bool(gateways and not set(leaf.get("gateways") or ()) <= gateways)
    )


def _differ(root: Any, leaf: Any) -> bool:
    return bool(root) and bool(leaf) and root != leaf


def _outside(root: Object, leaf: Object) -> bool:
    """Tell whether a string match is not within another; regular expressions cannot be compared."""
    if root.get("regex") or leaf.get("regex"):
        return bool(_any(root) and _any(leaf))
    if exact := root.get("exact"):
        return bool(leaf.get("exact") != exact)
    within = leaf.get("prefix") or leaf.get("exact")
    return not (root.get("prefix") and within and within.startswith(root["prefix"]))


def _any(match: Object) -> bool:
    return any(match.get(kind) for kind in ("regex", "prefix", "exact"))
