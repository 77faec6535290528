"""What a release came to, for whoever is told when it has ended."""

from enum import StrEnum
from typing import Any

from linnet.api.names import API_VERSION
from linnet.api.objects import ObjectRef
from linnet.api.status import CanaryStatus, Phase
from linnet.api.timestamp import format_timestamp
from linnet.engine.situation import Situation

KIND = "ReleaseOutcome"
RELEASING = {Phase.PROGRESSING, Phase.PROMOTING}


class Ending(StrEnum):
    """How a release may end: promoted, taken back, or ended by its user's setting back."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    REVERTED = "reverted"


def ending(before: CanaryStatus, after: CanaryStatus) -> Ending | None:
    """Return how a release ended, if this change of the status ends one."""
    if before.phase not in RELEASING:
        return None
    match after.phase:
        case Phase.FAILED:
            return Ending.ROLLED_BACK
        case Phase.FINALISING:
            # A primary that was being changed over, and was changed back, is no promotion.
            back = before.revision == before.promoted_revision
            return Ending.REVERTED if back else Ending.PROMOTED
        case Phase.SUCCEEDED:
            return Ending.REVERTED
    return None


def announcement(s: Situation, status: CanaryStatus) -> dict[str, Any] | None:
    """Return what is told when `status` ends a release; None where it does not.

    Times are in RFC 3339, UTC. `images` are those of the target's containers, where it still asks
    for the revision that is spoken of. Nothing is in it that is not in the Canary and its target.
    """
    how = ending(s.status, status)
    if how is None:
        return None
    canary, revision = s.canary, s.status.revision
    condition = next((c for c in status.conditions if c.type == "Progressing"), None)
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "outcome": how,
        "canary": {
            "namespace": canary.namespace,
            "name": canary.name,
            "uid": canary.uid,
            "labels": dict(canary.metadata.labels),
        },
        "target": canary.target_name,
        "revision": revision,
        "promotedRevision": status.promoted_revision,
        "images": _images(s) if s.target and s.target.revision == revision else {},
        "reason": condition.reason if condition else "",
        "message": condition.message if condition else "",
        "failedChecks": status.failed_checks,
        "startedAt": format_timestamp(s.status.started_at) if s.status.started_at else None,
        "endedAt": format_timestamp(s.now),
    }


def _images(s: Situation) -> dict[str, str]:
    target = s.observation.objects[
        ObjectRef("Deployment", s.canary.namespace, s.canary.target_name)
    ]
    containers = target["spec"]["template"]["spec"].get("containers") or ()
    return {container["name"]: container.get("image", "") for container in containers}
