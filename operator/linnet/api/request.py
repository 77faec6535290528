"""What a person asks of a release: a verb, and the revision that it is meant for.

It is written as an annotation of the Canary, by whoever has a button for it:

    linnet.dev/request: abort @a5aaf002b3

Naming the revision keeps a late click from hitting the next release.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Verb(StrEnum):
    """What can be asked for."""

    PROMOTE = "promote"
    ABORT = "abort"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    SKIP_STEP = "skip-step"


VERBS = ", ".join(Verb)

_FORM = re.compile(r"\s*(?P<verb>[A-Za-z-]+)\s*@\s*(?P<revision>[A-Za-z0-9._-]{1,63})\s*\Z")


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    verb: Verb
    revision: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the annotation's value. Raises ValueError with a sentence that says what to write.

        >>> Request.parse("abort @a5aaf002b3")
        Request(verb=<Verb.ABORT: 'abort'>, revision='a5aaf002b3')
        """
        form = _FORM.match(text)
        if form is None:
            raise ValueError(
                "it has no revision: write the verb and the revision that it is for, as in"
                ' "abort @a5aaf002b3"'
            )
        try:
            verb = Verb(form["verb"])
        except ValueError:
            raise ValueError(f"the verb is none of {VERBS}") from None
        return cls(verb, form["revision"])

    def __str__(self) -> str:
        return f"{self.verb} @{self.revision}"
