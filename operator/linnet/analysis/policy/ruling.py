"""What the automaton answers, with the figures that it rests on.

Everything made of words is made when it is asked for: most rulings only hold.
"""

from dataclasses import dataclass
from enum import StrEnum

from linnet.analysis.policy import outlook as looking_ahead
from linnet.analysis.policy import sentences
from linnet.analysis.policy.evidence import Evidence, Exposure, Finding, evidence_of, findings_of
from linnet.analysis.policy.settings import Policy
from linnet.analysis.policy.state import ReleaseState


class RulingVerdict(StrEnum):
    """What is to be done with the canary's weight."""

    HOLD = "hold"
    ADVANCE = "advance"
    ROLLBACK = "rollback"
    PROMOTE = "promote"
    FREEZE = "freeze"


@dataclass(frozen=True, slots=True)
class Ruling:
    """One decision. `state` is the release's from now on, and goes into the next step.

    `reason` is a CamelCase word, `detail` what is particular to this decision, `before` the weight
    until now. `alert` asks for a person's attention; it is set once, when the cause begins.
    `counted` tells that a tile went into the evidence.
    """

    verdict: RulingVerdict
    state: ReleaseState
    reason: str
    at: float
    policy: Policy
    before: int
    detail: str = ""
    alert: bool = False
    counted: bool = False

    @property
    def weight(self) -> int:
        """The canary's weight from now on, in percent."""
        return self.state.weight

    @property
    def message(self) -> str:
        """What was decided and why, with figures."""
        return sentences.message(
            self.policy,
            self.state,
            self.at,
            reason=self.reason,
            detail=self.detail,
            before=self.before,
        )

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The evidence against the canary, one per process; empty without a guard."""
        return evidence_of(self.policy, self.state)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The counts and rates of both sides that the evidence rests on, one per process."""
        return findings_of(self.policy, self.state)

    @property
    def outlook(self) -> str:
        """What would change the verdict, in a few words."""
        return looking_ahead.outlook(self.policy, self.state, self.at)

    @property
    def exposure(self) -> Exposure:
        """What the canary has served so far in this release."""
        known = self.state.comparison
        return Exposure(known.requests, known.failed)
