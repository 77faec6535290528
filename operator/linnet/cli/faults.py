"""All that is wrong with what a file holds, and not only what is found first."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from linnet.api.explain import Keys, dotted
from linnet.errors import SpecError

Fault = tuple[Keys, str]
"""The field that is wrong, and a sentence."""


class ManifestError(SpecError):
    """What a file holds cannot be used. `faults` tells each fault in a line, with its place."""

    def __init__(self, *faults: str) -> None:
        head = f"{len(faults)} faults:\n  " if len(faults) > 1 else ""
        super().__init__("InvalidManifest", head + "\n  ".join(faults))
        self.faults = faults


def unknown_fields(value: Any, schema: Mapping[str, Any], path: Keys) -> Iterator[Fault]:
    """Yield the fields of a value that do not exist; `path` is that of the value itself.

    `kubectl apply` refuses them as well: what is not read is not tried.
    """
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from unknown_fields(item, schema.get("items", {}), (*path, number))
    known = schema.get("properties")
    if not isinstance(value, dict) or known is None:
        return
    for name, inner in value.items():
        if name in known:
            yield from unknown_fields(inner, known[name], (*path, name))
            continue
        near = get_close_matches(str(name), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
        yield (*path, name), f"{dotted((*path, name))} does not exist: {hint}"
