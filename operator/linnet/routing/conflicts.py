"""What others have in the mesh that keeps a Canary's routes from working."""

from collections.abc import Iterable, Mapping
from typing import Any

from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef, ref_of
from linnet.api.service import MESH
from linnet.errors import SpecError
from linnet.ownership import is_orphan, is_ours, not_ours
from linnet.routing.hosts import canary_hosts, covers, fqdn, hosts_of, route_hosts, side_hosts
from linnet.routing.mutualtls import ROOT_NAMESPACE, breaks_mutual_tls, shadows
from linnet.routing.services import apex_ref, check_apex
from linnet.routing.takeover import is_taken_over, is_to_be_taken_over

__all__ = ["ROOT_NAMESPACE", "canary_hosts", "conflict", "hosts_of"]

Object = Mapping[str, Any]
Objects = Mapping[ObjectRef, Object]


def conflict(
    canary: Canary, objects: Objects, neighbours: Iterable[Object] = ()
) -> SpecError | None:
    """Return the first thing that stands against the Canary's objects, if any.

    `objects` are the live objects under the names that the Canary reads or writes; `neighbours`
    are VirtualServices, DestinationRules and PeerAuthentications of others that may matter to it.
    """
    try:
        _check_names(canary, objects)
        check_apex(canary, objects.get(apex_ref(canary)))
        _check_routes(canary, objects)
    except SpecError as error:
        return error
    policies = []
    for other in neighbours:
        problem = None
        if other["kind"] == "VirtualService":
            problem = _rival(canary, other)
        elif other["kind"] == "DestinationRule":
            problem = shadows(canary, other)
        elif other["kind"] == "PeerAuthentication":
            policies.append(other)
        if problem is not None:
            return problem
    target = objects.get(ObjectRef("Deployment", canary.namespace, canary.target_name))
    primary = objects.get(ObjectRef("Deployment", canary.namespace, canary.primary_name))
    return breaks_mutual_tls(canary, target, policies, primary)


def _check_names(canary: Canary, objects: Objects) -> None:
    copy = canary.primary_name if canary.copies_target else ""
    sides = (canary.service_primary, canary.service_canary)
    for ref, live in objects.items():
        ours = (copy,) if ref.kind == "Deployment" else sides
        if ref.name in ours and not is_ours(canary, live) and not is_orphan(live):
            raise not_ours(canary, live)


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


def _rival(canary: Canary, other: Object) -> SpecError | None:
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
    return SpecError(
        "HostConflict",
        f"{ref} routes {_words(hosts)} on {_words(shared)} as well, and Istio obeys only one of "
        f"the two VirtualServices: delete {ref}, or take the host out of it or out of "
        "spec.service.hosts",
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
