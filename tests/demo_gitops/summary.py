"""What happened, counted from real requests, and whether it was what the demo promises. Pure."""

from collections import Counter
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cluster.traffic import Requests
from demo.figures import blame
from demo.options import Options
from demo.screen import milliseconds
from demo.summary import Claim, exposure
from e2e.gitops.argo import FLASHES, Record
from e2e.gitops.routes import Span

LADDER = [(90, 10), (75, 25), (50, 50), (25, 75), (0, 100), (100, 0)]
"""The weights of the good release, as examples/reviews has its steps."""


@dataclass(frozen=True)
class Result:
    """All that is known in the end; times are seconds of the epoch.

    `began` is when the good release was committed, `turned` the bad one, and `back` when users had
    been given back from it. `timeout` is what the routes said once that was committed.
    """

    options: Options
    requests: Requests
    spans: list[Span]
    shown: Record
    commits: int
    timeout: str
    began: float
    turned: float
    back: float

    @property
    def ok(self) -> bool:
        return all(claim.true for claim in claims(self))


def claims(result: Result) -> list[Claim]:
    """Return what the demo promises, each checked against what was seen."""
    told = result.options
    good = [s.weights for s in result.spans if result.began <= s.since < result.turned]
    failed = result.requests.between(result.began, result.turned).failed()
    others = {v: n for v, n in blame(result.requests).items() if v != told.bad}
    after = result.requests.between(result.back)
    disagreements = result.shown.disagreements(FLASHES)
    return [
        Claim(
            f"two commits released {told.good}: weights went from 90 : 10 to 0 : 100 and back",
            good == LADDER,
            str(good),
        ),
        Claim(
            "a timeout committed in mid-release applied at once, and no weight was reset by it",
            result.timeout == "7s" and good == LADDER,
            f"timeout {result.timeout or 'none'}",
        ),
        Claim("no request failed during the good release", not failed, f"{len(failed)} failed"),
        Claim(
            f"{told.bad} was taken back by itself; from then on {told.good} answered everything",
            set(after.by_version()) == {told.good} and not after.failed(),
            f"{dict(after.by_version())}, {len(after.failed())} failed",
        ),
        Claim(
            f"no request failed but those that {told.bad} answered",
            not others,
            ", ".join(f"{version or 'no pod'}: {n}" for version, n in others.items()),
        ),
        Claim(
            "Argo CD undid nothing, and showed what commits had asked for",
            not disagreements,
            "; ".join(disagreements),
        ),
    ]


def view(result: Result) -> RenderableType:
    """Return the closing summary."""
    total = result.requests.counts()
    bad = result.requests.of(result.options.bad)
    healths = Counter(seen.health for seen in result.shown.sightings if seen.health)
    return Group(
        Text.assemble(
            ("Summary", "bold"),
            f": {result.commits} commits; {total.sent:,} requests, counted one by one at the"
            f" client; {total.failed:,} failed.",
        ),
        Text(
            f"Argo CD: {len(result.shown.sightings)} states seen ("
            + ", ".join(f"{name} {number}" for name, number in healths.items())
            + f"), {len(result.shown.out_of_sync_again())} of them a flash of OutOfSync without a"
            " commit."
        ),
        Text(
            f"Users were exposed to {result.options.bad} for"
            f" {exposure(result.requests, result.options.bad):.1f} s: {len(bad):,} requests."
        ),
        Text(),
        _versions(result.requests),
        Text(),
        *(_claim(claim) for claim in claims(result)),
    )


def _versions(requests: Requests) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for number, column in enumerate(("version", "requests", "failed", "p50", "p99")):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    failed = blame(requests)
    for version, number in sorted(requests.by_version().items()):
        mine = requests.of(version)
        latencies = (milliseconds(mine.latency(0.5)), milliseconds(mine.latency(0.99)))
        table.add_row(version, f"{number:,}", f"{failed[version]:,}", *latencies)
    return table


def _claim(claim: Claim) -> Text:
    if claim.true:
        return Text.assemble(("✔ ", "green"), claim.text)
    return Text(f"✘ not true: {claim.text} ({claim.seen})", style="bold red")
