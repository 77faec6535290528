"""A tile that changes nothing, as most do: 1,000 releases bring 200 a second at a scrape of 5 s."""

from dataclasses import replace
from datetime import datetime

from linnet.api.canary import Canary
from linnet.engine.analysing import analyse
from linnet.engine.blindness import blindness, told
from linnet.engine.observation import Observation
from linnet.engine.progress import Progress
from linnet.engine.situation import Situation, assess


class Glimpse:
    """A Canary for which there is nothing to do, until something but its tiles changes."""

    def __init__(self, canary: Canary, observation: Observation, now: datetime) -> None:
        self._situation = assess(canary, observation, now)

    def glance(self, observation: Observation, now: datetime) -> Progress | None:
        """Return how far the analysis has come where nothing else comes of what is new.

        None means: decide. The observation has the same objects, and the plan for them is carried
        out; the instant at which time alone may change anything has not come.
        """
        return _glance(replace(self._situation, observation=observation, now=now))


def _glance(s: Situation) -> Progress | None:
    outcome = analyse(s)
    progress = outcome.progress if outcome else None
    if outcome is None or progress is None or outcome.changes or outcome.reason or outcome.event:
        return None
    if progress.is_to_be_kept(s.status.guard):
        return None
    return progress if blindness(s.status, progress, s.now) == told(s.status) else None
