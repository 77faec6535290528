"""Naming a pod template."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

EMPTY_MEANS_ABSENT = frozenset(
    {"annotations", "labels", "metadata", "resources", "securityContext"}
)
"""Where an empty object says nothing. Elsewhere it may: `emptyDir: {}`, `labelSelector: {}`."""


def revision_of(template: Mapping[str, Any]) -> str:
    """Return ten hex digits that stand for the template, as the API server returned it.

    Replicas are no part of it; an annotation that `kubectl rollout restart` sets is.
    """
    text = json.dumps(without_noise(template), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def without_noise(value: Any) -> Any:
    """Return a copy without what some versions of Kubernetes write out for nothing at all."""
    if isinstance(value, Mapping):
        kept = {key: without_noise(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if not _is_noise(key, item)}
    if isinstance(value, list):
        return [without_noise(item) for item in value]
    return value


def _is_noise(key: str, value: Any) -> bool:
    return value is None or value == [] or (value == {} and key in EMPTY_MEANS_ABSENT)
