"""What a rule says: the status it wants, and why in words."""

from dataclasses import dataclass, field
from typing import Any

from linnet.analysis.checks import Check
from linnet.api.status import CanaryStatus, Verdict
from linnet.engine.decision import Event
from linnet.engine.progress import Progress
from linnet.errors import SpecError


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict of one rule.

    `changes` are the status fields to set. `reason` and `message` go into the conditions; an
    empty reason leaves them as they are. `record` keeps the decision in the status's history.
    `problem` is what somebody has to mend. `hands_off`: see hands_off_plan; next to nothing is
    written. `progress` is how far the analysis has come with this; None leaves it as it is.
    """

    changes: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    message: str = ""
    event: Event | None = None
    record: bool = False
    verdict: Verdict | None = None
    checks: tuple[Check, ...] = ()
    problem: SpecError | None = None
    hands_off: bool = False
    progress: Progress | None = None

    def applied_to(self, status: CanaryStatus) -> CanaryStatus:
        """Return `status` with the changes made."""
        return status.model_copy(update=self.changes) if self.changes else status


NOTHING_NEW = Outcome()
"""The rule applies, and there is nothing to change."""


def normal(reason: str, message: str) -> Event:
    """Return an Event that tells of progress."""
    return Event("Normal", reason, message)


def warning(reason: str, message: str) -> Event:
    """Return an Event that somebody should look at."""
    return Event("Warning", reason, message)
