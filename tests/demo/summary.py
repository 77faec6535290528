"""What happened, counted from real requests, and whether it was what the demo promises. Pure."""

from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cluster.traffic import Requests
from demo.figures import blame
from demo.record import Record
from demo.screen import NONE, milliseconds, percent
from linnet.api.status import Phase

SETTLED = 2.0
"""Seconds after which all proxies go by a new weight, also on a machine that has much to do."""


@dataclass(frozen=True)
class Release:
    """One release as the demo saw it, from the change of the image until the last look at it.

    `ended` is when the Canary came to its last phase, `outcome`. Times are seconds of the epoch.
    """

    version: str
    before: str
    bad: bool
    began: float
    ended: float
    outcome: Phase
    watched_until: float


@dataclass(frozen=True)
class Claim:
    """One thing that the demo promises, and whether it came true."""

    text: str
    true: bool
    seen: str = ""


@dataclass(frozen=True)
class Result:
    """All that is known in the end."""

    requests: Requests
    record: Record
    good: Release
    bad: Release
    primary_image: str

    @property
    def ok(self) -> bool:
        return all(claim.true for claim in claims(self))


def claims(result: Result) -> list[Claim]:
    """Return what the demo promises, each checked against what was seen."""
    good, bad = result.good, result.bad
    failed = result.requests.between(good.began, bad.began).failed()
    after = result.requests.between(bad.ended + SETTLED)
    others = {version: n for version, n in blame(result.requests).items() if version != bad.version}
    served = result.requests.by_version()
    return [
        Claim(
            f"{good.version} was promoted: the primary runs it, and it serves all users",
            good.outcome is Phase.SUCCEEDED
            and result.primary_image.endswith(f":{good.version}")
            and served[good.version] > 0,
            f"{good.outcome}, primary: {result.primary_image}",
        ),
        Claim(
            "no request failed during the good release",
            not failed,
            f"{len(failed)} failed, the first: {failed[0].reason}" if failed else "",
        ),
        Claim(
            f"{bad.version} was taken back by itself",
            bad.outcome is Phase.FAILED,
            str(bad.outcome),
        ),
        Claim(
            f"from then on {bad.before} answered every request, and none failed",
            set(after.by_version()) == {bad.before} and not after.failed(),
            f"{len(after)} requests, {len(after.failed())} failed,"
            f" versions {', '.join(after.by_version()) or 'none'}",
        ),
        Claim(
            f"no request failed but those that {bad.version} answered",
            not others,
            ", ".join(f"{version or 'no pod'}: {n}" for version, n in others.items()),
        ),
    ]


def exposure(requests: Requests, version: str) -> float:
    """Return the seconds from the first to the last request that this version answered."""
    answered = requests.of(version)
    return answered[-1].at - answered[0].at if answered else 0.0


def view(result: Result) -> RenderableType:
    """Return the closing summary."""
    total = result.requests.counts()
    seconds = result.requests[-1].at - result.requests[0].at if result.requests else 0.0
    return Group(
        Text.assemble(
            ("Summary", "bold"),
            f": {total.sent:,} requests in {seconds:.0f} s, counted one by one at the client;"
            f" {total.failed:,} failed.",
        ),
        Text(),
        _versions(result.requests),
        Text(),
        _phases(result),
        Text(),
        *(_release(result, release) for release in (result.good, result.bad)),
        Text(),
        *(_claim(claim) for claim in claims(result)),
    )


def _plain_table(*columns: str, left: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < left else "right", no_wrap=True)
    return table


def _versions(requests: Requests) -> Table:
    table = _plain_table("version", "requests", "failed", "succeeded", "p50", "p99", left=1)
    failed = blame(requests)
    for version, number in sorted(requests.by_version().items()):
        mine = requests.of(version)
        table.add_row(
            version,
            f"{number:,}",
            f"{failed[version]:,}",
            percent(1 - failed[version] / number),
            milliseconds(mine.latency(0.5)),
            milliseconds(mine.latency(0.99)),
        )
    if lost := failed[""]:
        table.add_row("no pod answered", f"{lost:,}", f"{lost:,}", percent(0), NONE, NONE)
    return table


def _phases(result: Result) -> Table:
    spent = {
        release.version: {
            span.phase: span.seconds
            for span in result.record.spans(release.began, release.watched_until)
        }
        for release in (result.good, result.bad)
    }
    phases = [phase for phase in Phase if any(phase in seconds for seconds in spent.values())]
    table = _plain_table("release", "outcome", "seconds", *phases, left=2)
    for release in (result.good, result.bad):
        seconds = spent[release.version]
        table.add_row(
            release.version,
            Text(release.outcome, style="red" if release.outcome is Phase.FAILED else "green"),
            f"{release.ended - release.began:.1f}",
            *(f"{seconds[phase]:.1f}" if phase in seconds else NONE for phase in phases),
        )
    return table


def _release(result: Result, release: Release) -> Text:
    within = result.requests.between(release.began, release.watched_until)
    failed, weight = (
        len(within.failed()),
        result.record.highest_weight(release.began, release.watched_until),
    )
    text = (
        f"The {'bad' if release.bad else 'good'} release: {failed:,} of {len(within):,} requests"
        " failed."
    )
    if release.outcome is Phase.FAILED:
        seconds = exposure(within, release.version)
        text += (
            f" Users were exposed to {release.version} for {seconds:.1f} s:"
            f" {len(within.of(release.version)):,} requests, at a weight of {weight} % at most."
        )
    return Text(text)


def _claim(claim: Claim) -> Text:
    if claim.true:
        return Text.assemble(("✔ ", "green"), claim.text)
    seen = f" ({claim.seen})" if claim.seen else ""
    return Text.assemble(("✘ ", "bold red"), (f"not true: {claim.text}{seen}", "red"))
