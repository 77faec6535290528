"""What others have in the mesh that keeps a Canary's routes from working."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef, ref_of
from linnet.api.service import MESH
from linnet.errors import SpecError, told_by
from linnet.ownership import is_orphan, is_ours, not_ours
from linnet.routing.adoption import adoption_problems
from linnet.routing.delegates import check_delegation, undelegated
from linnet.routing.hosts import canary_hosts, covers, fqdn, hosts_of, route_hosts, side_hosts
from linnet.routing.mutualtls import ROOT_NAMESPACE, breaks_mutual_tls, shadows
from linnet.routing.notice import Notice
from linnet.routing.services import apex_ref, check_apex
from linnet.routing.subsets import check_subsets
from linnet.routing.takeover import is_taken_over, is_to_be_taken_over

__all__ = ["ROOT_NAMESPACE", "canary_hosts", "conflicts", "hosts_of", "notices"]

Object = Mapping[str, Any]
Objects = Mapping[ObjectRef, Object]


def conflicts(
    canary: Canary,
    objects: Objects,
    neighbours: Iterable[Object] = (),
    others: Collection[str] = (),
) -> Iterator[SpecError]:
    """Yield what stands against the Canary's objects, each as it is asked for.

    `objects` are the live objects under the names that the Canary reads or writes; `neighbours`
    are VirtualServices, DestinationRules and PeerAuthentications of others that may matter to it;
    `others` are the other Canaries that write weights into the same VirtualServices.
    """
    neighbours = list(neighbours)
    yield from _names(canary, objects)
    if not canary.adopts:
        yield from told_by(check_apex, canary, objects.get(apex_ref(canary)))
        yield from told_by(_check_routes, canary, objects)
    if not canary.makes_services:
        # Services that linnet makes come before the routes that are to lead to them.
        yield from adoption_problems(canary, objects, others)
    yield from told_by(check_subsets, canary, objects)
    yield from told_by(check_delegation, canary, neighbours)
    for neighbour in neighbours:
        yield from told_by(_stands_against, canary, objects, neighbour)
    yield from told_by(breaks_mutual_tls, canary, objects, neighbours)


def notices(
    canary: Canary, objects: Objects, neighbours: Iterable[Object] = ()
) -> tuple[Notice, ...]:
    """Return what somebody should know of other objects though linnet can do its work."""
    neighbours = list(neighbours)
    own = objects.get(ObjectRef("VirtualService", canary.namespace, canary.service_name))
    rivals = (_rival(canary, n) for n in neighbours if n["kind"] == "VirtualService")
    found = (
        undelegated(canary, neighbours),
        *(_overruled(rival) for rival in rivals if rival is not None and _precedes(own, rival)),
    )
    return tuple(notice for notice in found if notice is not None)


def _stands_against(canary: Canary, objects: Objects, other: Object) -> SpecError | None:
    if other["kind"] == "DestinationRule":
        return shadows(canary, other)
    if other["kind"] != "VirtualService":
        return None
    own = objects.get(ObjectRef("VirtualService", canary.namespace, canary.service_name))
    rival = _rival(canary, other)
    return None if rival is None or _precedes(own, rival) else _overruling(rival)


def _names(canary: Canary, objects: Objects) -> Iterator[SpecError]:
    """Yield that somebody else has a name that the Canary needs."""
    ours = {canary.primary_name} if canary.copies_target else set()
    services = {canary.service_primary, canary.service_canary} if canary.makes_services else set()
    for ref, live in objects.items():
        taken = ref.name in (ours if ref.kind == "Deployment" else services)
        if ref.kind == "VirtualService" or not taken or ref.namespace != canary.namespace:
            continue
        if not is_ours(canary, live) and not is_orphan(live):
            yield not_ours(canary, live)


def _check_routes(canary: Canary, objects: Objects) -> None:
    """Raise SpecError where taking a VirtualService over would drop what it routes."""
    live = objects.get(ObjectRef("VirtualService", canary.namespace, canary.service_name))
    if live is None or is_taken_over(live) or not is_to_be_taken_over(canary, live):
        return
    hosts = [fqdn(host, canary.namespace) for host in route_hosts(canary)]
    lost_hosts = {h for h in hosts_of(live) if not any(covers(ours, h) for ours in hosts)}
    gateways = _gateways(canary.spec.service.gateways, canary.namespace)
    for field, lost in (
        ("spec.service.hosts", lost_hosts),
        ("spec.service.gateways", _gateways_of(live) - gateways),
    ):
        if lost:
            raise SpecError(
                "RoutesLost",
                f"{ref_of(live)}, which linnet is to take over, is for {_words(lost)} as well: "
                f"add that to {field} if it is still in use, else delete the VirtualService",
            )
    lost = _destinations(live) - side_hosts(canary) - {fqdn(canary.service_name, canary.namespace)}
    if lost:
        raise SpecError(
            "RoutesLost",
            f"{ref_of(live)}, which linnet is to take over, leads to {_words(lost)} as well, where "
            "linnet's routes do not: delete the VirtualService if these are not in use any more, "
            "else set spec.service.name to the name of a Service of its own",
        )


class _Rival(NamedTuple):
    """A VirtualService of others for some of the Canary's hosts on some of its gateways."""

    other: Object
    hosts: frozenset[str]
    gateways: frozenset[str]


