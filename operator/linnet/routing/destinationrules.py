"""The DestinationRules of a Canary: one for each side."""

from collections.abc import Iterator, Mapping
from typing import Any

from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef
from linnet.ownership import claim, owned_metadata
from linnet.routing.settings import passed_on

Object = Mapping[str, Any]


def destination_rules(canary: Canary, live: Mapping[ObjectRef, Object]) -> Iterator[Object]:
    """Yield the DestinationRules to have.

    They carry the traffic policy of the spec and none of linnet's own: without `tls`, Istio's
    automatic mutual TLS stays in force. Raises SpecError("NotOurs") where a name is taken.
    """
    policy = canary.spec.service.traffic_policy
    for host in (canary.service_primary, canary.service_canary):
        ref = ObjectRef("DestinationRule", canary.namespace, host)
        rule = {
            "apiVersion": "networking.istio.io/v1",
            "kind": ref.kind,
            "metadata": owned_metadata(canary, ref.name),
            "spec": {
                "host": host,
                **({"trafficPolicy": passed_on(policy)} if policy else {}),
            },
        }
        yield claim(canary, rule, live.get(ref))
