"""How much of the traffic the live routes give the canary."""

from collections.abc import Mapping
from typing import Any

from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef
from linnet.routing.adoption import adopted_share
from linnet.routing.virtualservice import canary_weight_of

Object = Mapping[str, Any]


def canary_share(canary: Canary, objects: Mapping[ObjectRef, Object]) -> int | None:
    """Return the percentage that goes to the canary where most does, rounded up.

    None while there are no routes. Routes may have been edited by hand.
    """
    if canary.adopts:
        return adopted_share(canary, objects)
    live = objects.get(ObjectRef("VirtualService", canary.namespace, canary.service_name))
    return None if live is None else canary_weight_of(canary, live)
