"""Inline queries: Flagger's template words, filled in for one Canary."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from linnet.analysis.measurement import MetricKind
from linnet.analysis.promql import duration
from linnet.api.canary import Canary
from linnet.api.metric import BUILT_IN, Metric
from linnet.errors import SpecError, told_by

WORDS: Final = ("namespace", "name", "target", "service", "ingress", "route", "interval")

_SECOND: Final = timedelta(seconds=1)
# As in Go: `{{-` and `-}}` also take away the blanks on their side.
_ACTION = re.compile(
    r"(?:\{\{|\s*\{\{-(?=\s))\s*(?P<word>/\*.*?\*/|.*?)\s*(?:(?<=\s)-\}\}\s*|\}\})", re.DOTALL
)
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")


def kind_of(metric: Metric) -> MetricKind:
    """Return where the metric's query comes from: its name decides."""
    return MetricKind(metric.name) if metric.name in BUILT_IN else MetricKind.INLINE


def render(canary: Canary, metric: Metric, window: timedelta) -> str:
    """Return the metric's query with every template word replaced by its value.

    `{{ interval }}` is the window, in whole seconds from one second on. Raises
    SpecError("InvalidMetric") for a word that does not exist, and for braces that do not match.
    """
    interval = window - window % _SECOND if window > _SECOND else window
    values = {
        "namespace": canary.namespace,
        "name": canary.name,
        "target": canary.target_name,
        "service": canary.service_name,
        # Flagger's words for other providers; without such a provider they name the target there.
        "ingress": canary.target_name,
        "route": canary.target_name,
        "interval": duration(interval),
    }
    return _fill_in(metric.query or "", values, f"spec.analysis.metrics[{metric.name}].query")


def problems(canary: Canary) -> Iterator[SpecError]:
    """Yield SpecError("InvalidMetric") for each inline query that cannot be rendered."""
    for metric in canary.spec.analysis.metrics:
        if kind_of(metric) is MetricKind.INLINE:
            yield from told_by(render, canary, metric, metric.interval)


def _fill_in(template: str, values: Mapping[str, str], field: str) -> str:
    def value_of(match: re.Match[str]) -> str:
        word = match["word"]
        if word.startswith("/*"):
            return ""
        if word not in values:
            raise SpecError(
                "InvalidMetric",
                f"{field}: {{{{ {word} }}}} is not known; use one of {', '.join(WORDS)}",
            )
        # A name that holds a quote would end the PromQL string that it stands in.
        if not _PLAIN.fullmatch(values[word]):
            raise SpecError(
                "InvalidMetric",
                f"{field}: {{{{ {word} }}}} is {values[word]!r} here, which has characters that no"
                " name in Kubernetes has",
            )
        return values[word]

    rest = _ACTION.sub("", template)
    for braces, other in (("{{", "}}"), ("}}", "{{")):
        if braces in rest:
            raise SpecError("InvalidMetric", f"{field}: {braces} without {other}")
    return _ACTION.sub(value_of, template)
