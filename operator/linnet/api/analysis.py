"""`spec.analysis`: how fast a canary gets traffic, and how it is judged."""

from datetime import timedelta
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from linnet.api.duration import Between, Duration
from linnet.api.guard import Guard, Promotion, Ramp
from linnet.api.metric import Metric
from linnet.api.rules import KeyedBy, Model, Rule
from linnet.api.scalars import Percent, Weight, Whole

StepWeights = Annotated[
    tuple[Weight, ...],
    Field(min_length=1, max_length=100),
    Rule(
        "self.isSorted() && self.all(w, self.exists_one(v, v == w))",
        "weights must rise from step to step",
        lambda weights: all(low < high for low, high in pairwise(weights)),
    ),
]


class Analysis(Model):
    """How fast the canary gets traffic, and how it is judged."""

    rules: ClassVar = (
        Rule(
            "!has(self.stepWeight) || !has(self.stepWeights)",
            "set either stepWeight or stepWeights, not both",
            lambda a: a.step_weight is None or a.step_weights is None,
            field="stepWeights",
        ),
        Rule(
            "!has(self.stepWeight) || self.stepWeight <= self.maxWeight",
            "stepWeight must not be greater than maxWeight",
            lambda a: a.step_weight is None or a.step_weight <= a.max_weight,
            field="stepWeight",
        ),
        Rule(
            "!has(self.ramp) || !has(self.stepWeight) && !has(self.stepWeights)",
            "with a ramp the weight grows with the evidence: leave stepWeight and stepWeights out"
            " (maxWeight stays its limit)",
            lambda a: a.ramp is None or (a.step_weight is None and a.step_weights is None),
            field="ramp",
        ),
        Rule(
            "!has(self.ramp) || self.promotion.evidence",
            "a ramp has no last step to promote after: set promotion.evidence: true",
            lambda a: a.ramp is None or a.promotion.evidence,
            field="ramp",
        ),
        Rule(
            # Kubernetes checks the default `analysis: {}` before it fills in what is inside.
            "!has(self.promotion) || !self.promotion.evidence || self.guard.enabled",
            "evidence comes from what the guard counts: set guard.enabled: true, or leave"
            " promotion.evidence out",
            lambda a: a.guard.enabled or not a.promotion.evidence,
            field="promotion.evidence",
        ),
        Rule(
            "!has(self.promotion) || !self.promotion.evidence ||"
            " (!has(self.stepWeight) || self.stepWeight < 100) &&"
            " (!has(self.stepWeights) || self.stepWeights.exists(w, w < 100))",
            "with all traffic on the canary there is nothing left to compare it with: evidence"
            " needs a step below 100",
            lambda a: (
                not a.promotion.evidence
                or ((a.step_weight or 1) < 100 and min(a.step_weights or (1,)) < 100)
            ),
            field="promotion.evidence",
        ),
    )

    interval: Duration = Field(
        default=timedelta(minutes=1),
        description="The time between two checks, and so between two steps: a duration from 1s to"
        " 24h.",
    )
    threshold: Annotated[int, Whole(1, 1_000_000)] = Field(
        default=1,
        description="How many failed checks take the release back. Checks are counted over the"
        " whole release; a passed one does not reset the count. Inconclusive checks do not count.",
    )
    max_weight: Weight = Field(
        default=100,
        description="With stepWeight: the last and highest weight, in percent; after it the canary"
        " is promoted.",
    )
    step_weight: Weight | None = Field(
        default=None,
        description="By how many percent of the traffic the canary's weight grows at each passed"
        " check.",
    )
    step_weights: StepWeights | None = Field(
        default=None,
        description="The canary's weights in percent, one for each step, rising; after the last"
        " the canary is promoted. Used in place of stepWeight and maxWeight.",
    )
    step_weight_promotion: Percent = Field(
        default=0,
        description="By how many percent of the traffic goes back to the primary at each interval"
        " of a promotion. 0: all at once.",
    )
    primary_ready_threshold: Percent = Field(
        default=100,
        description="How many percent of the primary's pods must be available for it to count as"
        " ready.",
    )
    canary_ready_threshold: Percent = Field(
        default=100,
        description="How many percent of the canary's pods must be available for it to count as"
        " ready.",
    )
    metrics: Annotated[tuple[Metric, ...], Field(max_length=20), KeyedBy("name")] = Field(
        default=(),
        description="What the canary is judged on; a check passes when every metric does. Without"
        " metrics a check passes when the canary is ready.",
    )
    guard: Guard = Field(
        default_factory=Guard,
        json_schema_extra={"default": {}},
        description="Compares the canary with the primary at every scrape, and takes a release back"
        " that fails more beyond doubt, sooner than the metrics do. The weight never grows by it.",
    )
    blind_timeout: Annotated[timedelta, Between("10s")] = Field(
        default=timedelta(seconds=90),
        description="How long there may be nothing to judge by (no traffic, no data, no Prometheus)"
        " before the weight goes back to the first step, to be held there: a duration from 10s to"
        " 24h.",
    )
    on_no_data: Literal["hold", "fail"] = Field(
        default="hold",
        description="What a check without data is. hold: inconclusive, the weight is held. fail: a"
        " failed check, as in Flagger.",
    )
    promotion: Promotion = Field(
        default_factory=Promotion,
        json_schema_extra={"default": {}},
        description="What a promotion needs besides the last step.",
    )
    ramp: Ramp | None = Field(
        default=None,
        description="Lets the weight grow as far as the evidence so far keeps a bad canary's"
        " failures within a budget, in place of stepWeight or stepWeights. It needs"
        " promotion.evidence.",
    )
