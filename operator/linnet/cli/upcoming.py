"""What comes next for a Canary, in words; and what should have come already. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from linnet.api.status import Phase
from linnet.cli.conditions import stalled

Object = Mapping[str, Any]

PATIENCE: Final = timedelta(seconds=30)
"""An operator that is at work does what is due sooner, even one that has just taken over."""
NOBODY: Final = "no operator seems to be at work, see kubectl -n linnet-system get pods"


def upcoming(canary: Object, now: datetime) -> str:
    """Return what is next, or what should have been; the empty string where nothing is."""
    status = canary.get("status", {})
    if late := neglected(canary, now):
        return late
    for field, words in (("nextCheckAt", "next check"), ("deadline", "deadline for the pods")):
        if due := _instant(status.get(field)):
            left = (due - now).total_seconds()
            if left >= 0:
                return f"{words} in {left:.0f} s"
            suspended = ", but spec.suspend is true" if _suspended(canary) else ""
            return f"{words}: was due at {clock(due, now)}{suspended}"
    return ""


def neglected(canary: Object, now: datetime) -> str:
    """Return what an operator at work would have done long ago; the empty string for nothing."""
    status = canary.get("status", {})
    if _suspended(canary):
        return ""
    if not is_seen(canary):
        created = _instant(canary["metadata"].get("creationTimestamp"))
        if created is None or now - created < PATIENCE:
            return ""
        return f"created at {clock(created, now)}, and linnet has not seen it: {NOBODY}"
    due = _instant(status.get("nextCheckAt"))
    if due is None or now - due < PATIENCE or not _checks_go_on(status):
        return ""
    return f"next check overdue since {clock(due, now)}: {NOBODY}"


def is_seen(canary: Object) -> bool:
    """Tell whether linnet has looked at a Canary. One that it cannot begin with has no phase."""
    status = canary.get("status") or {}
    return any(status.get(field) for field in ("phase", "observedGeneration", "conditions"))


def clock(at: datetime, now: datetime) -> str:
    """Return a time of day, with the date where that is not today's."""
    day = "" if at.date() == now.date() else f"{at:%Y-%m-%d} "
    return f"{day}{at:%H:%M:%S} UTC"


def _checks_go_on(status: Object) -> bool:
    """Tell whether nothing but the operator keeps a check from being taken when it is due."""
    return status.get("phase") == Phase.PROGRESSING and not stalled(status)


def _suspended(canary: Object) -> bool:
    return bool(canary.get("spec", {}).get("suspend"))


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
