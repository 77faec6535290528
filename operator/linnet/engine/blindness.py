"""Whether there is nothing to judge a release by, for long enough to tell."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from linnet.api.status import CanaryStatus, Phase
from linnet.engine.figures import instant_of
from linnet.engine.progress import Progress

TOLD_AFTER: Final = 0.5
"""The part of blindTimeout after which it is told: a single quiet scrape is nothing to tell."""


class Blindness(NamedTuple):
    """Which kind it is, as one CamelCase word; and a sentence that says since when."""

    reason: str
    message: str


def told(status: CanaryStatus) -> Blindness | None:
    """Return what the condition says; None where it is not True."""
    known = next((c for c in status.conditions if c.type == "Blind" and c.status == "True"), None)
    return Blindness(known.reason, known.message) if known else None


def blindness(status: CanaryStatus, progress: Progress | None, now: datetime) -> Blindness | None:
    """Return why a release under analysis cannot be judged; None if it can, or need not be.

    The sentence stays as it was first told, as long as the kind is the same. Without `progress`
    nothing is known, and what was told is left as it is.
    """
    if status.phase is not Phase.PROGRESSING or not status.canary_weight:
        return None
    before = told(status)
    if progress is None:
        return before
    sight = progress.state.sight
    since = instant_of(sight.last_data)
    if sight.absence is None or since is None or not progress.state.weight:
        return None
    if before is not None and before.reason == sight.absence.value:
        return before
    if now - since < timedelta(seconds=TOLD_AFTER * progress.policy.blind_timeout):
        return before
    return Blindness(
        sight.absence.value, f"{sight.why}; nothing to judge by since {since:%H:%M:%S} UTC"
    )
