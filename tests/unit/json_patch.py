"""JSON patches (RFC 6902), as far as linnet writes them."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any


def patched(obj: Mapping[str, Any], operations: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a copy of the object with the operations carried out."""
    result = copy.deepcopy(dict(obj))
    for operation in operations:
        *parents, last = [
            part.replace("~1", "/").replace("~0", "~")
            for part in operation["path"].removeprefix("/").split("/")
        ]
        node: Any = result
        for part in parents:
            node = node[int(part)] if isinstance(node, list) else node[part]
        assert isinstance(node, dict)
        if operation["op"] == "remove":
            del node[last]
        else:
            assert operation["op"] == "add" or last in node
            node[last] = copy.deepcopy(operation["value"])
    return result
