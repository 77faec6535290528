"""The Canary: what a team asks for, and what linnet says about it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, ValidationError

from linnet.api.analysis import Analysis
from linnet.api.explain import explain
from linnet.api.metric import Metric, ThresholdRange
from linnet.api.names import CANARY_SUFFIX, KIND, MAX_NAME_LENGTH, PRIMARY_SUFFIX
from linnet.api.objects import ObjectRef
from linnet.api.rules import Model, Rule, differs, matcher, matches
from linnet.api.salvage import without_broken_parts
from linnet.api.scalars import DNS_SUBDOMAIN, Flag, Whole
from linnet.api.service import SERVICE_NAME, Service
from linnet.api.status import CanaryStatus
from linnet.errors import SpecError

__all__ = [
    "Analysis",
    "Canary",
    "CanarySpec",
    "Metadata",
    "Metric",
    "PrimaryRef",
    "Service",
    "TargetRef",
    "ThresholdRange",
]

INVALID_SPEC = "InvalidSpec"


DeploymentName = Annotated[
    str,
    StringConstraints(max_length=MAX_NAME_LENGTH),
    matches(
        f"^{DNS_SUBDOMAIN}$",
        "must be the name of a Deployment: lower case letters, digits, inner dashes and dots",
    ),
]


class TargetRef(Model):
    """The workload that the user edits."""

    api_version: Literal["apps/v1"] = Field(
        default="apps/v1", description="The API version of the workload: apps/v1."
    )
    kind: Literal["Deployment"] = Field(
        default="Deployment", description="The kind of the workload: Deployment."
    )
    name: DeploymentName = Field(
        description="The name of the workload, in the Canary's namespace. Without primaryRef, with"
        " -primary appended, it names the copy that serves the promoted revision."
    )


class PrimaryRef(Model):
    """The workload of the user's own that serves the promoted revision."""

    api_version: Literal["apps/v1"] = Field(
        default="apps/v1", description="The API version of the workload: apps/v1."
    )
    kind: Literal["Deployment"] = Field(
        default="Deployment", description="The kind of the workload: Deployment."
    )
    name: DeploymentName = Field(
        description="The name of the workload, in the Canary's namespace. linnet never writes it."
    )


_names_a_service = matcher(SERVICE_NAME)


class CanarySpec(Model):
    """What a team asks for."""

    rules: ClassVar = (
        Rule(
            "self.skipAnalysis || has(self.analysis.stepWeight) || has(self.analysis.stepWeights)"
            " || has(self.analysis.ramp)",
            "say how the weight grows: set analysis.stepWeight or analysis.stepWeights, or"
            " analysis.ramp, or skipAnalysis: true",
            lambda s: (
                s.skip_analysis
                or s.analysis.step_weight is not None
                or s.analysis.step_weights is not None
                or s.analysis.ramp is not None
            ),
            field="analysis",
        ),
        Rule(
            "!self.skipAnalysis || !self.analysis.promotion.evidence",
            "evidence needs traffic, and with skipAnalysis the canary gets none before it is"
            " promoted: leave one of the two out",
            lambda s: not s.skip_analysis or not s.analysis.promotion.evidence,
            field="analysis.promotion.evidence",
        ),
        Rule(
            f"has(self.service.name) || self.targetRef.name.matches('{SERVICE_NAME}')",
            "targetRef.name cannot name a Service (it must begin with a letter and have no dot):"
            " set service.name",
            lambda s: s.service.name is not None or _names_a_service(s.target_ref.name),
            field="service",
        ),
        Rule(
            "self.targetRef.name == oldSelf.targetRef.name",
            "targetRef.name cannot be changed: delete the Canary, which gives all traffic back to"
            " its target, and create one for the other workload",
            None,
            field="targetRef",
        ),
        Rule(
            "!has(self.primaryRef) || self.primaryRef.name != self.targetRef.name",
            "primaryRef and targetRef name the same Deployment: name the one that serves now in"
            " primaryRef, and the one that gets new versions in targetRef",
            lambda s: s.primary_ref is None or s.primary_ref.name != s.target_ref.name,
            field="primaryRef",
        ),
        Rule(
            "has(self.primaryRef) == has(oldSelf.primaryRef) && (!has(self.primaryRef) ||"
            " self.primaryRef.name == oldSelf.primaryRef.name)",
            "primaryRef cannot be changed: delete the Canary, and create it with the other primary",
            None,
            field="primaryRef",
        ),
        Rule(
            "has(self.primaryRef) || !(has(self.service.destinationRuleRef) ||"
            " has(self.service.primaryService))",
            "destinationRuleRef and primaryService are for two Deployments of your own: name the"
            " one that serves now in primaryRef, or have the routes lead to the Services that"
            " linnet makes, name-primary and name-canary",
            lambda s: s.primary_ref is not None or s.service.makes_services,
            field="primaryRef",
        ),
        Rule(
            "(has(self.service.name) ? self.service.name : self.targetRef.name) =="
            " (has(oldSelf.service.name) ? oldSelf.service.name : oldSelf.targetRef.name)",
            "service.name cannot be changed: delete the Canary, and create it with the other name",
            None,
            field="service",
        ),
    )

    provider: Literal["istio"] = Field(
        default="istio", description="What routes the traffic: istio."
    )
    metrics_server: (
        Annotated[
            str,
            StringConstraints(max_length=2048),
            matches(
                r"^https?://[^\s/?#]+([/?#][^\s]*)?$",
                "must be a URL such as http://prometheus.istio-system:9090",
            ),
            differs("^https?://[^/?#]*@", "must not carry a user name or password"),
        ]
        | None
    ) = Field(
        default=None,
        description="The URL of the Prometheus that this Canary is judged on. Default: that of the"
        " operator.",
    )
    target_ref: TargetRef = Field(
        description="The workload whose new revisions are released step by step."
    )
    primary_ref: PrimaryRef | None = Field(
        default=None,
        description="The workload that serves while there is no release, where both are the user's"
        " own: linnet then writes neither of them, and a release waits at 100 percent until the"
        " primary was given the new images. Default: linnet makes a copy of the target.",
    )
    progress_deadline_seconds: Annotated[int, Whole(1, 86400)] = Field(
        default=600,
        description="How long pods may take to become ready, in seconds. A canary that takes longer"
        " is taken back; a primary that takes longer is reported by the condition Stalled, and"
        " waited for.",
    )
    scale_down_delay_seconds: Annotated[int, Whole(0, 3600)] = Field(
        default=10,
        description="How long pods that have lost their traffic are kept, in seconds: the time in"
        " which proxies learn of new weights and requests under way come to their end.",
    )
    skip_analysis: Flag = Field(
        default=False,
        description="Promote a new revision without analysis as soon as its pods are ready.",
    )
    suspend: Flag = Field(
        default=False,
        description="Do nothing at all for this Canary: no decision, no repair, until this is"
        " false again.",
    )
    paused: Flag = Field(
        default=False,
        description="Hold the weight: no step up and no promotion. Checks go on, and may take the"
        " release back.",
    )
    service: Service = Field(description="How requests reach the workload.")
    analysis: Analysis = Field(
        default_factory=Analysis,
        json_schema_extra={"default": {}},
        description="How fast the canary gets traffic, and how it is judged.",
    )


