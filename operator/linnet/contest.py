"""A fight over an object: somebody else undoes what linnet writes, again and again.

The first restorations come at once: most often it was a person, or one sync of a Git operator.
After that each waits longer, because a stream of writes to routes keeps istiod from settling, and
delays every other change in the mesh.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from linnet.api.objects import ObjectRef
from linnet.engine.decision import Event

AT_ONCE = 3
"""How many restorations of an object come without delay."""

LONGEST = timedelta(seconds=30)
LONGEST_URGENT = timedelta(seconds=1)
"""Where the canary gets requests that it should not get, nobody waits for a fight to calm down."""

FORGOTTEN_AFTER = timedelta(minutes=2)
"""After this long without a restoration the fight is over."""


@dataclass(slots=True)
class _Fight:
    written: str
    rounds: int = 0
    last: datetime | None = None


@dataclass(slots=True)
class Contests:
    """What was written last to each object of one Canary, and how often it had to be again."""

    _fights: dict[Hashable, _Fight] = field(default_factory=dict)

    def allowed_at(
        self, target: Hashable, wanted: str, now: datetime, *, urgent: bool = False
    ) -> datetime:
        """Return when `wanted` may be written: now, or later if it was undone too often.

        `target` identifies what is written to, `wanted` the content.
        """
        fight = self._fights.get(target)
        if fight is None or fight.written != wanted or fight.last is None:
            return now
        if now - fight.last > FORGOTTEN_AFTER or fight.rounds < AT_ONCE:
            return now
        pause = timedelta(seconds=2 ** min(fight.rounds - AT_ONCE, 10))
        return max(now, fight.last + min(LONGEST_URGENT if urgent else LONGEST, pause))

    def written(self, target: Hashable, wanted: str, now: datetime) -> int:
        """Note that `wanted` was written; return how often it has been restored in this fight."""
        fight = self._fights.get(target)
        if fight is None:
            self._fights[target] = _Fight(wanted)
            return 0
        if fight.written != wanted:
            fight.written = wanted
            return 0
        if fight.last is not None and now - fight.last > FORGOTTEN_AFTER:
            fight.rounds = 0
        fight.rounds += 1
        fight.last = now
        return fight.rounds


def contested(ref: ObjectRef, *, adopted: bool = False) -> Event:
    """Return the Event that tells of a fight, once in each."""
    advice = (
        "the MutatingAdmissionPolicy that linnet ships keeps the weights whoever writes them "
        "(docs/adopt.md)"
        if adopted
        else "make them leave it to linnet"
    )
    return Event(
        "Warning",
        "Contested",
        f"{ref} is changed each time that linnet writes it; from now on linnet waits, up to "
        f"{LONGEST.seconds} s, before it does so again. metadata.managedFields of {ref} tells who "
        f"writes it: {advice}",
    )
