"""The Canary's annotation as an inbox: what in it is new, what was handled, when it is emptied.

A request is acted on once. The status that says so is written first, then the annotation is
removed, and that it is gone is written down too; so the same text can be asked again, and a crash
in between acts on nothing twice.

A request that is part of an applied manifest stays: whoever applies that manifest again and again
would put it back each time. It is handled once, and remembered apart from the others, so that it is
not new again when it comes back after another request had taken its place.
"""

import json
from collections.abc import Mapping
from typing import Any

from linnet.api.canary import Canary
from linnet.api.names import LAST_APPLIED_ANNOTATION, REQUEST_ANNOTATION
from linnet.api.status import CanaryStatus, clip_request

_FIELDS = ("f:metadata", "f:annotations", f"f:{REQUEST_ANNOTATION}")


def unanswered(canary: Canary) -> str | None:
    """Return the request that was not handled yet, as it is kept in the status; None if none is."""
    text, status = _written(canary), canary.status
    if text is None:
        return None
    if status.request is not None and status.request.present and status.request.text == text:
        return None
    if status.declared_request == text and is_declared(canary):
        return None
    return text


def emptied(canary: Canary, status: CanaryStatus) -> CanaryStatus:
    """Return `status` with the request marked as gone, where its annotation is."""
    request = status.request
    if request is None or not request.present or request.text == _written(canary):
        return status
    return status.model_copy(update={"request": request.model_copy(update={"present": False})})


def is_to_be_removed(canary: Canary, status: CanaryStatus) -> bool:
    """Tell whether the annotation holds a request that `status` says was handled."""
    request = status.request
    handled = request is not None and request.present and request.text == _written(canary)
    return handled and not is_declared(canary)


def is_declared(canary: Canary) -> bool:
    """Tell whether the annotation came with a manifest: by kubectl apply or in a sync from Git.

    Server-side apply leaves an entry in managedFields, kubectl's own apply the whole manifest.
    """
    return any(map(_applies, canary.metadata.managed_fields)) or _last_applied(
        canary
    ) == canary.metadata.annotations.get(REQUEST_ANNOTATION)


def _written(canary: Canary) -> str | None:
    text: str | None = clip_request(canary.metadata.annotations.get(REQUEST_ANNOTATION))
    return text


def _applies(entry: Mapping[str, Any]) -> bool:
    node: Any = entry.get("fieldsV1")
    for field in _FIELDS:
        node = node.get(field) if isinstance(node, Mapping) else None
    return entry.get("operation") == "Apply" and node is not None


def _last_applied(canary: Canary) -> object:
    """Return the request in the manifest that was applied last; the annotation may hold anything"""
    try:
        manifest = json.loads(canary.metadata.annotations.get(LAST_APPLIED_ANNOTATION, "{}"))
        return manifest["metadata"]["annotations"][REQUEST_ANNOTATION]
    except (ValueError, LookupError, TypeError, RecursionError):
        return _NOWHERE


_NOWHERE = object()
