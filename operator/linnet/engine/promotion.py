"""Rules for an accepted revision: the primary takes it over, then gets the traffic back."""

from linnet.analysis.ramps import weight_on_the_way_back
from linnet.api.status import Phase
from linnet.engine.conditions import LATE
from linnet.engine.lifecycle import progress_deadline
from linnet.engine.outcome import NOTHING_NEW, Outcome, normal
from linnet.engine.release import traffic_away
from linnet.engine.situation import Situation


def turn_back_when_set_back_while_promoting(s: Situation) -> Outcome | None:
    """The primary already changes over, and is changed back: that revision is known good."""
    promoting = s.status.phase is Phase.PROMOTING
    if not promoting or s.target is None or s.target.revision == s.status.revision:
        return None
    if not s.asks_for_promoted:
        return None
    message = f"the target was set back to the promoted revision {s.status.promoted_revision}"
    return Outcome(
        {
            **traffic_away(s),
            "revision": s.target.revision,
            "promoted_revision": s.target.revision,
            "deadline": progress_deadline(s),
        },
        "Reverted",
        message,
        normal("Reverted", message),
        record=True,
    )


def wait_for_the_primary(s: Situation) -> Outcome | None:
    """The canary serves on until the primary is well, however long that takes."""
    if s.status.phase is not Phase.PROMOTING:
        return None
    if s.carried == s.status.revision and s.primary_rolled_out:
        return None
    if s.status.canary_weight and not s.canary_endpoints:
        return None
    why = f": {s.primary.failing}" if s.primary and s.primary.failing else ""
    late = s.status.deadline is not None and s.now >= s.status.deadline
    waiting = f"waiting for the primary to run revision {s.status.revision}{why}"
    return Outcome({}, LATE if late else "Promoting", waiting)


def shift_back_to_the_primary(s: Situation) -> Outcome | None:
    """The primary runs the accepted revision: it gets its traffic back."""
    if s.status.phase is not Phase.PROMOTING:
        return None
    if s.carried != s.status.revision or not s.primary_rolled_out:
        return None
    if s.status.next_check_at and s.now < s.status.next_check_at:
        return NOTHING_NEW
    before = s.status.canary_weight
    weight = weight_on_the_way_back(s.spec.analysis, before)
    if weight:
        message = f"weight {before} → {weight}: traffic returns to the primary"
        return Outcome(
            {"canary_weight": weight, "next_check_at": s.now + s.spec.analysis.interval},
            "Promoting",
            message,
            normal("ShiftedBack", message),
            record=True,
        )
    message = f"revision {s.status.revision} is promoted and serves all traffic"
    return Outcome(
        {
            **traffic_away(s),
            "phase": Phase.FINALISING,
            "promoted_revision": s.status.revision,
        },
        "Promoted",
        message,
        normal("Promoted", message),
        record=True,
    )
