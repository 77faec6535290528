"""What the live routes do, where the status of a Canary alone cannot tell."""

from typing import Any

from linnet.adapters.connection import Connection
from linnet.adapters.kinds import VIRTUAL_SERVICE
from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef
from linnet.cli.conditions import ROUTED, Object, condition
from linnet.errors import LinnetError
from linnet.routing.adoption import adopted_refs
from linnet.routing.weights import canary_share


async def with_routes(connection: Connection, canary: Object) -> dict[str, Any]:
    """Return a Canary with the canary's share of its live routes, as ROUTED, in percent.

    None where there are no routes, or where the caller may not read them: who has the commands
    needs permissions on Canaries only.
    """
    try:
        share = await _share(connection, Canary.from_object(canary))
    except LinnetError:
        share = None
    return {**canary, ROUTED: share}


async def with_routes_if_stalled(connection: Connection, canary: Object) -> Object:
    """Return the same for a Canary that is stalled; any other as it is."""
    if condition(canary.get("status") or {}, "Stalled").get("status") != "True":
        return canary
    return await with_routes(connection, canary)


async def _share(connection: Connection, canary: Canary) -> int | None:
    own = ObjectRef(VIRTUAL_SERVICE.name, canary.namespace, canary.service_name)
    refs = adopted_refs(canary) if canary.adopts else (own,)
    return canary_share(canary, {ref: await _read(connection, ref) for ref in refs})


async def _read(connection: Connection, ref: ObjectRef) -> dict[str, Any]:
    path = VIRTUAL_SERVICE.path(VIRTUAL_SERVICE.versions[0], ref.namespace, ref.name)
    return await connection.request("GET", path, ref)
