"""Durations in Go's syntax, such as `30s`, `1m30s` or `1.5h`."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from linnet.api.rules import VALIDATIONS, Rule

_UNITS: Final = {
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
# The bounded digits keep every match below the overflow of Go's 64-bit nanoseconds.
_TERM: Final = r"[0-9]{1,5}([.][0-9]{1,3})?(ms|s|m|h)"
PATTERN: Final = f"^({_TERM}){{1,4}}$"
MAX_LENGTH: Final = 32

_WHOLE = re.compile(f"({_TERM}){{1,4}}")
_PART = re.compile(r"([0-9.]+)(ms|s|m|h)")


def parse_duration(text: str) -> timedelta:
    """Return the duration that `text` says, exact to the microsecond; raises ValueError."""
    if len(text) > MAX_LENGTH or not _WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is no duration such as 30s or 1m30s")
    return sum((float(n) * _UNITS[unit] for n, unit in _PART.findall(text)), timedelta())


def format_duration(value: timedelta) -> str:
    """Return the duration in Go's syntax, exact to the microsecond: `1h`, `1m30s`, `2.5s`, `0s`."""
    minutes, rest = divmod(value, _UNITS["m"])
    hours, minutes = divmod(minutes, 60)
    seconds, micros = divmod(rest, timedelta(microseconds=1_000_000))
    millis = micros / _UNITS["ms"]
    terms: list[tuple[float, str]] = [(hours, "h"), (minutes, "m")]
    if seconds and millis.is_integer():
        terms += [(seconds + millis / 1000, "s")]
    else:
        terms += [(seconds, "s"), (millis, "ms")]
    return "".join(f"{number:.6g}{unit}" for number, unit in terms if number) or "0s"


@dataclass(frozen=True, slots=True)
class Between:
    """Makes a timedelta a duration in Go's syntax, no shorter than `minimum`, no longer than
    `maximum`."""

    minimum: str
    maximum: str = "24h"

    @property
    def rule(self) -> Rule:
        """The rule that the text has to keep."""
        low, high = parse_duration(self.minimum), parse_duration(self.maximum)

        def holds(text: Any) -> bool:
            try:
                return low <= parse_duration(text) <= high
            except ValueError:
                return False

        return Rule(
            f"self.matches('{PATTERN}') && duration(self) >= duration('{self.minimum}')"
            f" && duration(self) <= duration('{self.maximum}')",
            f"must be a duration from {self.minimum} to {self.maximum}, such as 30s or 1m30s",
            holds,
        )

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        rule = self.rule

        def parse(value: Any) -> timedelta:
            if isinstance(value, timedelta):
                value = format_duration(value)
            if not isinstance(value, str):
                raise PydanticCustomError("string_type", "must be a string")
            return parse_duration(rule.check(value))

        return core_schema.no_info_plain_validator_function(
            parse,
            serialization=core_schema.plain_serializer_function_ser_schema(format_duration),
        )

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "type": "string",
            "maxLength": MAX_LENGTH,
            VALIDATIONS: [self.rule.to_object()],
        }


Duration = Annotated[timedelta, Between("1s")]
"""How often something is done, or over which time: 1s to 24h."""

Timeout = Annotated[timedelta, Between("1ms")]
"""How long to wait for one request: 1ms to 24h, as Istio allows."""