def _rival(canary: Canary, other: Object) -> _Rival | None:
    ref, spec = ref_of(other), other.get("spec") or {}
    if ref == ObjectRef("VirtualService", canary.namespace, canary.service_name):
        return None
    ours = {fqdn(host, canary.namespace) for host in route_hosts(canary)}
    hosts = hosts_of(other) & ours
    shared = _gateways(canary.spec.service.gateways, canary.namespace) & _gateways_of(other)
    if not hosts or not shared or not _visible(other, canary.namespace):
        return None
    if MESH not in shared and not (_takes_all(canary.spec.service.match) and _catches_all(spec)):
        return None  # a gateway puts routes together, and tries those for all requests last
    return _Rival(other, hosts, frozenset(shared))


def _precedes(own: Object | None, rival: _Rival) -> bool:
    """Tell whether Istio obeys the Canary's VirtualService, and not the other.

    Proxies obey one that is for their namespace alone before one for all; among those the oldest,
    then the first by name and namespace (istiod sorts them so). A VirtualService that is yet to be
    made will be the youngest.
    """
    return own is not None and _rank(own) < _rank(rival.other)


def _rank(virtual_service: Object) -> tuple[bool, str, str, str]:
    meta = virtual_service["metadata"]
    exported = (virtual_service.get("spec") or {}).get("exportTo") or ["*"]
    created = meta.get("creationTimestamp", "")
    return "*" in exported, created, meta["name"], meta.get("namespace", "")


def _overruling(rival: _Rival) -> SpecError:
    ref = ref_of(rival.other)
    return SpecError(
        "HostConflict",
        f"{ref} routes {_words(rival.hosts)} on {_words(rival.gateways)} as well, and Istio obeys "
        f"only one of the two VirtualServices: delete {ref}, or take the host out of it or out of "
        "spec.service.hosts",
    )


def _overruled(rival: _Rival) -> Notice:
    ref = ref_of(rival.other)
    return Notice(
        "HostShared",
        f"{ref} routes {_words(rival.hosts)} on {_words(rival.gateways)} as well; Istio obeys the "
        f"older VirtualService, which is the Canary's, and ignores {ref}: delete it, or take the "
        "host out of it",
    )


def _destinations(virtual_service: Object) -> set[str]:
    namespace = virtual_service["metadata"].get("namespace", "")
    return {
        fqdn(destination["destination"]["host"], namespace)
        for route in virtual_service["spec"].get("http") or ()
        for destination in route.get("route") or ()
    }


def _gateways_of(virtual_service: Object) -> set[str]:
    gateways = (virtual_service.get("spec") or {}).get("gateways") or ()
    return _gateways(gateways, virtual_service["metadata"].get("namespace", ""))


def _gateways(names: Iterable[str], namespace: str) -> set[str]:
    found = {name if "/" in name or name == MESH else f"{namespace}/{name}" for name in names}
    return found or {MESH}


def _visible(other: Object, namespace: str) -> bool:
    """Tell whether the proxies that obey the Canary's VirtualService see the other one, too."""
    own = other["metadata"].get("namespace", "")
    exported = (other.get("spec") or {}).get("exportTo") or ["*"]
    return own == namespace or "*" in exported or namespace in exported


def _catches_all(spec: Object) -> bool:
    return any(_takes_all(route.get("match") or ()) for route in spec.get("http") or ())


def _takes_all(matches: Iterable[Object]) -> bool:
    matches = [{k: v for k, v in match.items() if k != "name"} for match in matches]
    return not matches or any(match in ({}, {"uri": {"prefix": "/"}}) for match in matches)


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
