"""Parts of Istio's VirtualService and DestinationRule that a Canary passes on.

Models describe and check them; in a parsed Canary they are plain JSON objects, ready to be put
into what linnet writes. Where a model is open, fields that Istio adds later pass through, and
Istio's own schema is the judge. What Istio's webhook is known to refuse is refused here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, GetCoreSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, core_schema

from linnet.api.duration import Timeout
from linnet.api.rules import Model, Rule
from linnet.api.scalars import Count, Flag

Object = Mapping[str, Any]

_Text = Annotated[str, StringConstraints(max_length=1024)]


class OpenModel(Model):
    """An object whose unknown fields are kept."""

    model_config = ConfigDict(extra="allow")


class RegexRewrite(Model):
    """A rewrite of the path by a regular expression."""

    match: _Text | None = Field(default=None, description="An RE2 expression matched on the path.")
    rewrite: _Text | None = Field(
        default=None, description="What replaces the match; may name groups as \\1."
    )


class Rewrite(Model):
    """A rewrite of requests before they are forwarded."""

    rules: ClassVar = (
        Rule(
            "has(self.uri) || has(self.authority) || has(self.uriRegexRewrite)",
            "set uri, authority or uriRegexRewrite, or leave rewrite out",
            lambda r: not (r.uri is r.authority is r.uri_regex_rewrite is None),
        ),
        Rule(
            "!has(self.uri) || !has(self.uriRegexRewrite)",
            "set either uri or uriRegexRewrite, not both",
            lambda r: r.uri is None or r.uri_regex_rewrite is None,
            field="uriRegexRewrite",
        ),
    )

    uri: _Text | None = Field(
        default=None, description="What replaces the path, or the prefix that was matched."
    )
    authority: _Text | None = Field(default=None, description="What replaces the Host header.")
    uri_regex_rewrite: RegexRewrite | None = Field(
        default=None, description="A rewrite of the path by a regular expression."
    )


class Retries(Model):
    """When and how often a failed request is tried again."""

    rules: ClassVar = (
        Rule(
            "!has(self.attempts) || self.attempts > 0 ||"
            " !has(self.perTryTimeout) && !has(self.retryOn)",
            "attempts: 0 switches retries off: leave perTryTimeout and retryOn out with it",
            lambda r: (
                r.attempts is None
                or r.attempts > 0
                or (r.per_try_timeout is None and r.retry_on is None)
            ),
            field="attempts",
        ),
    )

    attempts: Count | None = Field(
        default=None, description="How often a request is tried again; 0 switches retries off."
    )
    per_try_timeout: Timeout | None = Field(
        default=None, description="The time-out of each try: a duration of at least 1ms."
    )
    retry_on: _Text | None = Field(
        default=None,
        description="On which conditions to try again, separated by commas, such as"
        " connect-failure,refused-stream,503.",
    )
    retry_remote_localities: Flag | None = Field(
        default=None, description="Whether endpoints in other localities are tried."
    )
    retry_ignore_previous_hosts: Flag | None = Field(
        default=None, description="Whether endpoints that were tried before are avoided."
    )
    backoff: Timeout | None = Field(
        default=None, description="The shortest time between two tries: at least 1ms."
    )


class CorsPolicy(OpenModel):
    """A policy of cross-origin resource sharing."""

    max_age: Timeout | None = Field(
        default=None,
        description="How long browsers may cache the answer to a preflight request: a duration of"
        " at least 1ms.",
    )


class Match(OpenModel):
    """Which requests are meant, as Istio's HTTPMatchRequest: all conditions must hold."""


class Headers(OpenModel):
    """Which headers are set, added or removed."""


class TrafficPolicy(OpenModel):
    """How connections to either side are made."""


@dataclass(frozen=True, slots=True)
class As:
    """Checks a mapping by a model and keeps it a plain JSON object."""

    model: type[Model]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            lambda value: value.model_dump(mode="json", by_alias=True, exclude_none=True),
            handler.generate_schema(self.model),
            serialization=core_schema.plain_serializer_function_ser_schema(dict),
        )
