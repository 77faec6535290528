"""What linnet reports of a Canary, and resumes from."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError

from linnet.api.judgement import GuardRecord, Judgement
from linnet.api.rules import KeyedBy, Model
from linnet.api.salvage import without_broken_parts
from linnet.api.scalars import Count, Generation, Percent
from linnet.api.timestamp import Timestamp

MAX_DECISIONS: Final = 10
MAX_CONDITIONS: Final = 16
MAX_MEASUREMENTS: Final = 32
MAX_MESSAGE: Final = 1024
MAX_QUERY: Final = 512
MAX_REQUEST: Final = 128


class Phase(StrEnum):
    """Where a Canary is in its life."""

    INITIALIZING = "Initializing"
    INITIALIZED = "Initialized"
    PROGRESSING = "Progressing"
    PROMOTING = "Promoting"
    FINALISING = "Finalising"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TERMINATING = "Terminating"
    TERMINATED = "Terminated"


class Verdict(StrEnum):
    """What a measurement, or a whole check, says."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    NONE = ""


def _clip(text: Any) -> Any:
    # A text that is too long must not keep the status from being written.
    too_long = isinstance(text, str) and len(text) > MAX_MESSAGE
    return text[: MAX_MESSAGE - 1] + "…" if too_long else text


def _clip_query(text: Any) -> Any:
    too_long = isinstance(text, str) and len(text) > MAX_QUERY
    return text[: MAX_QUERY - 1] + "…" if too_long else text


def _newest(items: Any) -> Any:
    return items[-MAX_DECISIONS:] if isinstance(items, (list, tuple)) else items


Message = Annotated[str, StringConstraints(max_length=MAX_MESSAGE), BeforeValidator(_clip)]
Reason = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=128, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
    ),
]
Revision = Annotated[str, StringConstraints(max_length=63)]


def clip_request(text: Any) -> Any:
    """Return the text of a request as it is kept: its beginning, if somebody wrote a book."""
    return text[:MAX_REQUEST] if isinstance(text, str) else text


RequestText = Annotated[
    str, StringConstraints(max_length=MAX_REQUEST), BeforeValidator(clip_request)
]


class Condition(Model):
    """One aspect of the Canary's state, in the shape that all Kubernetes conditions have."""

    type: Annotated[
        str, StringConstraints(min_length=1, max_length=63, pattern=r"^[A-Za-z][A-Za-z0-9]*$")
    ] = Field(description="Ready, Progressing, Stalled, Promoted or Blind.")
    status: Literal["True", "False", "Unknown"] = Field(description="True, False or Unknown.")
    reason: Reason = Field(description="Why, as one CamelCase word for programs.")
    message: Message = Field(default="", description="Why, as a sentence for people.")
    last_transition_time: Timestamp = Field(description="When status last changed.")
    observed_generation: Generation | None = Field(
        default=None, description="The metadata.generation that this condition speaks of."
    )


