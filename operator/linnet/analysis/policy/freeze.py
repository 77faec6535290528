"""The freeze: while the primary itself misses its objective, nobody is blamed and nothing moves."""

from dataclasses import dataclass, field

from linnet.analysis.policy.settings import Policy
from linnet.analysis.tiles import Counts
from linnet.analysis.windows import Window


@dataclass(frozen=True, slots=True)
class Freeze:
    """`since` when the primary misses its objective, in seconds.

    `trial` is what the primary did in the time that is to tell that it meets it again.
    """

    since: float
    trial: Window = field(default_factory=Window)


def freeze_after(
    policy: Policy, freeze: Freeze | None, lately: Window, primary: Counts | None, end: float
) -> tuple[Freeze | None, Window]:
    """Return whether the release is frozen after a tile, and what the primary did lately.

    It freezes when the primary misses its objective beyond doubt, and thaws when it met it for
    `policy.thaw_after` seconds: by then no check counts requests that failed before, and what was
    known of the primary counts no more either.
    """
    guard = policy.guard
    if guard is None or primary is None:
        return freeze, lately
    if freeze is None:
        return (Freeze(end) if lately.misses(guard.objective) else None), lately
    failed = min(primary.errors, primary.requests)
    trial = freeze.trial.plus(policy.seconds, primary.requests, failed)
    ends = trial.seconds >= policy.thaw_after and trial.requests > 0
    if ends and trial.meets(guard.objective):
        return None, trial
    if ends or trial.misses(guard.objective):
        trial = Window()
    return Freeze(freeze.since, trial), lately
