"""What of the analysis makes little sense at the traffic that is expected."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from linnet.api.duration import format_duration
from linnet.api.metric import BUILT_IN, SUCCESS_RATE
from linnet.planning.finding import Finding, Severity
from linnet.planning.findings.case import Case

FEW: Final = 10
"""With fewer requests a check says next to nothing."""
SOMETIMES: Final = 0.02
OFTEN: Final = 0.1
MOSTLY: Final = 0.5
"""Shares of healthy releases that are taken back, or never end: good to know, worth a word, or too
many."""
LARGE: Final = 0.25
"""An analysis that notices nothing below this error rate has hardly any traffic to go by."""


def intervals(case: Case) -> Iterator[Finding]:
    """Yield spans that are shorter than the time between two scrapes."""
    analysis, scrape = case.canary.spec.analysis, case.assumed.scrape
    if analysis.interval.total_seconds() < scrape:
        yield case.finding(
            Severity.WARNING,
            "IntervalBelowScrape",
            "spec.analysis.interval",
            f"checks every {_s(analysis.interval.total_seconds())} see nothing new, as Prometheus"
            f" scrapes every {_s(scrape)}: linnet takes them {_s(scrape)} apart; write that",
        )
    for number, metric in enumerate(analysis.metrics):
        window = metric.interval.total_seconds()
        if window < scrape:
            yield case.finding(
                Severity.WARNING,
                "WindowBelowScrape",
                f"spec.analysis.metrics[{number}].interval",
                f"{metric.name} is measured over {_s(window)}, less than the {_s(scrape)} between"
                " two scrapes: most checks will find no sample, and hold",
            )


def requests_of_a_check(case: Case) -> Iterator[Finding]:
    """Yield checks that have too few requests to say anything."""
    if case.notice is None or not case.schedule.steps or not case.assumed.rps:
        return
    analysis, first = case.canary.spec.analysis, case.schedule.steps[0]
    for number, metric in enumerate(analysis.metrics):
        if metric.name not in BUILT_IN:
            continue
        seconds = min(metric.interval.total_seconds(), first.end - first.start)
        requests = case.assumed.rps * first.weight / 100 * seconds
        field = f"spec.analysis.metrics[{number}]"
        if requests < FEW:
            yield case.finding(
                Severity.WARNING,
                "FewRequests",
                field,
                f"at weight {first.weight} a check of {metric.name} sees about {requests:.3g}"
                f" requests in {_s(seconds)}, too few to tell: begin with a higher weight, or"
                " lengthen analysis.interval",
            )
        elif metric.name == SUCCESS_RATE and metric.threshold_range.min is not None:
            least = metric.threshold_range.min
            if 100 - 100 / requests < least < 100:
                yield case.finding(
                    Severity.INFO,
                    "OneFailureFails",
                    field,
                    f"at weight {first.weight} a check of {metric.name} sees about {requests:.0f}"
                    f" requests, so one that fails is enough for less than {least:g}",
                )


def healthy_releases(case: Case) -> Iterator[Finding]:
    """Yield that releases no worse than the primary are taken back, or go on for ever."""
    if case.notice is None:
        return
    healthy = case.notice.healthy
    # A single one of a few simulated releases is no share to go by.
    if healthy.back >= OFTEN or (healthy.back >= SOMETIMES and healthy.back * healthy.runs > 1.5):
        assumed = "" if case.assumed.known else ", assumed"
        yield case.finding(
            _severity(healthy.back, case.assumed.known),
            "HealthyTakenBack",
            "spec.analysis",
            f"{healthy.back:.0%} of releases are taken back that fail no more than the primary does"
            f" ({100 * healthy.errors:.3g}% of requests{assumed}): tolerate more in thresholdRange,"
            " raise threshold, or give checks more requests",
        )
    if healthy.undecided >= MOSTLY:
        yield case.finding(
            Severity.WARNING,
            "HealthyUndecided",
            "spec.analysis",
            f"{healthy.undecided:.0%} of healthy releases are undecided after"
            f" {_s(case.schedule.steps[-1].end)}: this traffic is too little for the evidence that"
            " is asked for"
            if case.canary.spec.analysis.promotion.evidence
            else f"{healthy.undecided:.0%} of healthy releases do not come to an end in time",
        )


def _severity(back: float, known: bool) -> Severity:
    if back >= MOSTLY and known:
        return Severity.ERROR
    return Severity.WARNING if back >= OFTEN else Severity.INFO


def what_nobody_notices(case: Case) -> Iterator[Finding]:
    """Yield that not even a canary that fails everything is noticed, or only a very bad one is."""
    if case.notice is None:
        return
    smallest = case.notice.smallest
    if smallest is None:
        worst = case.notice.table[-1] if case.notice.table else case.notice.healthy
        promoted = worst.promoted > 1 - worst.back - worst.promoted
        outcome = f"{worst.promoted:.0%} are promoted, {worst.undecided:.0%} held"
        yield case.finding(
            Severity.ERROR if promoted else Severity.WARNING,
            "NothingNoticed",
            "spec.analysis",
            f"of releases that fail every request only {worst.back:.0%} are taken back ({outcome}):"
            f" {_more_to_go_by(case)}",
        )
    elif smallest.errors >= LARGE:
        yield case.finding(
            Severity.WARNING,
            "NoticedLate",
            "spec.analysis",
            f"only canaries that fail {smallest.errors:.0%} or more of their requests are sure to"
            " be taken back: lengthen analysis.interval, begin with a higher weight, or ask for"
            " promotion.evidence",
        )


def _more_to_go_by(case: Case) -> str:
    """Return what would let the analysis notice more, as far as it is not there yet."""
    if not case.assumed.rps:
        return "without requests there is nothing to judge by; plan with the traffic you expect"
    analysis = case.canary.spec.analysis
    advice = [] if analysis.guard.enabled else ["enable the guard"]
    if not any(metric.name in BUILT_IN for metric in analysis.metrics):
        advice.append("add a metric")
    if not advice:
        advice = ["lengthen analysis.interval", "begin with a higher weight"]
    return ", or ".join(advice)


def what_is_not_simulated(case: Case) -> Iterator[Finding]:
    """Yield the metrics that the figures leave out."""
    for number, metric in enumerate(case.canary.spec.analysis.metrics):
        if metric.name not in BUILT_IN:
            yield case.finding(
                Severity.INFO,
                "NotSimulated",
                f"spec.analysis.metrics[{number}]",
                f"{metric.name} has a query of its own, which nobody can simulate: the figures are"
                " without it",
            )


def _s(seconds: float) -> str:
    return format_duration(timedelta(seconds=round(seconds, 3)))
