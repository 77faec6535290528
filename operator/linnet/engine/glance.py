"""A tile that changes nothing, as most do: 1,000 releases bring 200 a second at a scrape of 5 s."""

from datetime import datetime

from linnet.api.canary import Canary
from linnet.engine.analysing import analyse
from linnet.engine.blindness import blindness
from linnet.engine.observation import Observation
from linnet.engine.progress import Progress
from linnet.engine.situation import assess


def glance(canary: Canary, observation: Observation, now: datetime) -> Progress | None:
    """Return how far the analysis has come where nothing else comes of what is new.

    None means: decide. It is for an observation whose objects are those that were decided on last,
    with a plan that is carried out, before the instant at which time alone may change anything.
    """
    outcome = analyse(assess(canary, observation, now))
    progress = outcome.progress if outcome else None
    if outcome is None or progress is None or outcome.changes or outcome.reason or outcome.event:
        return None
    if progress.is_to_be_kept(canary.status.guard):
        return None
    known = next((c for c in canary.status.conditions if c.type == "Blind"), None)
    blind = blindness(canary.status, progress, now)
    if (blind is not None) != (known is not None and known.status == "True"):
        return None
    if blind is not None and known is not None and blind.reason != known.reason:
        return None
    return progress
