"""Errors by who must act.

    LinnetError
    ├── SpecError          the user: what they wrote cannot work (shown as Stalled)
    ├── UnavailableError   the environment: retried with back-off
    └── ConflictError      nobody: the object changed since it was read; observe again

Anything else is a bug and is logged with its traceback.
"""

from collections.abc import Callable, Iterator


class LinnetError(Exception):
    """Base of all errors that linnet raises on purpose."""


class SpecError(LinnetError):
    """What the user wrote cannot work.

    `reason` is a CamelCase condition reason; the message names object and field and what to do.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class UnavailableError(LinnetError):
    """Something outside did not answer, or refused for now; trying again later may work."""


class ConflictError(LinnetError):
    """The object changed since it was read: nothing was written."""


def told_by(check: Callable[..., object], *arguments: object) -> Iterator[SpecError]:
    """Yield the SpecError that a check returns or raises; nothing where all is well."""
    try:
        found = check(*arguments)
    except SpecError as error:
        found = error
    if isinstance(found, SpecError):
        yield found
