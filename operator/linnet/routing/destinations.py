"""Where a Canary's routes lead to: one destination for each side."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef, ref_of
from linnet.errors import SpecError
from linnet.routing.hosts import CLUSTER_DOMAIN, fqdn, hosts_of

Object = Mapping[str, Any]


class Destination(NamedTuple):
    """A host in full, and the subset of its pods, if any. Ports make no difference."""

    host: str
    subset: str = ""

    def __str__(self) -> str:
        return f"{self.host}/{self.subset}" if self.subset else self.host


class Sides(NamedTuple):
    """The destinations of the two sides."""

    primary: Destination
    canary: Destination

    def __str__(self) -> str:
        return f"{self.primary} and {self.canary}"


def destination_of(entry: Object, namespace: str) -> Destination:
    """Read an entry of a route in a VirtualService of this namespace."""
    destination = entry.get("destination") or {}
    host, subset = (str(destination.get(key) or "") for key in ("host", "subset"))
    return Destination(fqdn(host, namespace), subset)


def sides_of(canary: Canary, objects: Mapping[ObjectRef, Object]) -> Sides:
    """Return the two destinations.

    Raises SpecError where they are subsets that the DestinationRule does not have, or of a host
    that is no Service of the Canary's namespace: with that, a Canary could shift the traffic of
    others.
    """
    rule = canary.spec.service.destination_rule_ref
    if rule is None:
        names = (canary.service_primary, canary.service_canary)
        primary, other = (Destination(fqdn(name, canary.namespace)) for name in names)
        return Sides(primary, other)
    ref = ObjectRef("DestinationRule", canary.namespace, rule.name)
    live = objects.get(ref)
    if live is None:
        raise SpecError(
            "DestinationRuleNotFound",
            f"spec.service.destinationRuleRef: {ref} does not exist; create it, or correct the "
            "name",
        )
    host = next(iter(hosts_of(live)), "")
    if not host.endswith(f".{canary.namespace}.{CLUSTER_DOMAIN}"):
        raise SpecError(
            "DestinationRuleUnusable",
            f"{ref_of(live)} is for {host or 'no host'}, which is no Service of namespace "
            f"{canary.namespace}: create the Canary where that Service is",
        )
    known = [subset.get("name") for subset in (live.get("spec") or {}).get("subsets") or ()]
    for field, subset in (
        ("primarySubset", rule.primary_subset),
        ("canarySubset", rule.canary_subset),
    ):
        if subset not in known:
            names_known = ", ".join(sorted(filter(None, known))) or "none"
            raise SpecError(
                "SubsetNotFound",
                f"spec.service.destinationRuleRef.{field}: {ref} has no subset {subset} (it has "
                f"{names_known}); correct the name, or add the subset",
            )
    return Sides(Destination(host, rule.primary_subset), Destination(host, rule.canary_subset))


def share(route: Sequence[Object], to: Destination, namespace: str) -> int:
    """Return the percentage of a route's requests that go to one destination, rounded up.

    A single destination gets everything, whatever its weight.
    """
    if len(route) == 1:
        return 100 if destination_of(route[0], namespace) == to else 0
    parts = [(destination_of(entry, namespace), entry.get("weight") or 0) for entry in route]
    total = sum(weight for _, weight in parts)
    ours = sum(weight for destination, weight in parts if destination == to)
    return -(-ours * 100 // total) if total else 0
