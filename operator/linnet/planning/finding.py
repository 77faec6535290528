"""What somebody should know before the merge."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How bad it is: an error does not work, or loses something; a warning may."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


_ORDER = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: a CamelCase reason, the object and field, a sentence with what to do.

    `where` is the file and line.
    """

    severity: Severity
    reason: str
    object: str
    field: str
    message: str
    where: str = ""

    def to_object(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "severity": self.severity.value,
            "reason": self.reason,
            "object": self.object,
            "field": self.field,
            "message": self.message,
            "where": self.where,
        }


def in_order(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings with the worst first, each once."""
    return tuple(sorted(dict.fromkeys(found), key=lambda one: _ORDER.index(one.severity)))


def is_worse_or_as_bad(one: Severity, limit: Severity) -> bool:
    """Tell whether a severity is at least as bad as another."""
    return _ORDER.index(one) <= _ORDER.index(limit)
