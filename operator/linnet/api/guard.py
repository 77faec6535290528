"""`spec.analysis.guard`, `.promotion` and `.ramp`: what comparing with the primary may decide."""

from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from linnet.api.duration import Between
from linnet.api.rules import Model, Rule
from linnet.api.scalars import Flag, Number, Whole


def _within(low: float, high: float, sentence: str) -> Rule:
    """Return the rule that a number is from `low` to `high`; the sentence says why."""

    def holds(value: Any) -> bool:
        return bool(low <= value <= high)

    # With a point, so that CEL takes them for the doubles that JSON's numbers are.
    return Rule(f"self >= {float(low)!r} && self <= {float(high)!r}", sentence, holds)


ErrorChance = Annotated[
    Number,
    _within(
        0.01,
        50,
        "must be from 0.01 to 50, in percent: with 0 no evidence would ever be enough",
    ),
]
"""How often a wrong decision is accepted, in percent of releases."""

Soak = Annotated[timedelta, Between("0s")]
Deadline = Annotated[timedelta, Between("1m", "168h")]


class LatencyGuard(Model):
    """Whether slow requests take a release back as failed ones do."""

    enabled: Flag = Field(
        default=True,
        description="Compare the share of slow requests, too. Slow are those that take longer than"
        " the bound of Istio's histogram nearest to the primary's 99th percentile, which is fixed"
        " before the release.",
    )


class Guard(Model):
    """Takes a release back as soon as the canary is worse than the primary beyond doubt."""

    enabled: Flag = Field(
        default=True,
        description="Compare the canary with the primary at every scrape, and take the release back"
        " as soon as it is beyond doubt that the canary fails more.",
    )
    ratio: Annotated[
        Number,
        _within(
            1,
            100,
            "must be from 1 to 100: how many times as often as the primary the canary may fail",
        ),
    ] = Field(
        default=1.25,
        description="How many times as often as the primary the canary may fail.",
    )
    objective: Annotated[
        Number,
        _within(
            50,
            99.999,
            "must be from 50 to 99.999, in percent: an objective of 100 leaves no error budget to"
            " judge by",
        ),
    ] = Field(
        default=99,
        description="How many percent of requests are to succeed. While the primary itself misses"
        " this beyond doubt, the release is frozen, and the canary is not blamed.",
    )
    floor: (
        Annotated[
            Number,
            _within(
                0.001,
                50,
                "must be from 0.001 to 50, in percent: the share of failed requests that is always"
                " tolerated; above it a canary could hardly ever be taken back, and 0 would blame"
                " it for a single failure",
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="A canary that fails no more than this, in percent of its requests, is never"
        " taken back by the guard, however well the primary does. Default: half of what objective"
        " lets fail, so 0.5 with an objective of 99.",
    )
    false_rollback_rate: ErrorChance = Field(
        default=5,
        description="How many percent of releases that are no worse than ratio and floor allow may"
        " be taken back by mistake, at most.",
    )
    latency: LatencyGuard = Field(
        default_factory=LatencyGuard,
        json_schema_extra={"default": {}},
        description="Whether slow requests take a release back as failed ones do.",
    )

    @property
    def floor_percent(self) -> float:
        """The floor in percent: as it is set, or half of the objective's error budget."""
        return (100 - self.objective) / 2 if self.floor is None else self.floor


class Promotion(Model):
    """What a promotion needs besides the last step."""

    rules: ClassVar = (
        Rule(
            # Kubernetes checks the default `promotion: {}` before it fills in what is inside.
            "!has(self.evidence) || !self.evidence ||"
            " duration(self.deadline) > duration(self.minSoak)",
            "deadline must be longer than minSoak: else every release ends undecided",
            lambda p: not p.evidence or p.deadline > p.min_soak,
            field="deadline",
        ),
    )

    evidence: Flag = Field(
        default=False,
        description="Promote only when it is beyond doubt that the canary fails at most by margin"
        " more than the primary, in place of after the last step's check.",
    )
    min_soak: Soak = Field(
        default=timedelta(minutes=5),
        description="With evidence: how long the canary has had traffic at least before it is"
        " promoted: a duration up to 24h.",
    )
    margin: Annotated[
        Number,
        _within(
            0.01,
            50,
            "must be from 0.01 to 50, in percent: without a margin no number of requests is enough",
        ),
    ] = Field(
        default=1,
        description="With evidence: by how many percent of its requests the canary may fail more"
        " than the primary. Without any failure it takes about 380 / margin requests to the"
        " canary.",
    )
    false_promotion_rate: ErrorChance = Field(
        default=5,
        description="With evidence: how many percent of releases that are worse than margin allows"
        " may be promoted by mistake, at most.",
    )
    deadline: Deadline = Field(
        default=timedelta(hours=1),
        description="With evidence: how long after the canary's first traffic a release may stay"
        " undecided: a duration from 1m to 168h.",
    )
    on_undecided: Literal["hold", "rollback", "promote"] = Field(
        default="hold",
        description="With evidence: what is done with a release that is undecided at the deadline."
        " hold keeps its weight and says so; rollback takes it back; promote promotes it.",
    )


class Ramp(Model):
    """Lets the weight grow with the evidence, in place of steps."""

    exposure_budget: Annotated[int, Whole(1, 1_000_000)] = Field(
        default=20,
        description="How many requests a bad canary may fail, as a rule, before it is back at"
        " weight 0. It decides how large the first weight is, and how fast it grows.",
    )
