"""Objects of others that linnet takes over, and gives back when the Canary goes.

A Service or VirtualService that already has the name that clients call stays the user's: linnet
changes the fields that it has to manage, leaves all others alone, and keeps in an annotation what
the managed fields were.
"""

import copy
import json
from collections.abc import Mapping
from typing import Any, Final

from linnet.api.canary import Canary
from linnet.api.names import APPLIED_ANNOTATION, ORIGINAL_ANNOTATION
from linnet.api.objects import ref_of
from linnet.errors import SpecError
from linnet.ownership import controller_of, is_orphan, is_ours, not_ours

Object = Mapping[str, Any]

MANAGED: Final = {
    "Service": ("selector", "ports"),
    "VirtualService": ("hosts", "gateways", "http"),
}
"""The fields of `spec` that linnet manages. Of a Service's ports it manages the Canary's one."""


def is_taken_over(obj: Object) -> bool:
    """Tell whether linnet took the object over from somebody."""
    return ORIGINAL_ANNOTATION in (obj["metadata"].get("annotations") or {})


def is_to_be_taken_over(canary: Canary, live: Object | None) -> bool:
    """Tell whether the object is somebody's whom linnet has to take it over from.

    Raises SpecError("NotOurs") where another controller has it.
    """
    if live is None or is_ours(canary, live) or is_orphan(live):
        return False
    if controller_of(live) is not None:
        raise not_ours(canary, live)
    return True


def take_over(canary: Canary, desired: dict[str, Any], live: Object | None) -> dict[str, Any]:
    """Return `desired` as linnet may write it where an object may have been before.

    One that is taken over does not go with the Canary and keeps its labels.
    Raises SpecError("NotOurs") where another controller has it.
    """
    if live is None or not is_to_be_taken_over(canary, live):
        return desired
    metadata = {
        "name": desired["metadata"]["name"],
        "namespace": desired["metadata"]["namespace"],
        "annotations": {ORIGINAL_ANNOTATION: _noted(live) or _to_be_noted(desired, live)},
    }
    return {**desired, "metadata": metadata}


def given_back(canary: Canary, live: Object) -> dict[str, Any]:
    """Return an object that was taken over as it is without linnet.

    What others have changed since, outside the fields that linnet manages, stays.
    """
    before = original(live)
    restored = copy.deepcopy(dict(live))
    spec, annotations = restored["spec"], restored["metadata"]["annotations"]
    if live["kind"] == "Service":
        before["ports"] = _ports_without_ours(canary, spec["ports"], before.get("ports") or [])
    for field in MANAGED[live["kind"]]:
        spec.pop(field, None)
        if field in before:
            spec[field] = before[field]
    for annotation in (ORIGINAL_ANNOTATION, APPLIED_ANNOTATION):
        annotations.pop(annotation, None)
    if not annotations:
        del restored["metadata"]["annotations"]
    return restored


def original(obj: Object) -> dict[str, Any]:
    """Return what the managed fields of an object that was taken over were; else nothing.

    Raises SpecError("OriginalLost") where somebody has made the note unreadable.
    """
    try:
        found = json.loads("{}" if (note := _noted(obj)) is None else note)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SpecError(
            "OriginalLost",
            f"the annotation {ORIGINAL_ANNOTATION} of {ref_of(obj)} should tell in JSON what "
            f"{', '.join(MANAGED[obj['kind']])} were before linnet took the object over, and is "
            "not readable any more: write it anew",
        )
    return found


def port_key(port: Object) -> tuple[int, str]:
    """Return what tells the ports of a Service apart."""
    return port["port"], port.get("protocol", "TCP")


def _noted(live: Object) -> str | None:
    note = (live["metadata"].get("annotations") or {}).get(ORIGINAL_ANNOTATION)
    return str(note) if note is not None else None


def _to_be_noted(desired: Object, live: Object) -> str:
    spec = live["spec"]
    fields = {field: spec[field] for field in MANAGED[desired["kind"]] if field in spec}
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def _ports_without_ours(
    canary: Canary, live: list[dict[str, Any]], original: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    ours = (canary.spec.service.port_number, "TCP")
    before = next((port for port in original if port_key(port) == ours), None)
    ports = []
    for port in live:
        if port_key(port) != ours:
            ports.append(port)
        elif before is not None:
            # The node port is Kubernetes' to give, and the type may have changed.
            given = {"nodePort": port["nodePort"]} if "nodePort" in port else {}
            ports.append({**{k: v for k, v in before.items() if k != "nodePort"}, **given})
    return ports
