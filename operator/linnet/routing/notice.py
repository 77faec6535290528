"""What somebody should know though it keeps linnet from nothing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """A CamelCase reason, and a sentence that names the object and says what to do."""

    reason: str
    message: str
