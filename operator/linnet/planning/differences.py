"""How two versions of an object differ, field by field; and JSON patches (RFC 6902)."""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_MISSING: Final = object()
_UNTOLD: Final = frozenset(
    {"metadata.resourceVersion", "metadata.generation", "metadata.uid", "status"}
)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that changes; `before` or `after` is None where it is not there."""

    field: str
    before: Any
    after: Any

    def to_object(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"field": self.field, "before": self.before, "after": self.after}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Return what differs, but for what the API server keeps by itself."""
    return tuple(_differ("", before, after))


def _differ(path: str, before: Any, after: Any) -> Iterator[FieldChange]:
    if before == after or path in _UNTOLD:
        return
    if isinstance(after, Mapping) and before in (_MISSING, None):
        before = {}  # what is in it is of more interest than that it is new
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            inner = _inner(path, str(key))
            yield from _differ(inner, before.get(key, _MISSING), after.get(key, _MISSING))
        return
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differ(f"{path}[{index}]", old, new)
        return
    yield FieldChange(path, _value(before), _value(after))


def _inner(path: str, key: str) -> str:
    if not path:
        return key
    return f"{path}[{key}]" if "." in key or "/" in key else f"{path}.{key}"


def _value(value: Any) -> Any:
    return None if value is _MISSING else value


def patched(obj: Mapping[str, Any], operations: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return an object with a JSON patch applied: add, remove and replace."""
    new = copy.deepcopy(dict(obj))
    for operation in operations:
        *parents, last = _steps(operation["path"])
        node: Any = new
        for step in parents:
            node = node[int(step) if isinstance(node, list) else step]
        if operation["op"] == "remove":
            del node[int(last) if isinstance(node, list) else last]
        elif isinstance(node, list) and operation["op"] == "add":
            node.insert(int(last), operation["value"])
        else:
            node[int(last) if isinstance(node, list) else last] = operation["value"]
    return new


def _steps(path: str) -> Sequence[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
