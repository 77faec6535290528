"""Which of linnet's kinds the cluster serves, and in which version."""

from collections.abc import Collection, Mapping

from linnet.adapters.connection import Connection, NotFoundError
from linnet.adapters.kinds import KINDS, Kind


async def discover(
    connection: Connection, kinds: Collection[Kind] = tuple(KINDS.values())
) -> dict[Kind, str]:
    """Return the kinds that are served, each with the best version that linnet can read.

    Raises UnavailableError.
    """
    known: dict[str, frozenset[str]] = {}
    found: dict[Kind, str] = {}
    for kind in kinds:
        for version in kind.versions:
            path = kind.discovery_path(version)
            if path not in known:
                known[path] = await _plurals(connection, path)
            if kind.plural in known[path]:
                found[kind] = version
                break
    return found


async def _plurals(connection: Connection, path: str) -> frozenset[str]:
    try:
        answer: Mapping[str, list[dict[str, str]]] = await connection.request("GET", path, path)
    except NotFoundError:
        return frozenset()
    return frozenset(resource["name"] for resource in answer.get("resources") or ())
