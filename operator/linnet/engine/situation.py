"""The observation as the rules read it: a few facts with names."""

from dataclasses import dataclass
from datetime import datetime

from linnet.api.canary import Canary, CanarySpec
from linnet.api.names import REVISION_ANNOTATION
from linnet.api.objects import ObjectRef
from linnet.api.status import CanaryStatus, Phase
from linnet.engine.observation import Object, Observation
from linnet.engine.problems import problems
from linnet.errors import SpecError
from linnet.workload import deployment
from linnet.workload.deployment import Workload
from linnet.workload.pair import same_images
from linnet.workload.primary import same_template


@dataclass(frozen=True, slots=True)
class Situation:
    """What the rules judge. Facts only; what to do about them is the rules' business."""

    canary: Canary
    observation: Observation
    now: datetime
    target: Workload | None
    primary: Workload | None
    carried: str | None
    """The revision whose template the primary was last given. A primary of the user's own carries
    the target's revision while it runs its images, else one named after its own template."""
    asks_for_promoted: bool
    """The target asks for nothing that the primary does not serve: its template is that of the
    promoted revision; with a primary of the user's own, both run the same images."""
    problem: SpecError | None
    """What the user has to mend before linnet may go on."""

    @property
    def spec(self) -> CanarySpec:
        return self.canary.spec

    @property
    def status(self) -> CanaryStatus:
        return self.canary.status

    @property
    def canary_endpoints(self) -> int:
        return self._endpoints(self.canary.service_canary, self.target)

    @property
    def primary_endpoints(self) -> int:
        return self._endpoints(self.canary.service_primary, self.primary)

    def _endpoints(self, service: str, workload: Workload | None) -> int:
        """Count what may be sent requests on one side: where linnet has no Service there, pods.

        EndpointSlices come by a watch of their own, which may be behind that of Deployments by a
        second: what has been scaled away or deleted serves nothing, whatever they still say.
        """
        serving = workload.serving if workload else 0
        if not self.canary.makes_services:
            return serving
        return min(serving, self.observation.endpoints.get(service, 0))

    @property
    def falls_back_to(self) -> str | None:
        """The revision that traffic returns to, should a release begin now."""
        taken_over = self.status.phase is Phase.PROMOTING and self.carried == self.status.revision
        if taken_over or not self.canary.copies_target:
            return self.carried
        return self.status.promoted_revision

    @property
    def awaits_handover(self) -> bool:
        """The target serves everything until the user gives the primary what was accepted."""
        return (
            self.status.phase is Phase.PROMOTING
            and not self.canary.copies_target
            and not self.asks_for_promoted
            and self.status.canary_weight == 100
        )

    @property
    def canary_ready(self) -> bool:
        """All canary pods are of the newest revision, enough are ready, and routable."""
        threshold = self.spec.analysis.canary_ready_threshold
        return (
            self.target is not None
            and self.target.replicas > 0
            and self.target.settled
            and self.target.ready(threshold)
            and self.canary_endpoints * 100 >= self.target.replicas * threshold
            and self.canary_endpoints > 0
        )

    @property
    def primary_ready(self) -> bool:
        """Enough primary pods are ready, of whatever revision, and routable."""
        return (
            self.primary is not None
            and self.primary.ready(self.spec.analysis.primary_ready_threshold)
            and self.primary_endpoints > 0
        )

    @property
    def primary_rolled_out(self) -> bool:
        """The primary serves exactly the template it was last given."""
        return self.primary_ready and self.primary is not None and self.primary.settled

    def live(self, kind: str, name: str) -> Object | None:
        """Return an object of the Canary's namespace as it is now."""
        return self.observation.objects.get(ObjectRef(kind, self.canary.namespace, name))


def assess(canary: Canary, observation: Observation, now: datetime) -> Situation:
    """Read the facts out of an observation."""

    def live(name: str) -> Object | None:
        return observation.objects.get(ObjectRef("Deployment", canary.namespace, name))

    target_object, primary_object = live(canary.target_name), live(canary.primary_name)
    target = deployment.read(target_object) if target_object else None
    primary = deployment.read(primary_object) if primary_object else None
    if canary.copies_target:
        carried = _noted_revision(primary_object)
        promoted = canary.status.promoted_revision
        asks_for_promoted = (
            target is not None
            and promoted is not None
            and (
                target.revision == promoted
                or _same(target_object, primary_object, carried, promoted)
            )
        )
    else:
        asks_for_promoted = (
            target_object is not None
            and primary_object is not None
            and same_images(target_object, primary_object)
        )
        serving = target if asks_for_promoted else primary
        carried = serving.revision if serving else None
    return Situation(
        canary=canary,
        observation=observation,
        now=now,
        target=target,
        primary=primary,
        carried=carried,
        asks_for_promoted=asks_for_promoted,
        problem=next(problems(canary, observation), None),
    )


def _noted_revision(primary: Object | None) -> str | None:
    annotations = (primary or {}).get("metadata", {}).get("annotations") or {}
    return annotations.get(REVISION_ANNOTATION)


def _same(
    target: Object | None, primary: Object | None, carried: str | None, promoted: str
) -> bool:
    # A new API server may add a default to every template: the hash changes, the revision does not.
    if target is None or primary is None or carried != promoted:
        return False
    try:
        return same_template(target, primary)
    except SpecError:
        return False
