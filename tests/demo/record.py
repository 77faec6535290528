"""What a Canary's status said over time. Pure: times are those in the status."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from linnet.api.status import CanaryStatus, DecisionRecord, Phase


@dataclass(frozen=True)
class Span:
    """One phase, from `began` to `ended`, in seconds of the epoch; infinite while it lasts."""

    phase: Phase
    began: float
    ended: float = math.inf

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass
class Record:
    """All phases, weights and decisions so far, oldest first."""

    status: CanaryStatus = field(default_factory=CanaryStatus)
    phases: list[tuple[float, Phase]] = field(default_factory=list)
    weights: list[tuple[float, int]] = field(default_factory=list)
    decisions: list[DecisionRecord] = field(default_factory=list)

    def take(self, canary: Mapping[str, Any], now: float) -> None:
        """Take over the next state of the Canary; `now` is for a status that has no time."""
        status = CanaryStatus.from_object(canary.get("status") or {})
        moved = status.last_transition_time
        at = moved.timestamp() if moved else now
        if status.phase and (not self.phases or self.phases[-1][1] is not status.phase):
            self.phases.append((at, status.phase))
        if status.phase and (not self.weights or self.weights[-1][1] != status.canary_weight):
            self.weights.append((at, status.canary_weight))
        known = {decision.time for decision in self.decisions}
        self.decisions += [d for d in status.decisions if d.time not in known]
        self.status = status

    @property
    def message(self) -> str:
        """What is going on, in linnet's own words."""
        found = {condition.type: condition for condition in self.status.conditions}
        stalled = found.get("Stalled")
        if stalled and stalled.status == "True":
            return f"{stalled.reason}: {stalled.message}"
        return found["Progressing"].message if "Progressing" in found else ""

    def reached(self, phases: frozenset[Phase], since: float) -> bool:
        """Tell whether the Canary is in one of the phases, and came there after `since`."""
        return bool(self.phases) and self.phases[-1][0] >= since and self.phases[-1][1] in phases

    def spans(self, since: float, until: float) -> list[Span]:
        """Return the phases that began in this stretch of time and ended in it."""
        ends = [at for at, _ in self.phases[1:]]
        return [
            Span(phase, at, end)
            for (at, phase), end in zip(self.phases, ends, strict=False)
            if since <= at and end <= until
        ]

    def highest_weight(self, since: float, until: float) -> int:
        """Return the highest weight that the canary came to in this stretch of time."""
        return max((weight for at, weight in self.weights if since <= at <= until), default=0)