class Metadata(Model):
    """What linnet reads of the object's metadata."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    finalizers: tuple[str, ...] = ()
    labels: Mapping[str, str] = Field(default_factory=dict)
    annotations: Mapping[str, str] = Field(default_factory=dict)
    managed_fields: tuple[Mapping[str, Any], ...] = ()


def _what_is_left(spec: Any) -> CanarySpec | None:
    """Return a spec that breaks a rule without what breaks it; no analysis comes any more."""
    if not isinstance(spec, Mapping):
        return None
    rest = {**spec, "skipAnalysis": True}
    rest.pop("analysis", None)
    try:
        return CanarySpec.model_validate(rest, by_alias=True, by_name=False)
    except ValidationError as error:
        try:
            return CanarySpec.model_validate(without_broken_parts(CanarySpec, rest, error))
        except ValidationError:
            return None


class Canary(Model):
    """Releases each new revision of a workload step by step, and takes back what fails."""

    metadata: Metadata
    spec: CanarySpec
    status: CanaryStatus = Field(default_factory=CanaryStatus)

    @classmethod
    def from_object(cls, obj: Mapping[str, Any]) -> Self:
        """Read a Canary as the API server returns it.

        A status that does not parse counts as absent, in as small parts as possible. Raises
        SpecError with reason InvalidSpec for a spec that breaks a rule; one that is being deleted
        is read without what breaks it, so that its routes can be given back.
        """
        metadata = Metadata.model_validate(obj["metadata"], by_alias=True, by_name=False)
        try:
            spec = CanarySpec.model_validate(obj.get("spec"), by_alias=True, by_name=False)
        except ValidationError as error:
            left = _what_is_left(obj.get("spec")) if metadata.deletion_timestamp else None
            if left is None:
                raise SpecError(INVALID_SPEC, explain(error, "spec")) from error
            spec = left
        status = CanaryStatus.from_object(obj.get("status") or {})
        return cls(metadata=metadata, spec=spec, status=status)

    @property
    def ref(self) -> ObjectRef:
        """The reference of this Canary."""
        return ObjectRef(KIND, self.metadata.namespace, self.metadata.name)

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def namespace(self) -> str:
        return self.metadata.namespace

    @property
    def uid(self) -> str:
        return self.metadata.uid

    @property
    def generation(self) -> int:
        return self.metadata.generation

    @property
    def resource_version(self) -> str:
        return self.metadata.resource_version

    @property
    def finalizers(self) -> tuple[str, ...]:
        return self.metadata.finalizers

    @property
    def deleted(self) -> bool:
        """Deletion was asked for; the object stays until its finalizers are gone."""
        return self.metadata.deletion_timestamp is not None

    @property
    def target_name(self) -> str:
        """The workload that the user edits, which runs the canary during a release."""
        return self.spec.target_ref.name

    @property
    def primary_name(self) -> str:
        """The workload that runs the promoted revision: primaryRef's, else linnet's copy."""
        if self.spec.primary_ref is not None:
            return self.spec.primary_ref.name
        return self.spec.target_ref.name + PRIMARY_SUFFIX

    @property
    def copies_target(self) -> bool:
        """The primary is a copy of the target that linnet makes; else both are the user's own."""
        return self.spec.primary_ref is None

    @property
    def adopts(self) -> bool:
        """The routes are the user's own; linnet writes their weights only."""
        return self.spec.service.adopts

    @property
    def delegates(self) -> bool:
        """A VirtualService of the user's own delegates to the one that linnet makes."""
        return self.spec.service.delegation is True

    @property
    def makes_services(self) -> bool:
        """linnet makes a Service for each side, whose endpoints tell what is routable."""
        return self.spec.service.makes_services

    @property
    def service_name(self) -> str:
        """The Service that clients call; also the name of the VirtualService."""
        return self.spec.service.name or self.spec.target_ref.name

    @property
    def service_primary(self) -> str:
        """The Service of the primary's pods; meaningless where routes lead to subsets."""
        return self.spec.service.primary_service or self.service_name + PRIMARY_SUFFIX

    @property
    def service_canary(self) -> str:
        """The Service of the canary's pods; meaningless where routes lead to subsets."""
        return self.spec.service.canary_service or self.service_name + CANARY_SUFFIX
