"""Reading what is left of an object that breaks a rule: all of it but the smallest broken parts."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pydantic import BaseModel, ValidationError

Location = tuple[int | str, ...]


def without_broken_parts(model: type[BaseModel], obj: Any, error: ValidationError) -> Any:
    """Return a copy of `obj` without the smallest parts that keep `model` from reading it.

    `error` is what the model said. Raises it where nothing is left that the model can read.
    """
    if not isinstance(obj, Mapping):
        model.model_validate({})
        return {}
    rest = deepcopy(dict(obj))
    # Each round removes at least one part, so the object is used up at last.
    while rest:
        # From the back, so that the indexes of earlier list items stay true.
        for location in sorted({_broken(each, rest) for each in error.errors()}, key=_order)[::-1]:
            if not location:
                raise error
            _remove(rest, location)
        try:
            model.model_validate(rest)
        except ValidationError as again:
            error = again
        else:
            return rest
    raise error


def _order(location: Location) -> tuple[tuple[int, str], ...]:
    return tuple((part, "") if isinstance(part, int) else (0, part) for part in location)


def _broken(error: Mapping[str, Any], root: Any) -> Location:
    """Return the part of an error's place that exists: what is missing breaks what is around it.

    A rule about a whole model names the property that it is about.
    """
    field = str((error.get("ctx") or {}).get("field", ""))
    node, path = root, []
    for part in (*error["loc"], *filter(None, field.split("."))):
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            break
        path.append(part)
    return tuple(path)


def _remove(root: Any, location: Location) -> None:
    *parents, last = location
    node = root
    for part in parents:
        node = node[part]
    del node[last]
