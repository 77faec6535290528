"""Kinds of values on the command line: shares, durations, pairs of them; and options of several.

Each kind is a function from text to value that raises click.BadParameter with a sentence. So does
what a Canary and an option cannot have together.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime

import click

from linnet.api.canary import Canary
from linnet.api.duration import parse_duration

Option = Callable[[Callable[..., None]], Callable[..., None]]

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")
_LONGEST_LABEL, _LONGEST_NAME = 63, 253


def share(text: str) -> float:
    """Return a part of all requests: from 0 to 1, or a percentage such as `5%`."""
    text = str(text).strip()
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise click.BadParameter(f"{text} is no share of requests: write 0.05 or 5%")
    return value


def number(most: float) -> Callable[[str], float]:
    """Return the reader of numbers from 0 to `most`."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value <= most:
            raise click.BadParameter(f"{text} must be a number from 0 to {most:,.0f}")
        return value

    return number


def span(least: str = "1s", most: str = "168h") -> Callable[[str], float]:
    """Return the reader of durations such as `30s` or `1m30s`, in seconds."""
    low, high = (parse_duration(end).total_seconds() for end in (least, most))

    def duration(text: str) -> float:
        try:
            seconds = parse_duration(str(text)).total_seconds()
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
        if not low <= seconds <= high:
            raise click.BadParameter(f"{text} is out of bounds: from {least} to {most}")
        return seconds

    return duration


def timed(kind: Callable[[str], float], example: str) -> Callable[[str], tuple[float, float]]:
    """Return the reader of a value and a duration with a colon, such as `20%:10s`."""

    def pair(text: str) -> tuple[float, float]:
        first, colon, second = str(text).partition(":")
        if not colon:
            raise click.BadParameter(f"{text} must be two values with a colon, such as {example}")
        return kind(first), span()(second)

    return pair


def object_name(text: str) -> str:
    """Return a name that an object may have."""
    if not _NAME.fullmatch(text) or len(text) > _LONGEST_NAME:
        raise click.BadParameter(
            f"{text!r} is no name of an object: those are of a-z, 0-9, - and . only"
        )
    return text


def namespace_name(text: str) -> str:
    """Return a name that a namespace may have."""
    if not _LABEL.fullmatch(text) or len(text) > _LONGEST_LABEL:
        raise click.BadParameter(f"{text!r} is no name of a namespace: those are of a-z, 0-9 and -")
    return text


KUBECONFIG = click.option(
    "--kubeconfig", metavar="FILE", default="", help="Default: $KUBECONFIG, ~/.kube."
)
CONTEXT = click.option(
    "--context", metavar="NAME", default="", help="The context of the kubeconfig to use."
)
NAMESPACE = click.option(
    "-n",
    "--namespace",
    type=namespace_name,
    metavar="NAME",
    help="The namespace.  [default: the context's]",
)
"""What commands are told that talk to a cluster."""


SCRAPE_INTERVAL = click.option(
    "--scrape-interval",
    type=span("1s", "1h"),
    default="15s",
    show_default=True,
    help="How often Prometheus scrapes.",
)
"""How often there are figures, where that cannot be found out."""


def primary_errors(default: str | None = None, otherwise: str | None = None) -> Option:
    """Return the option for the primary's errors; `otherwise` says what they are by default."""
    return click.option(
        "--primary-errors",
        type=share,
        default=default,
        show_default=otherwise or True,
        help="The share of requests that the primary fails: 0.005 or 0.5%.",
    )


def check_traffic(canary: Canary, rps: float | None) -> None:
    """Refuse to let a Canary wait for evidence without any request."""
    if rps == 0 and canary.spec.analysis.promotion.evidence:
        raise click.BadParameter(
            f"Canary {canary.name} has promotion.evidence, for which there must be requests: write"
            " how many a second you expect",
            param_hint="--rps",
        )


def moment(text: str) -> float:
    """Return a time in seconds since 1970: ISO 8601 (UTC unless it says), or so long ago: `2h`."""
    text = str(text)
    try:
        return datetime.now(UTC).timestamp() - parse_duration(text).total_seconds()
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text} is no time such as 2026-01-31T12:00:00Z, nor a duration such as 2h"
        ) from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
