"""The plan of one Canary: what is made, when its releases step, what they notice, what is amiss."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from linnet.api.canary import Canary
from linnet.planning.assumptions import Assumptions
from linnet.planning.finding import Finding
from linnet.planning.findings import Case, findings
from linnet.planning.manifests import Manifest, Manifests
from linnet.planning.notice import Notice, notice
from linnet.planning.rehearsal import Rehearsal, rehearse
from linnet.planning.schedule import Schedule, schedule
from linnet.simulation.experiment import patience

MOST_TILES = 400_000
"""So many scrapes are simulated for one Canary at most, however long its releases take."""
_EVALUATIONS = 12
FEWEST_RUNS = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What linnet will do for one Canary. `notice` is None where nothing is analysed."""

    canary: Canary
    where: str
    assumed: Assumptions
    rehearsal: Rehearsal
    schedule: Schedule
    notice: Notice | None
    findings: tuple[Finding, ...]

    def to_object(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "namespace": self.canary.namespace,
            "name": self.canary.name,
            "where": self.where,
            "assumed": self.assumed.to_object(),
            **self.rehearsal.to_object(),
            "schedule": self.schedule.to_object(),
            "notice": self.notice.to_object() if self.notice else None,
            "findings": [one.to_object() for one in self.findings],
        }


def plan_of(
    manifest: Manifest,
    canary: Canary,
    manifests: Manifests,
    assumed: Assumptions,
    runs: int,
    tell: Callable[[], None] = lambda: None,
) -> Plan:
    """Return the plan of one of the Canaries in the manifests. Raises SpecError as reading does."""
    given = assumed.circumstances
    rehearsal = rehearse(canary, manifests)
    times = schedule(canary, given)
    noticed = None
    if not canary.spec.skip_analysis:
        noticed = notice(canary.spec.analysis, given, runs_within(canary, assumed, runs), tell)
    found = findings(Case(manifest, canary, manifests, assumed, rehearsal, times, noticed))
    return Plan(canary, manifest.at(), assumed, rehearsal, times, noticed, found)


def runs_within(canary: Canary, assumed: Assumptions, runs: int) -> int:
    """Return how many releases are simulated: fewer where each takes very long."""
    tiles = patience(canary.spec.analysis, assumed.scrape) / assumed.scrape
    return max(min(runs, FEWEST_RUNS), min(runs, int(MOST_TILES / _EVALUATIONS / tiles)))
