"""What the compared rules have in common: a fixed ladder, and a success rate to look at."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from linnet.analysis.tiles import Tile
from linnet.simulation.history import History
from linnet.simulation.trial import Outcome


@dataclass(frozen=True, slots=True)
class Ladder:
    """Weights in percent, one step every `interval` seconds; promoted after the last one's."""

    weights: tuple[int, ...]
    interval: float


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the compared kind: on this ladder, at this scrape interval in seconds."""

    ladder: Ladder
    scrape: float

    @property
    def looks_back(self) -> int:
        """None of them compares with what was before."""
        return 0


class Climb(ABC):
    """A release on a ladder. What a rule does at each scrape it says in `look`."""

    def __init__(self, rule: Rule) -> None:
        self.ladder = rule.ladder
        self.scrape = rule.scrape
        self.history = History(rule.scrape)
        self.outcome = Outcome.UNDECIDED
        self.reason = ""
        self.failed_checks = 0
        self._step = 0

    @property
    def weight(self) -> int:
        """The canary's share of the traffic, in percent."""
        return self.ladder.weights[self._step] if self.outcome is Outcome.UNDECIDED else 0

    def see(self, at: float, tile: Tile, durations: Sequence[float]) -> None:
        """Take in what a scrape has counted, and decide."""
        self.history.add(tile)
        self.look(at)

    @abstractmethod
    def look(self, at: float) -> None:
        """Decide at second `at`."""

    def advance(self) -> None:
        """Take the next step; after the last one the canary is promoted."""
        if self._step + 1 < len(self.ladder.weights):
            self._step += 1
        else:
            self.outcome = Outcome.PROMOTED

    def roll_back(self) -> None:
        """Take all traffic back."""
        self.outcome = Outcome.ROLLED_BACK

    def is_due(self, at: float, interval: float) -> bool:
        """Whether a multiple of `interval` lies after the scrape before, up to this one."""
        return int(at / interval + 1e-9) > int((at - self.scrape) / interval + 1e-9)

    def success_rate(self, span: float) -> float | None:
        """Return the canary's success rate over the last `span` seconds, in percent."""
        seen = self.history.over(span)
        return None if not seen.requests else 100.0 * (1.0 - seen.errors / seen.requests)
