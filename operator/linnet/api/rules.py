"""Rules of the Canary, each stated once: as CEL for the API server, as Python for the operator.

The operator repeats the API server's checks because an object may be older than the rule, or may
have been written while another version of the CustomResourceDefinition was installed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

VALIDATIONS = "x-kubernetes-validations"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule about one value, in both languages.

    `cel` is evaluated by the API server with `self` as the value in JSON; `holds` takes the parsed
    value. Both are true for a good value. `message` is a sentence that says what to do. `field`
    names the property that the message is about. `holds` is None for a rule about a change
    (`oldSelf`), which only the API server can see.

    In `Annotated[...]` a rule applies to the annotated type; in `Model.rules` to the whole model.
    """

    cel: str
    message: str
    holds: Callable[[Any], bool] | None
    field: str = ""

    def check(self, value: Any) -> Any:
        """Return the value, or raise the error that pydantic reports."""
        if self.holds is None or self.holds(value):
            return value
        raise PydanticCustomError(
            "rule", "{sentence}", {"sentence": self.message, "field": self.field}
        )

    def to_object(self) -> dict[str, str]:
        """Return the rule as the CustomResourceDefinition has it."""
        path = {"fieldPath": f".{self.field}"} if self.field else {}
        return {"rule": self.cel, "message": self.message, **path}

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core)
        schema.setdefault(VALIDATIONS, []).append(self.to_object())
        return schema


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return a test whether a string matches, as RE2 in CEL would say.

    Stick to what RE2 and Python's re have in common.
    """
    # Python's $ also matches before a newline at the end, and its \s is not ASCII only.
    compiled = re.compile(pattern.replace("$", r"\Z"), re.ASCII)
    return lambda text: compiled.search(text) is not None


def matches(pattern: str, message: str) -> Rule:
    """Return the rule that a string matches `pattern`."""
    return Rule(f"self.matches(r'{pattern}')", message, matcher(pattern))


def differs(pattern: str, message: str) -> Rule:
    """Return the rule that a string does not match `pattern`."""
    found = matcher(pattern)
    return Rule(f"!self.matches(r'{pattern}')", message, lambda text: not found(text))


@dataclass(frozen=True, slots=True)
class KeyedBy:
    """Makes a list of models one whose items are told apart by a property of theirs.

    `key` has one word, so that it is the same in Python and in JSON.
    """

    key: str

    def check(self, items: Any) -> Any:
        """Return the items, or raise the error that pydantic reports."""
        keys = [getattr(item, self.key) for item in items]
        for key in keys:
            if keys.count(key) > 1:
                raise PydanticCustomError(
                    "duplicate",
                    "{value} is there twice: give each a {key} of its own",
                    {"value": key, "key": self.key},
                )
        return items

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            **handler(core),
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": [self.key],
        }


class Model(BaseModel):
    """Base of all models: frozen, camelCase outside, unknown fields ignored, null means absent."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        # The API server drops nulls before it fills in defaults, so a key without a value in YAML
        # is the same as no key.
        if isinstance(data, dict) and None in data.values():
            return {key: value for key, value in data.items() if value is not None}
        return data

    @model_validator(mode="after")
    def _obey(self) -> Self:
        for rule in self.rules:
            rule.check(self)
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core))
        if cls.rules:
            schema[VALIDATIONS] = [rule.to_object() for rule in cls.rules]
        return schema
