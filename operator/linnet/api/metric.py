"""`spec.analysis.metrics`: what a canary is judged on."""

from datetime import timedelta
from typing import Annotated, ClassVar, Final

from pydantic import Field, StringConstraints

from linnet.api.duration import Duration
from linnet.api.rules import Model, Rule
from linnet.api.scalars import Number

SUCCESS_RATE: Final = "request-success-rate"
DURATION: Final = "request-duration"
BUILT_IN: Final = (SUCCESS_RATE, DURATION)

_BUILT_IN_CEL: Final = str(list(BUILT_IN))


class ThresholdRange(Model):
    """The values that pass, both ends included."""

    rules: ClassVar = (
        Rule(
            "has(self.min) || has(self.max)",
            "set min, max or both",
            lambda r: r.min is not None or r.max is not None,
        ),
        Rule(
            "!has(self.min) || !has(self.max) || self.min <= self.max",
            "min must not be greater than max",
            lambda r: r.min is None or r.max is None or r.min <= r.max,
            field="min",
        ),
    )

    min: Number | None = Field(default=None, description="The lowest value that passes.")
    max: Number | None = Field(default=None, description="The highest value that passes.")


class Metric(Model):
    """One metric that the canary is judged on at every check."""

    rules: ClassVar = (
        Rule(
            f"self.name in {_BUILT_IN_CEL} || has(self.query)",
            f"set query (a PromQL expression), or name a built-in metric: {' or '.join(BUILT_IN)}",
            lambda m: m.name in BUILT_IN or m.query is not None,
            field="query",
        ),
        Rule(
            f"!(self.name in {_BUILT_IN_CEL}) || !has(self.query)",
            "a built-in metric has a query of its own: leave query out, or give the metric"
            " another name",
            lambda m: m.name not in BUILT_IN or m.query is None,
            field="query",
        ),
        Rule(
            f"self.name != '{SUCCESS_RATE}' ||"
            " ((!has(self.thresholdRange.min) ||"
            " self.thresholdRange.min >= 0.0 && self.thresholdRange.min <= 100.0) &&"
            " (!has(self.thresholdRange.max) ||"
            " self.thresholdRange.max >= 0.0 && self.thresholdRange.max <= 100.0))",
            f"{SUCCESS_RATE} is in percent: min and max must be from 0 to 100",
            lambda m: (
                m.name != SUCCESS_RATE
                or all(
                    0 <= end <= 100
                    for end in (m.threshold_range.min, m.threshold_range.max)
                    if end is not None
                )
            ),
            field="thresholdRange",
        ),
        Rule(
            f"self.name != '{DURATION}' ||"
            " ((!has(self.thresholdRange.min) || self.thresholdRange.min >= 0.0) &&"
            " (!has(self.thresholdRange.max) || self.thresholdRange.max > 0.0))",
            f"{DURATION} is in milliseconds, and no request takes 0 or less: max must be above 0,"
            " such as 500, and min must not be negative",
            lambda m: (
                m.name != DURATION
                or (
                    (m.threshold_range.min is None or m.threshold_range.min >= 0)
                    and (m.threshold_range.max is None or m.threshold_range.max > 0)
                )
            ),
            field="thresholdRange",
        ),
    )

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(
        description="The metric's name, unique in this Canary. request-success-rate (the"
        " percentage of requests that did not fail with a server error) and request-duration (the"
        " 99th percentile in milliseconds) are built in; any other name needs a query."
    )
    interval: Duration = Field(
        default=timedelta(minutes=1),
        description="The time over which the metric is measured, up to the check: a duration from"
        " 1s to 24h. It never reaches back before the canary's first traffic in this release.",
    )
    threshold_range: ThresholdRange = Field(
        description="The values that pass. In percent for request-success-rate, in milliseconds"
        " for request-duration, in the query's own unit otherwise."
    )
    query: Annotated[str, StringConstraints(min_length=1, max_length=8192)] | None = Field(
        default=None,
        description="A PromQL expression that returns exactly one value. No value, several values"
        " and NaN are inconclusive: the weight is held, and nothing is taken back.",
    )