class MeasurementRecord(Model):
    """One measurement that a decision was taken on."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(
        description="The metric's name."
    )
    value: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None,
        description="The measured value: in percent for request-success-rate, in milliseconds for"
        " request-duration. Absent when there was none.",
    )
    verdict: Verdict = Field(description="What the value says: passed, failed or inconclusive.")
    message: Message = Field(
        default="", description="The value against its range, or why there is no value."
    )
    query: Annotated[str, StringConstraints(max_length=MAX_QUERY), BeforeValidator(_clip_query)] = (
        Field(
            default="",
            description="What was asked of Prometheus, or its beginning. Kept for the last"
            " decision.",
        )
    )


class DecisionRecord(Judgement):
    """One decision, and the figures it was taken on."""

    time: Timestamp = Field(description="When it was taken.")
    verdict: Verdict = Field(
        default=Verdict.NONE,
        description="What the analysis said: passed, failed or inconclusive;"
        " empty when nothing was measured.",
    )
    weight: Percent = Field(
        description="The canary's share of the traffic, in percent, from this decision on."
    )
    reason: Reason = Field(description="What was decided, as one CamelCase word for programs.")
    message: Message = Field(default="", description="What was decided and why, for people.")
    measurements: Annotated[tuple[MeasurementRecord, ...], Field(max_length=MAX_MEASUREMENTS)] = (
        Field(default=(), description="The measurements it was taken on.")
    )


class RequestRecord(Model):
    """The last request of a person, and what became of it."""

    text: RequestText = Field(description="The request as it was written.")
    time: Timestamp = Field(description="When linnet handled it.")
    accepted: bool = Field(description="Whether it was done; otherwise it was refused.")
    message: Message = Field(default="", description="What was done, or why it was refused.")
    present: bool = Field(
        default=True,
        description="Whether the annotation with this request is still there, as far as linnet"
        " knows. Once it is gone, the same text is a new request.",
    )


class CanaryStatus(Model):
    """The state of a Canary, as linnet last wrote it. Written by linnet only."""

    phase: Phase | None = Field(
        default=None,
        description="Where the Canary is in its life. Initializing: the primary is being set up."
        " Initialized: ready for the first release. Progressing: a new revision is being analysed."
        " Promoting: the primary takes over the new revision. Finalising: traffic is back on the"
        " primary, the canary is about to be scaled down. Succeeded: the last release was"
        " promoted. Failed: the last release was taken back. Terminating: the Canary was deleted,"
        " and the target is brought back into service. Terminated: the routes are given back.",
    )
    observed_generation: Generation | None = Field(
        default=None, description="The metadata.generation that this status speaks of."
    )
    canary_weight: Percent = Field(
        default=0, description="The canary's share of the traffic, in percent."
    )
    failed_checks: Count = Field(
        default=0,
        description="How many checks of the last release have failed; a release is taken back when"
        " they reach spec.analysis.threshold.",
    )
    revision: Revision | None = Field(
        default=None, description="The revision that was released last: a hash of the pod template."
    )
    promoted_revision: Revision | None = Field(
        default=None, description="The revision that the primary serves, or was last told to serve."
    )
    replicas: Count | None = Field(
        default=None,
        description="The number of replicas that the target has while it serves as canary.",
    )
    started_at: Timestamp | None = Field(default=None, description="When the last release began.")
    traffic_since: Timestamp | None = Field(
        default=None, description="When the canary first got traffic in the current release."
    )
    next_check_at: Timestamp | None = Field(
        default=None,
        description="When the next check is due, or the next step of a promotion.",
    )
    deadline: Timestamp | None = Field(
        default=None, description="By when the pods that are waited for must be ready."
    )
    drain_until: Timestamp | None = Field(
        default=None,
        description="Until when pods that have lost their traffic are kept, for the requests that"
        " are still under way.",
    )
    last_transition_time: Timestamp | None = Field(
        default=None, description="When phase or canaryWeight last changed."
    )
    guard: GuardRecord | None = Field(
        default=None,
        description="How the canary compares with the primary so far, while a release is under"
        " analysis. Written along with other changes, not at every sample.",
    )
    paused_revision: Revision | None = Field(
        default=None,
        description="The revision whose release a request has paused, until another resumes it.",
    )
    request: RequestRecord | None = Field(
        default=None,
        description="The last request of a person (annotation linnet.dev/request), and what became"
        " of it.",
    )
    declared_request: RequestText | None = Field(
        default=None,
        description="The last request that was part of an applied manifest. Such a request stays"
        " where it is, and is handled once.",
    )
    conditions: Annotated[
        tuple[Condition, ...], Field(max_length=MAX_CONDITIONS), KeyedBy("type")
    ] = Field(
        default=(),
        description="The Canary's state in aspects: Ready, Progressing, Stalled, Promoted, Blind.",
    )
    decisions: Annotated[
        tuple[DecisionRecord, ...], Field(max_length=MAX_DECISIONS), BeforeValidator(_newest)
    ] = Field(default=(), description="The last ten decisions, newest last.")

    @classmethod
    def from_object(cls, obj: Any) -> Self:
        """Read a status; what does not parse counts as absent. Never raises."""
        if isinstance(obj, Mapping) and "decisions" in obj:
            obj = {**obj, "decisions": _newest(obj["decisions"])}  # the others are of no interest
        try:
            return cls.model_validate(obj)
        except ValidationError as error:
            return cls.model_validate(without_broken_parts(cls, obj, error))

    def to_object(self) -> dict[str, Any]:
        """Return the status as the API server stores it; what is None is left out."""
        # `model_copy(update=...)` checks nothing: keep to the bounds of the schema here.
        checked = type(self).model_validate(dict(self))
        return checked.model_dump(mode="json", by_alias=True, exclude_none=True)
