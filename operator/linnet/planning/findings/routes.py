"""What other routes of adopted VirtualServices mean to the comparison of the two sides."""

from collections.abc import Iterator

from linnet.errors import SpecError
from linnet.planning.finding import Finding, Severity
from linnet.planning.findings.case import Case, about, items, mapping
from linnet.planning.manifests import DESTINATION_RULE
from linnet.routing.adoption import adopted_refs
from linnet.routing.destinations import Sides, destination_of, sides_of


def counted_as_the_primary(case: Case) -> Iterator[Finding]:
    """Yield routes that lead to the primary beside those whose weights linnet writes."""
    sides = _sides(case)
    if sides is None:
        return
    for ref, names in adopted_refs(case.canary).items():
        one = case.manifests.find(ref)
        if one is None:
            continue
        routes = list(map(mapping, items(one.spec.get("http"))))
        leads_to = [
            [destination_of(mapping(entry), ref.namespace) for entry in items(route.get("route"))]
            for route in routes
        ]
        written = {
            number
            for number, route in enumerate(routes)
            if (not names or route.get("name") in names)
            and sorted(leads_to[number]) == sorted(sides)
        }
        if not written:
            continue  # the Canary is stalled, which is told
        for number, destinations in enumerate(leads_to):
            if sides.primary in destinations and number not in written:
                yield about(
                    one,
                    Severity.INFO,
                    "CountedAsPrimary",
                    f"spec.http[{number}]",
                    f"it leads to {sides.primary} beside the routes of Canary {case.canary.name},"
                    " and as Istio's metrics do not tell routes apart, its requests count as the"
                    " primary's: where they fail more or less than others, or take longer, give"
                    " this route both destinations as well",
                )


def _sides(case: Case) -> Sides | None:
    """Return the two destinations; None where routes are not adopted, or cannot be."""
    if not case.canary.adopts:
        return None
    rules = {one.ref: one.object for one in case.manifests.of_kind(DESTINATION_RULE)}
    try:
        return sides_of(case.canary, rules)
    except SpecError:
        return None
