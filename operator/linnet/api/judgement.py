"""The figures that a decision rests on, as the status keeps them."""

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, StringConstraints

from linnet.api.rules import Model
from linnet.api.scalars import Number
from linnet.api.timestamp import Timestamp

MAX_FIGURE: Final = 1e15
MAX_FINDINGS: Final = 4
MAX_WORDS: Final = 256
MAX_MEMORY: Final = 4096


def _bounded(value: Any) -> Any:
    # Evidence grows without bounds; JSON's numbers, and the schema's, do not.
    if isinstance(value, float):
        return float(f"{max(-MAX_FIGURE, min(MAX_FIGURE, value)):.6g}")
    return value


def _clip(text: Any) -> Any:
    too_long = isinstance(text, str) and len(text) > MAX_WORDS
    return text[: MAX_WORDS - 1] + "…" if too_long else text


Figure = Annotated[Number, BeforeValidator(_bounded)]
Words = Annotated[str, StringConstraints(max_length=MAX_WORDS), BeforeValidator(_clip)]


class Side(Model):
    """What one side served."""

    requests: Figure = Field(description="Requests.")
    bad: Figure = Field(description="How many of them failed; or were slow, for latency.")
    percent: Figure = Field(description="The same in percent of the requests.")


class Finding(Model):
    """One thing that the canary is compared with the primary in, and the evidence so far."""

    process: Annotated[str, StringConstraints(min_length=1, max_length=32)] = Field(
        description="errors, or latency."
    )
    canary: Side = Field(description="What the canary served since the evidence was last nothing.")
    primary: Side = Field(description="What the primary served in the same time.")
    since: Timestamp | None = Field(
        default=None, description="Since when the requests are counted."
    )
    relative: Figure = Field(
        description="The evidence that the canary is worse than the primary, by more than the ratio"
        " that is tolerated. 1 is none."
    )
    absolute: Figure = Field(
        description="The evidence that the canary is worse than the floor. 1 is none."
    )
    needed: Figure = Field(description="A release is taken back when both reach this.")
    dispersion: Figure = Field(
        description="By how much the primary's own failures vary more than chance: evidence is"
        " divided by it."
    )


class Exposure(Model):
    """What users have got from the canary so far in this release."""

    requests: Figure = Field(description="Requests that the canary answered.")
    failed: Figure = Field(description="How many of them failed.")


class Judgement(Model):
    """The figures that a decision rests on."""

    sample_time: Timestamp | None = Field(
        default=None, description="When the newest span of samples that is counted in ended."
    )
    findings: Annotated[tuple[Finding, ...], Field(max_length=MAX_FINDINGS)] = Field(
        default=(), description="What the comparison with the primary has found."
    )
    exposure: Exposure | None = Field(
        default=None, description="What the canary has served so far in this release."
    )
    outlook: Words = Field(default="", description="What would change the verdict.")


class GuardRecord(Judgement):
    """How far the comparison with the primary has come. Written along with other changes only."""

    verdict: Words = Field(default="", description="hold or freeze: what the comparison said last.")
    tile_seconds: Figure = Field(
        description="How long the spans of time are that both sides are compared over, in seconds:"
        " the scrape interval."
    )
    reporter: Words = Field(
        default="",
        description="Whose counts are taken: source, destination or waypoint proxies'.",
    )
    latency_edge: Figure | None = Field(
        default=None,
        description="The bound in milliseconds above which a request counts as slow; it was chosen"
        " before the release.",
    )
    note: Words = Field(
        default="",
        description="What of the comparison is missing, and why: such as latency, without enough"
        " requests to the primary before the release.",
    )
    memory: Annotated[str, StringConstraints(max_length=MAX_MEMORY)] = Field(
        default="",
        description="What linnet needs to go on after a restart, in a form of its own. The samples"
        " since sampleTime are read again then.",
    )
