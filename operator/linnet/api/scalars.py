"""Scalar types that accept just what the API server accepts for the same schema."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, Strict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

MAX_INT32: Final = 2**31 - 1
MAX_EXACT: Final = 2**53 - 1
"""The largest bound that the API server, which reads bounds as floats, takes as it is written."""

DNS_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
DNS_SUBDOMAIN: Final = f"{DNS_LABEL}([.]{DNS_LABEL})*"


def whole(value: Any) -> Any:
    """Return a number without a fraction as an int, anything else as it is."""
    # JSON has one kind of number, so 5.0 is an integer to the API server.
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True, slots=True)
class Whole:
    """Makes an int a whole number in JSON, from `minimum` to `maximum`."""

    minimum: int
    maximum: int

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(
            whole, core_schema.int_schema(strict=True, ge=self.minimum, le=self.maximum)
        )

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        size = "int32" if self.maximum <= MAX_INT32 else "int64"
        return {**handler(core), "format": size}


Flag = Annotated[bool, Strict()]
Number = Annotated[float, Strict(), Field(ge=-1e15, le=1e15)]
Count = Annotated[int, Whole(0, MAX_INT32)]
Generation = Annotated[int, Whole(0, MAX_EXACT)]
Percent = Annotated[int, Whole(0, 100)]
Weight = Annotated[int, Whole(1, 100)]
Port = Annotated[int, Whole(1, 65535)]
