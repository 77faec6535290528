"""Host names as Istio reads them."""

from collections.abc import Mapping
from typing import Any, Final

from linnet.api.canary import Canary

CLUSTER_DOMAIN: Final = "svc.cluster.local"

Object = Mapping[str, Any]


def fqdn(host: str, namespace: str) -> str:
    """Return a host in full: a name without a dot is a Service of the object's namespace."""
    return host if "." in host or host == "*" else f"{host}.{namespace}.{CLUSTER_DOMAIN}"


def covers(pattern: str, host: str) -> bool:
    """Tell whether a host, which may be a wildcard such as `*.example.com`, stands for another."""
    return pattern == host or (pattern.startswith("*") and host.endswith(pattern[1:]))


def hosts_of(obj: Object) -> frozenset[str]:
    """Return the hosts that a VirtualService or DestinationRule is for, in full."""
    spec, namespace = obj.get("spec") or {}, obj["metadata"].get("namespace", "")
    hosts = spec.get("hosts") or [spec.get("host")]
    return frozenset(fqdn(host, namespace) for host in hosts if host)


def route_hosts(canary: Canary) -> tuple[str, ...]:
    """Return the hosts of the Canary's VirtualService, as it spells them.

    A delegate has none, and adopted routes are the user's.
    """
    if canary.delegates or canary.adopts:
        return ()
    hosts = canary.spec.service.hosts
    known = {fqdn(host, canary.namespace) for host in hosts}
    if "*" in known or fqdn(canary.service_name, canary.namespace) in known:
        return hosts
    return (*hosts, canary.service_name)


def side_hosts(canary: Canary) -> frozenset[str]:
    """Return the hosts of the Canary's two sides, in full."""
    sides = (canary.service_primary, canary.service_canary)
    return frozenset(fqdn(host, canary.namespace) for host in sides)


def canary_hosts(canary: Canary) -> frozenset[str]:
    """Return every host, in full, that an object of others could get in the way of."""
    routes = (fqdn(host, canary.namespace) for host in route_hosts(canary))
    return side_hosts(canary).union(routes)
