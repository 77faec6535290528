"""The VirtualService of a Canary: who gets how much."""

import copy
from collections.abc import Mapping
from enum import Enum
from typing import Any

from linnet.api.canary import Canary
from linnet.api.duration import format_duration
from linnet.api.objects import ObjectRef
from linnet.api.service import MESH
from linnet.ownership import owned_metadata
from linnet.routing.destinations import Destination, share
from linnet.routing.hosts import fqdn, route_hosts
from linnet.routing.services import apex_ref
from linnet.routing.settings import passed_on
from linnet.routing.takeover import original, port_key, take_over

Object = Mapping[str, Any]
Live = Mapping[ObjectRef, Object]


class Earlier(Enum):
    """The part of the destinations that requests went to before linnet routed them.

    A gateway knows no destination that no route names, and answers 503 while it learns of one. So
    the new destinations are first named beside the earlier ones, which still serve; and the
    earlier ones beside the new, before requests go back to them.
    """

    NONE = "not named"
    NAMED = "named, without traffic"
    SERVING = "all traffic"
    ALONE = "all traffic, and nothing else is named"


def virtual_service(
    canary: Canary, weight: int, live: Live, earlier: Earlier = Earlier.NONE
) -> Object:
    """Return the VirtualService that gives the canary `weight` percent of the traffic.

    Both destinations are always there: Istio gives a single one everything, whatever its weight.
    Hosts are short names, which hold under any cluster domain. Raises SpecError("NotOurs") where
    another controller has the name.
    """
    ref = ObjectRef("VirtualService", canary.namespace, canary.service_name)
    desired: dict[str, Any] = {
        "apiVersion": "networking.istio.io/v1",
        "kind": ref.kind,
        "metadata": owned_metadata(canary, ref.name),
        "spec": {
            **_bound_to(canary),
            "http": [_route(canary, live.get(apex_ref(canary)))],
        },
    }
    desired = take_over(canary, desired, live.get(ref))
    before = _earlier_destinations(canary, original(desired))
    desired["spec"]["http"][0]["route"] = _destinations(canary, weight, before, earlier)
    return desired


def canary_weight_of(canary: Canary, live: Object) -> int:
    """Return the percentage that a live VirtualService gives the canary, rounded up.

    It may have been edited by hand: the route that gives most counts, and a single destination
    gets everything. 0 where no route leads to the canary.
    """
    to = Destination(fqdn(canary.service_canary, canary.namespace))
    routes = (route.get("route") or [] for route in live["spec"].get("http") or ())
    return max((share(route, to, canary.namespace) for route in routes), default=0)


def _bound_to(canary: Canary) -> dict[str, Any]:
    if canary.delegates:  # hosts and gateways are those of the VirtualService that delegates
        return {}
    return {"hosts": list(route_hosts(canary)), "gateways": list(_gateways(canary))}


def _gateways(canary: Canary) -> tuple[str, ...]:
    return canary.spec.service.gateways or (MESH,)


def _earlier_destinations(canary: Canary, before: Object) -> list[dict[str, Any]]:
    """Return where requests went before: by the last route that there was, else to the apex.

    The last is for all requests that no other one matches.
    """
    routes = [route["route"] for route in before.get("http") or () if route.get("route")]
    if not routes:
        return [_destination(canary, canary.service_name, 100)]
    found: list[dict[str, Any]] = copy.deepcopy(routes[-1])
    return [{**found[0], "weight": 100}] if len(found) == 1 else found


def _destinations(
    canary: Canary, weight: int, before: list[dict[str, Any]], earlier: Earlier
) -> list[dict[str, Any]]:
    ours = [
        _destination(canary, canary.service_primary, 100 - weight),
        _destination(canary, canary.service_canary, weight),
    ]
    match earlier:
        case Earlier.NONE:
            return ours
        case Earlier.NAMED:
            return [*ours, *({**d, "weight": 0} for d in before)]
        case Earlier.SERVING:
            return [*({**d, "weight": 0} for d in ours), *before]
        case Earlier.ALONE:
            return before


def _route(canary: Canary, apex: Object | None) -> dict[str, Any]:
    service = canary.spec.service
    settings = {
        "match": _match(canary, apex),
        "rewrite": service.rewrite,
        "timeout": format_duration(service.timeout) if service.timeout else None,
        "retries": service.retries,
        "headers": service.headers,
        "corsPolicy": service.cors_policy,
    }
    return {key: passed_on(value) for key, value in settings.items() if value}


def _match(canary: Canary, apex: Object | None) -> list[dict[str, Any]]:
    """Return the conditions of the route; requests to other ports of the Service are none of it."""
    wanted = [dict(match) for match in canary.spec.service.match]
    ports = (apex or {}).get("spec", {}).get("ports") or ()
    if canary.delegates:
        return wanted  # what gets here is for the VirtualService that delegates to say
    ours = (canary.spec.service.port_number, "TCP")
    if all(port_key(port) == ours for port in ports) or MESH not in _gateways(canary):
        return wanted
    # `port` is the Service's in the mesh, but the gateway's own at a gateway.
    others = [gateway for gateway in _gateways(canary) if gateway != MESH]
    conditions = []
    for match in wanted or [{}]:
        if "port" in match or "gateways" in match:
            conditions.append(match)
            continue
        conditions.append({**match, "gateways": [MESH], "port": canary.spec.service.port_number})
        if others:
            conditions.append({**match, "gateways": others})
    return conditions


def _destination(canary: Canary, host: str, weight: int) -> dict[str, Any]:
    port = {"number": canary.spec.service.port_number}
    return {"destination": {"host": host, "port": port}, "weight": weight}
