"""linnet's own policy, the operator's automaton, in a simulated release."""

from collections.abc import Sequence
from dataclasses import dataclass

from linnet.analysis.policy import (
    Policy,
    RulingVerdict,
    Sample,
    begin,
    check_due,
    observe_before,
    step,
)
from linnet.analysis.tiles import Tile
from linnet.api.metric import Metric
from linnet.simulation.checks import check
from linnet.simulation.history import History
from linnet.simulation.trial import Outcome

OUTCOMES = {
    RulingVerdict.ROLLBACK: Outcome.ROLLED_BACK,
    RulingVerdict.PROMOTE: Outcome.PROMOTED,
}


@dataclass(frozen=True, slots=True)
class PolicyDecider:
    """An analysis, as the operator would go by it.

    `metrics` are its threshold metrics as far as they can be measured here. As in the operator, a
    tile is read one scrape after its end, and the primary's tiles before the release are known.
    """

    policy: Policy
    metrics: tuple[Metric, ...] = ()
    name: str = "linnet"
    looks_back: int = 60

    def start(self, before: Sequence[Tile] = ()) -> "_Trial":
        """Begin a release after these tiles of the primary alone."""
        return _Trial(self, before)


class _Trial:
    def __init__(self, decider: PolicyDecider, before: Sequence[Tile]) -> None:
        self.outcome = Outcome.UNDECIDED
        self.reason = ""
        self._policy = decider.policy
        self._metrics = decider.metrics
        self._history = History(decider.policy.seconds)
        ends = (self._policy.seconds * k for k in range(1 - len(before), 1))
        past = zip(ends, before, strict=True)
        state = observe_before(self._policy, begin(self._policy, 0.0), past)
        self._state = step(self._policy, state, Sample(0.0)).state
        self._unread: Tile | None = None

    @property
    def weight(self) -> int:
        """The canary's share of the traffic, in percent."""
        return self._state.weight

    def see(self, at: float, tile: Tile, durations: Sequence[float]) -> None:
        """Take in what a scrape has counted; decide on the tile before it, and on checks."""
        self._history.add(tile, durations)
        due = check_due(self._state, at)
        sample = Sample(
            at,
            tile=self._unread,
            end=at - self._policy.seconds,
            check=check(self._metrics, self._history) if due else None,
        )
        self._unread = tile
        ruling = step(self._policy, self._state, sample)
        self._state = ruling.state
        self.outcome = OUTCOMES.get(ruling.verdict, Outcome.UNDECIDED)
        self.reason = ruling.reason if self._state.over else ""
