"""Turns pydantic's errors into sentences that say where and what to do."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

_SENTENCES = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "tuple_type": "must be a list",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "string_too_short": "must have at least {min_length} character(s)",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "must have at least {min_length} item(s)",
    "too_long": "must have at most {max_length} items",
}
_MAX_ERRORS = 5

Keys = tuple[str | int, ...]


def explain(error: ValidationError, root: str = "") -> str:
    """Return what is wrong, each as `path: sentence`, joined by semicolons.

    The paths begin at `root`. After the fifth the rest is only counted.
    """
    parts = [
        f"{dotted(path)}: {sentence}" for path, sentence in faults(error, (root,) if root else ())
    ]
    if len(parts) > _MAX_ERRORS:
        parts[_MAX_ERRORS:] = [f"and {len(parts) - _MAX_ERRORS} more"]
    return "; ".join(parts)


def faults(error: ValidationError, root: Keys = ()) -> Iterator[tuple[Keys, str]]:
    """Yield what is wrong: the path of a field, which begins with `root`, and what it must be."""
    for detail in error.errors(include_url=False, include_input=False):
        context: Any = detail.get("ctx", {})
        field = str(context.get("field") or "")
        sentence = _SENTENCES.get(detail["type"])
        yield (
            (*root, *detail["loc"], *filter(None, field.split("."))),
            sentence.format(**context) if sentence else detail["msg"],
        )


def dotted(path: Keys) -> str:
    """Return a path as people write it, such as `spec.analysis.metrics[0].name`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")
