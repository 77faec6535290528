"""What `linnet replay` shows: a line for each interval, or sums for each policy. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from linnet.simulation.hindsight import Judgement, Reckoning

_STYLES = {"rollback": "red", "freeze": "yellow", "advance": "green", "promote": "bold green"}
_EPOCH_FROM = 1e9
"""Times from here on are seconds since 1970, not since the release began."""


def table(lines: Iterable[Mapping[str, Any]]) -> Table:
    """Return a row for each decision."""
    found = Table(box=None, pad_edge=False, header_style="bold")
    rows = list(lines)
    extra = [name for name in ("policy", "release") if any(name in line for line in rows)]
    for name in (*extra, "time", "verdict"):
        found.add_column(name.upper(), no_wrap=True)
    for name in ("weight", "relative", "absolute"):
        found.add_column(name.upper(), justify="right", no_wrap=True)
    found.add_column("WHY", overflow="fold")
    for line in rows:
        evidence = line["evidence"]
        found.add_row(
            *(str(line.get(name, "")) for name in extra),
            _time(line["time"]),
            Text(line["verdict"], style=_STYLES.get(line["verdict"], "")),
            f"{line['weight']}%",
            _number(evidence["relative"]),
            _number(evidence["absolute"]),
            line["message"],
        )
    return found


def totals(found: Sequence[Reckoning]) -> list[dict[str, Any]]:
    """Return one summary for each policy: counts over all its releases, and these one by one."""
    summaries = []
    for policy in dict.fromkeys(one.policy for one in found):
        own = [one for one in found if one.policy == policy]

        def count(judgement: Judgement, own: Sequence[Reckoning] = own) -> int:
            return sum(one.judgement is judgement for one in own)

        summaries.append(
            {
                "policy": policy,
                "releases": len(own),
                "caught": count(Judgement.CAUGHT),
                "missed": count(Judgement.MISSED),
                "false_alarms": count(Judgement.FALSE_ALARM),
                "passed": count(Judgement.PASSED),
                "unclear": count(Judgement.UNCLEAR),
                "failed_requests": round(sum(one.failed_requests for one in own)),
                "failed_requests_spared": round(sum(one.spared for one in own), 1),
                "details": [
                    {k: v for k, v in one.to_object().items() if k != "release" or v} for one in own
                ],
            }
        )
    return summaries


def verdicts(summaries: Sequence[Mapping[str, Any]]) -> Group:
    """Return the summaries as a table, with a sentence on each release below."""
    found = Table(box=None, pad_edge=False, header_style="bold")
    found.add_column("POLICY", no_wrap=True)
    columns = ("releases", "caught", "missed", "false_alarms", "passed", "unclear")
    for name in (*columns, "failed_requests", "failed_requests_spared"):
        found.add_column(name.replace("_", " ").upper(), justify="right")
    sentences: list[Text] = []
    for summary in summaries:
        found.add_row(
            summary["policy"],
            *(str(summary[name]) for name in columns),
            f"{summary['failed_requests']:,.0f}",
            f"{summary['failed_requests_spared']:,.0f}",
        )
        sentences += [Text(_sentence(summary["policy"], one)) for one in summary["details"]]
    return Group(found, Text(), *sentences)


def _sentence(policy: str, one: Mapping[str, Any]) -> str:
    where = f"{policy}, {one['release']}" if one.get("release") else policy
    decided = {
        "rollback": "would have taken it back",
        "promote": "would have promoted it",
    }.get(one["would_have"], "would not have decided by the end")
    after = "" if one["seconds"] is None else f" after {one['seconds']:g} s"
    why = f": {one['message']}" if one["message"] else ""
    return (
        f"{where}: {one['judgement']}. The canary was {one['canary_was']}; the policy"
        f" {decided}{after}{why}"
    )


def clock(at: float) -> str:
    """Return a time, given in seconds since 1970, for people and programs."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(at: float) -> str:
    return f"{at:g}" if at < _EPOCH_FROM else clock(at)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"
