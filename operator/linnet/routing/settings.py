"""Settings of a Canary that go to Istio as they are."""

from collections.abc import Mapping
from typing import Any


def passed_on(value: Any) -> Any:
    """Return a copy of a setting as Istio's kinds store it: a null stands for an absent field."""
    if isinstance(value, Mapping):
        return {key: passed_on(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [passed_on(item) for item in value]
    return value
