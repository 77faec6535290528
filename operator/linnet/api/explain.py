"""Turns pydantic's errors into sentences that say where and what to do."""

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


def explain(error: ValidationError, root: str = "") -> str:
    """Return what is wrong, each as `path: sentence`, joined by semicolons.

    The paths begin at `root`. After the fifth the rest is only counted.
    """
    errors = error.errors(include_url=False, include_input=False)
    parts = [_one(detail, root) for detail in errors[:_MAX_ERRORS]]
    if len(errors) > _MAX_ERRORS:
        parts.append(f"and {len(errors) - _MAX_ERRORS} more")
    return "; ".join(parts)


def _one(detail: Any, root: str) -> str:
    context = detail.get("ctx", {})
    path = root
    for part in (*detail["loc"], *filter(None, [context.get("field")])):
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    sentence = _SENTENCES.get(detail["type"])
    return f"{path.lstrip('.')}: {sentence.format(**context) if sentence else detail['msg']}"
