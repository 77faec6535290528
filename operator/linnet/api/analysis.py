"""`spec.analysis`: how fast a canary gets traffic, and how it is judged."""

from datetime import timedelta
from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import Field

from linnet.api.duration import Duration
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
