"""One moment of the demo: everything that a view needs, and nothing that it must look up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from cluster.behaviour import HEALTHY, Behaviour, parse_tag
from demo.figures import Side
from linnet.api.status import CanaryStatus, DecisionRecord, Phase, Verdict

LONGEST_WINDOW = 5.0
SHORTEST_WINDOW = 1.0
PROPAGATION = 0.5
"""Seconds after which proxies surely go by a new weight."""


def window(now: float, weights: Sequence[tuple[float, int]]) -> float:
    """Return how many seconds of traffic the figures of a moment are taken from.

    Not from before the weight last changed, so that weight and share can be compared.
    """
    since = now - weights[-1][0] - PROPAGATION if weights else LONGEST_WINDOW
    return min(LONGEST_WINDOW, max(SHORTEST_WINDOW, since))


class Act(IntEnum):
    """Where the demo is."""

    SETTING_UP = 0
    STEADY = 1
    GOOD = 2
    BAD = 3


@dataclass(frozen=True)
class Frame:
    """One moment. Times are seconds of the epoch, `interval` is in seconds."""

    act: Act
    began: float
    now: float
    version: str
    """What is being released; before that, what serves."""
    before: str
    """What served before, and serves again if the release is taken back."""
    interval: float
    threshold: int
    ladder: tuple[int, ...]
    status: CanaryStatus = field(default_factory=CanaryStatus)
    message: str = ""
    weights: tuple[tuple[float, int], ...] = ()
    releases: tuple[tuple[float, str, bool], ...] = ()
    """Each release's time, version, and whether the version is a bad one."""
    decisions: tuple[DecisionRecord, ...] = ()
    sides: tuple[Side, Side] = (Side("primary", ""), Side("canary", ""))
    sent: int = 0
    failed: int = 0
    failed_here: int = 0
    """Failed requests since the current release began."""
    rps: float = 0.0
    over: bool = False
    """The demo has ended: this is its last moment."""

    @property
    def elapsed(self) -> float:
        return self.now - self.began

    @property
    def releasing(self) -> bool:
        """A release has begun, and linnet has taken notice."""
        return self.act >= Act.GOOD and self.status.started_at is not None and self.noticed

    @property
    def noticed(self) -> bool:
        """The status speaks of the current release, not of the one before."""
        started = self.status.started_at
        return (
            bool(self.releases)
            and started is not None
            and (started.timestamp() >= self.releases[-1][0])
        )

    @property
    def next_check_in(self) -> float | None:
        """Seconds until the next check, None where none is due."""
        due = self.status.next_check_at
        if self.status.phase is not Phase.PROGRESSING or due is None:
            return None
        return max(0.0, due.timestamp() - self.now)

    @property
    def blind(self) -> bool:
        """The last check could not tell."""
        return bool(self.decisions) and self.decisions[-1].verdict is Verdict.INCONCLUSIVE


def title(frame: Frame) -> str:
    """Return what the current act is about."""
    if frame.act is Act.SETTING_UP:
        return "Setting up"
    if frame.act is Act.STEADY:
        return f"Before the first release: version {frame.version} serves"
    number = frame.act - Act.GOOD + 1
    return f"Release {number} of 2: {frame.version}, {character(frame.version)}"


def character(tag: str) -> str:
    """Return what a version is like, in a few words."""
    behaviour = parse_tag(tag)
    if behaviour == HEALTHY:
        return "a good version"
    return "which " + " and ".join(_faults(behaviour))


def _faults(behaviour: Behaviour) -> list[str]:
    words = []
    if behaviour.errors:
        words.append(f"fails {100 * behaviour.errors:g} % of requests")
    if behaviour.resets:
        words.append(f"drops {100 * behaviour.resets:g} % of requests")
    if behaviour.slow:
        words.append(f"is {1000 * behaviour.slow:g} ms slower")
    if behaviour.never_ready:
        words.append("never gets ready")
    if behaviour.crash:
        words.append("crashes")
    if behaviour.slow_start:
        words.append(f"takes {behaviour.slow_start:g} s to start")
    return words or [f"behaves for {behaviour.after:g} s"]
