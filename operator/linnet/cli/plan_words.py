"""The sentences and figures of a plan, for text and Markdown alike. Pure."""

from collections.abc import Iterator
from datetime import timedelta

from linnet.analysis.schedule import SLOTS
from linnet.api.canary import Canary
from linnet.api.duration import format_duration
from linnet.api.metric import DURATION, SUCCESS_RATE, Metric
from linnet.planning.differences import FieldChange
from linnet.planning.notice import Noticed
from linnet.planning.plan import Plan
from linnet.planning.schedule import Schedule


def created(plan: Plan) -> dict[str, list[str]]:
    """Return the names of what is created, by kind."""
    found: dict[str, list[str]] = {}
    for ref in plan.rehearsal.created:
        found.setdefault(ref.kind, []).append(ref.name)
    return found


def change(one: FieldChange) -> str:
    """Return a changed field in words, such as `spec.replicas: 2 → 0`."""
    if one.before is None:
        return f"{one.field}: {_short(one.after)}"
    return f"{one.field}: {_short(one.before)} → {_short(one.after)}"


def _short(value: object) -> str:
    if isinstance(value, dict | list):
        return "…"
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def span(seconds: float | None) -> str:
    """Return a duration, without what is less than a second where it is long."""
    if seconds is None:
        return "no end"
    exact = seconds if seconds < 60 else round(seconds)
    return format_duration(timedelta(seconds=round(exact, 1)))


def percent(share: float) -> str:
    """Return a share of requests in percent."""
    return f"{100 * share:.3g}%"


def requests(count: float) -> str:
    """Return a number of requests."""
    return f"{count:,.0f}" if count >= 10 else f"{count:.2g}"


def assumed(plan: Plan) -> str:
    """Return what the figures rest on."""
    given = plan.assumed
    return (
        f"{given.rps:,.4g} requests a second, of which the primary fails {percent(given.errors)}"
        f" ({given.source}); a scrape every {span(given.scrape)}"
    )


def ends(schedule: Schedule) -> Iterator[str]:
    """Yield when a release ends."""
    if schedule.accepted is None:
        yield "not accepted in the time simulated: the evidence asked for is not there by then"
        return
    pods = span(schedule.pods)
    yield (
        f"ends at the earliest {span(schedule.earliest)} after the first traffic, if pods are ready"
        " at once"
    )
    if schedule.latest is None:
        return
    failures = {0: "", 1: "1 failed check, "}.get(
        schedule.failures, f"{schedule.failures} failed checks, "
    )
    yield (
        f"at the latest {span(schedule.latest)} after the new revision: {failures}{pods} for pods"
        f" to become ready, and {pods} again for the primary's"
    )


def gates(canary: Canary) -> Iterator[str]:
    """Yield what a release has to pass, and what it may wait for without an end."""
    spec, analysis = canary.spec, canary.spec.analysis
    if spec.paused:
        yield "spec.paused is true: no step before it is false"
    if spec.skip_analysis:
        yield "no analysis: promoted as soon as its pods are ready"
    else:
        yield from _checks(canary)
        yield _without_data(canary)
    if analysis.promotion.evidence and not spec.skip_analysis:
        asked = analysis.promotion
        yield (
            f"promoted with evidence that it fails at most {asked.margin:g}% more than the primary,"
            f" not before {format_duration(asked.min_soak)}; undecided after"
            f" {format_duration(asked.deadline)}: {_UNDECIDED[asked.on_undecided]}"
        )
    if analysis.ramp is not None:
        yield (
            "the weight follows the evidence, as far as a bad canary would fail no more than"
            f" {analysis.ramp.exposure_budget} requests: these are what to expect at this rate"
        )
    if not canary.copies_target:
        yield (
            f"at 100 it waits, without an end, until Deployment {canary.primary_name} is given the"
            f" images of {canary.target_name}"
        )


_UNDECIDED = {
    "hold": "held, without an end",
    "rollback": "taken back",
    "promote": "promoted all the same",
}


def _checks(canary: Canary) -> Iterator[str]:
    analysis = canary.spec.analysis
    if analysis.metrics:
        every = format_duration(analysis.interval)
        first = span(analysis.interval.total_seconds() * (1 + 1 / SLOTS))
        count = analysis.threshold
        after = "the first that fails takes" if count == 1 else f"{count} failed ones take"
        yield (
            f"a check every {every} (the first up to {first} after it begins):"
            f" {', '.join(map(_metric, analysis.metrics))}; {after} it back"
        )
    else:
        yield f"a step every {format_duration(analysis.interval)}: no metrics to check"
    if analysis.guard.enabled:
        yield (
            "the guard compares it with the primary at every scrape: failing more than"
            f" {analysis.guard.ratio:g} times as often, and more than"
            f" {analysis.guard.floor_percent:g}% of requests, takes it back"
        )


def _metric(metric: Metric) -> str:
    unit = {SUCCESS_RATE: "%", DURATION: " ms"}.get(metric.name, "")
    low, high = metric.threshold_range.min, metric.threshold_range.max
    parts = [f"≥ {low:g}{unit}"] if low is not None else []
    parts += [f"≤ {high:g}{unit}"] if high is not None else []
    return f"{metric.name} {' and '.join(parts)} over {format_duration(metric.interval)}"


def _without_data(canary: Canary) -> str:
    analysis = canary.spec.analysis
    back = f"after {format_duration(analysis.blind_timeout)} back at the first step"
    if analysis.on_no_data == "fail":
        return f"without data checks fail (onNoData), and {back}"
    return f"without data it holds, without an end, {back}"


def noticed(plan: Plan) -> str:
    """Return the smallest error rate that is noticed, how soon, and what it costs."""
    assert plan.notice is not None  # noqa: S101 - callers have looked
    smallest = plan.notice.smallest
    if smallest is None:
        return "no error rate is sure to be noticed"
    after, failed = smallest.seconds or (0, 0), smallest.failed or (0, 0)
    return (
        f"{percent(smallest.errors)} errors is the least that is noticed: {smallest.back:.0%} of"
        f" releases are taken back, half within {span(after[0])} (95% within {span(after[1])}),"
        f" after {failed[0]:,.0f} failed requests ({failed[1]:,.0f})"
    )


def row(one: Noticed) -> tuple[str, ...]:
    """Return a row of the table: errors, taken back, after, failed requests, promoted."""
    after = "-" if one.seconds is None else f"{span(one.seconds[0])} ({span(one.seconds[1])})"
    failed = "-" if one.failed is None else f"{one.failed[0]:,.0f} ({one.failed[1]:,.0f})"
    return percent(one.errors), f"{one.back:.0%}", after, failed, f"{one.promoted:.0%}"


COLUMNS = ("canary fails", "taken back", "after: half (95%)", "failed requests", "promoted")
"""The titles of the table whose rows `row` returns."""
