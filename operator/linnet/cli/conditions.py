"""What a Canary's conditions say, each in a line for people. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from linnet.api.status import Phase

Object = Mapping[str, Any]

ROUTED: Final = "routed"
"""Where the commands keep the canary's share of the live routes, beside a Canary's status."""
UNWRITTEN: Final = frozenset({"NotWritten", "Refused", "Forbidden"})
"""Reasons of Stalled that come of a write which failed: what was decided is not in force."""
ROUTING: Final = frozenset(
    {Phase.PROGRESSING, Phase.PROMOTING, Phase.FINALISING, Phase.SUCCEEDED, Phase.FAILED}
)
"""The phases in which the weight of the status is to be that of the routes."""


def condition(status: Object, kind: str) -> Object:
    """Return the condition of this type; an empty one where there is none."""
    return next((c for c in status.get("conditions") or () if c["type"] == kind), {})


def stalled(status: Object) -> str:
    """Return why somebody has to help, the empty string where nobody has to."""
    found = condition(status, "Stalled")
    if found.get("status") != "True":
        return ""
    return one_line(f"{found['reason']}: {found['message']}")


def unwritten(canary: Object) -> str:
    """Return that what was decided is not written, and what is in force; else the empty string.

    The live routes tell, where somebody has looked at them (ROUTED); else why linnet is stalled.
    """
    status = canary.get("status") or {}
    found, share = condition(status, "Stalled"), canary.get(ROUTED)
    if found.get("status") != "True" or status.get("phase") not in ROUTING:
        return ""
    if share is None:
        return _UNKNOWN if found["reason"] in UNWRITTEN else ""
    return in_force(canary)


def in_force(canary: Object) -> str:
    """Return what the live routes still do, the empty string where they are as was decided."""
    share = canary.get(ROUTED)
    if share is None:
        return _UNKNOWN
    if share == (canary.get("status") or {}).get("canaryWeight", 0):
        return ""
    return f"not written yet: the routes still give the canary {share}% of the traffic"


def one_line(text: str) -> str:
    """Return a text without line breaks: webhooks answer in several lines."""
    return " ".join(text.split())


_UNKNOWN: Final = "not written yet: what was written before stays in force"
