"""The annotation on VirtualServices of others that says whose weights linnet keeps in them.

Each Canary has one entry; entries are separated by `;`, what an entry consists of by a space:

    prod/reviews * reviews.prod.svc.cluster.local/v1=60 reviews.prod.svc.cluster.local/v2=40

the Canary, the names of the routes (`*`: all that lead to the two destinations and nowhere else),
and the two destinations with their weights. The MutatingAdmissionPolicy in deploy/ reads it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from linnet.api.names import WEIGHTS_ANNOTATION
from linnet.api.objects import ObjectRef
from linnet.routing.destinations import Destination, Sides, destination_of

ALL: Final = "*"

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """What one Canary writes into a VirtualService: the canary's weight in some routes.

    `routes` are names of routes; none means all that lead to both sides and nowhere else.
    """

    canary: str
    routes: tuple[str, ...]
    sides: Sides
    weight: int

    def __str__(self) -> str:
        primary, canary = self.sides
        routes = ",".join(self.routes) or ALL
        return f"{self.canary} {routes} {primary}={100 - self.weight} {canary}={self.weight}"

    @property
    def weights(self) -> Mapping[Destination, int]:
        """The weight of either side."""
        return {self.sides.primary: 100 - self.weight, self.sides.canary: self.weight}

    def routes_in(self, virtual_service: Object) -> Iterator[tuple[int, Object]]:
        """Yield the routes that the claim is for, with their places."""
        namespace = virtual_service["metadata"].get("namespace", "")
        for place, route in enumerate(http_routes(virtual_service)):
            entries = route.get("route") or ()
            if self.routes and route.get("name") not in self.routes:
                continue
            leads_to = [destination_of(entry, namespace) for entry in entries]
            if sorted(leads_to) == sorted(self.sides):
                yield place, route


def canary_key(canary: ObjectRef) -> str:
    """Return how claims name a Canary."""
    return f"{canary.namespace}/{canary.name}"


def claims_in(virtual_service: Object) -> tuple[Claim, ...]:
    """Return the claims that are noted in a VirtualService; what is not readable is none."""
    annotations = virtual_service["metadata"].get("annotations") or {}
    found = (_read(text) for text in str(annotations.get(WEIGHTS_ANNOTATION, "")).split(";"))
    return tuple(claim for claim in found if claim is not None)


def written(claims: tuple[Claim, ...]) -> str:
    """Return the annotation's value."""
    return ";".join(map(str, sorted(claims, key=lambda claim: claim.canary)))


def http_routes(virtual_service: Object) -> list[Object]:
    """Return the HTTP routes of a VirtualService."""
    return list((virtual_service.get("spec") or {}).get("http") or ())


def _read(text: str) -> Claim | None:
    try:
        canary, routes, primary, other = text.split(" ")
        namespace, name = canary.split("/")
        (first, _), (second, weight) = (_weighted(part) for part in (primary, other))
        if not (namespace and name and 0 <= weight <= 100):
            return None
        names = () if routes == ALL else tuple(routes.split(","))
        return Claim(canary, names, Sides(first, second), weight)
    except ValueError:
        return None


def _weighted(text: str) -> tuple[Destination, int]:
    to, _, weight = text.rpartition("=")
    host, _, subset = to.partition("/")
    return Destination(host, subset), int(weight)
