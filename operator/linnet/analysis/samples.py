"""What Prometheus' HTTP API returns for an instant query, as numbers and labels."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """One element of an instant vector. The value is finite."""

    labels: Labels
    value: float


def samples(rows: Iterable[Any]) -> Iterator[Sample]:
    """Yield the elements that hold a finite number; anything else is no evidence."""
    for row in rows:
        if not isinstance(row, Mapping):
            continue
        value = _number(row.get("value"))
        if value is not None and math.isfinite(value):
            yield Sample(row.get("metric") or {}, value)


def single_value(rows: Any) -> float | str:
    """Return the one value of an inline query's result, or a sentence on why there is none.

    `rows` is the `result` of the API's answer: of a vector, a scalar, a string or a matrix.
    """
    if not isinstance(rows, list) or not rows:
        return "the query returned no series"
    if not isinstance(rows[0], Mapping):
        return _finite(_number(rows), rows[-1])
    if "values" in rows[0] or "histograms" in rows[0]:
        return (
            "the query returned a range of samples; wrap it in a function such as rate() or"
            " last_over_time()"
        )
    if len(rows) > 1:
        return (
            f"the query returned more than one series ({_difference(rows[0], rows[1])});"
            " aggregate them to one, for example with sum()"
        )
    if "value" not in rows[0]:
        return "the query returned a histogram; take a figure out of it, such as histogram_quantile"
    return _finite(_number(rows[0]["value"]), rows[0]["value"])


def _number(point: Any) -> float | None:
    try:
        _, text = point
        return float(text)
    except (TypeError, ValueError):
        return None


def _finite(value: float | None, shown: Any) -> float | str:
    if value is None:
        return f"the query returned {shown!r:.80}, which is no number"
    if math.isnan(value):
        return "the query returned NaN: a division 0/0, as without any request?"
    if math.isinf(value):
        return f"the query returned {value:+}: a division by 0?"
    return value


def _difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    first, second = one.get("metric") or {}, other.get("metric") or {}
    for label in sorted({*first, *second}):
        if first.get(label) != second.get(label):
            return f"{label} is {first.get(label, '')!r:.60}, and {second.get(label, '')!r:.60}"
    return "they have the same labels"
