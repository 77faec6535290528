"""Who manages which field of an object, as the API server notes it in metadata.managedFields.

To write one weight of a VirtualService is to become the manager of its whole `spec.http`, for that
list is one field to the API server; whoever applied it, server-side, is no longer. Their next
`kubectl apply --server-side` would be refused with a conflict. So linnet gives back at once what it
took: the values stay, the managers are again those from before.
"""

from collections.abc import Mapping
from typing import Any

from linnet.api.names import FIELD_MANAGER

Object = Mapping[str, Any]


def handed_back(before: Object, after: Object) -> list[Object] | None:
    """Return the managedFields that the object should have; None where it has these.

    linnet manages nothing but what it has put into the metadata; others what they did before.
    """
    found = _entries(after)
    others = [entry for entry in _entries(before) if not _is_own(entry)]
    own = [
        {**entry, "fieldsV1": {k: v for k, v in entry["fieldsV1"].items() if k != "f:spec"}}
        for entry in found
        if _is_own(entry)
    ]
    wanted = [*others, *(entry for entry in own if entry["fieldsV1"])]
    return None if sorted(wanted, key=_key) == sorted(found, key=_key) else wanted


def _entries(obj: Object) -> list[Object]:
    return obj["metadata"].get("managedFields") or []


def _is_own(entry: Object) -> bool:
    return (entry.get("manager"), entry.get("operation")) == (FIELD_MANAGER, "Update")


def _key(entry: Object) -> tuple[str, ...]:
    return tuple(entry.get(k, "") for k in ("manager", "operation", "apiVersion", "subresource"))
