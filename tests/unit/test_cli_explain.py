"""`linnet explain`: what a person, and a program, learns of a release."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from linnet.analysis.measurement import Measurement
from linnet.api.status import Phase
from linnet.cli import main
from linnet.cli.explain import News, explanation, view
from unit.engine.builders import initialized
from unit.engine.world import START, World

NOW = START


def release(tag: str = "2.0.0", **analysis: Any) -> World:
    it = initialized(analysis=analysis)
    it.measure = lambda query: Measurement(query.metric, value=99.5)
    it.release(tag)
    return it


def shown(it: World, now: datetime | None = None, *, width: int = 160) -> str:
    """Return what the terminal would show."""
    assert it.canary_object is not None
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(view(it.canary_object, now or it.now))
    return capture.get()


def under_suspicion() -> World:
    it = release(interval="20s", stepWeights=[10, 20])
    it.serve = it.failing(canary=0.04, primary=0.004)
    it.run(21)
    return it


def taken_back() -> World:
    it = release()
    it.serve = it.failing(canary=1.0)
    it.run_until(Phase.FAILED)
    return it


def blind() -> World:
    it = release(interval="10m")
    it.run(5)
    it.unavailable = "Prometheus http://p does not answer"
    it.run(60)
    return it


@pytest.mark.parametrize(
    ("story", "says"),
    [
        pytest.param(
            under_suspicion,
            [
                "test/podinfo: Progressing, 20% of the traffic, revision",
                "Advanced: weight 10 → 20: request-success-rate 99.5",
                "4 of 100 failed (4%)",
                "4 of 900 failed (0.4%)",
                "█",
                "counted up to 00:01:20 UTC, errors since 00:01:00 UTC, latency since 00:01:15 UTC",
                "Up to 00:01:20 UTC users got 100 answers from the canary, 4 of them failures.",
                "What would change this:",
                "clean requests",
                "  next check in 19 s",
                "passed       request-success-rate 99.5",
                'increments of istio_requests_total{destination_workload_namespace="test"',
            ],
            id="a release under suspicion",
        ),
        pytest.param(
            taken_back,
            [
                "test/podinfo: Failed, 0% of the traffic",
                "GuardTripped: rolled back: the canary failed in 50 of 50 (100%) requests",
                "50 of 50 failed (100%)",
                "Up to 00:01:10 UTC users got 50 answers from the canary, 50 of them failures; l",
            ],
            id="a release that was taken back",
        ),
        pytest.param(
            blind,
            ["PrometheusUnavailable: Prometheus http://p does not answer; nothing to judge by"],
            id="a release without data",
        ),
        pytest.param(initialized, ["test/podinfo: Initialized, 0%"], id="a Canary at rest"),
    ],
)
def test_people_read(story: Callable[[], World], says: list[str]) -> None:
    text = shown(story())
    assert [words for words in says if words not in text] == [], text


def test_a_narrow_terminal_cuts_no_figure_off() -> None:
    it = under_suspicion()
    words = {word for word in shown(it).split() if len(word) < 80}  # longer ones are folded
    assert words <= set(shown(it, width=80).split())


def test_a_canary_that_linnet_has_not_seen_yet() -> None:
    unseen = {"metadata": {"namespace": "shop", "name": "web"}}
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(view(unseen, datetime(2026, 1, 1, tzinfo=UTC)))
    assert "shop/web: not seen by linnet yet" in capture.get()


STALLED = {
    "type": "Stalled",
    "status": "True",
    "reason": "NotWritten",
    "message": "VirtualService shop/web: failed calling webhook:\n  connection refused",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


def explained(**canary: Any) -> str:
    """Return what is told of a Canary."""
    meta = {"namespace": "shop", "name": "web", "creationTimestamp": "2026-01-01T00:00:00Z"}
    console = Console(width=160, color_system=None)
    with console.capture() as capture:
        console.print(view({"metadata": meta, **canary}, NOW + timedelta(hours=1)))
    return capture.get()


def test_a_canary_that_cannot_begin_has_been_seen() -> None:
    text = explained(status={"conditions": [STALLED | {"reason": "TargetNotFound"}]})
    assert "shop/web: stalled before it began" in text
    assert "TargetNotFound: VirtualService shop/web" in text
    assert "no operator" not in text


@pytest.mark.parametrize(
    ("routed", "says"),
    [
        pytest.param(10, "the routes still give the canary 10% of the traffic", id="looked at"),
        pytest.param(None, "what was written before stays in force", id="that may not be read"),
    ],
)
def test_a_rollback_whose_routes_are_not_written_is_told_as_that(
    routed: int | None, says: str
) -> None:
    status = {"phase": "Failed", "canaryWeight": 0, "conditions": [STALLED]}
    first, second, *_ = explained(status=status, routed=routed).splitlines()
    assert f"shop/web: Failed, 0% of the traffic decided, not written yet: {says}, rev" in first
    assert second.rstrip().endswith("failed calling webhook: connection refused"), "in one line"


def test_a_stall_that_leaves_the_routes_alone_is_no_doubt_about_them() -> None:
    status = {"phase": "Failed", "canaryWeight": 0, "conditions": [STALLED]}
    assert "Failed, 0% of the traffic, revision" in explained(status=status, routed=0)


def test_a_check_that_nobody_takes_is_overdue() -> None:
    it = under_suspicion()
    text = shown(it, it.now + timedelta(minutes=2))
    assert "next check overdue since 00:01:40 UTC: no operator seems to be at work" in text


def test_a_stream_has_all_of_it_at_each_change_with_the_time() -> None:
    it, news = under_suspicion(), News()

    def told(seconds: float) -> str:
        assert it.canary_object is not None
        console = Console(width=160, color_system=None)
        with console.capture() as capture:
            for part in news(it.canary_object, it.now + timedelta(seconds=seconds)):
                console.print(part)
        return capture.get()

    assert told(0).startswith("2026-01-01T00:01:21Z\ntest/podinfo: Progressing, 20%")
    assert told(10) == "", "only time has changed"
    assert "no operator seems to be at work" in told(60)
    assert told(61) == ""


def test_programs_read_the_figures() -> None:
    it = under_suspicion()
    assert it.canary_object is not None
    known = json.loads(json.dumps(explanation(it.canary_object)))
    assert (known["phase"], known["weight"]) == ("Progressing", 20)
    [errors, _] = known["findings"]
    assert errors["canary"] == {"requests": 100, "bad": 4, "percent": 4}
    assert errors["needed"] == 40
    assert known["exposure"] == {"requests": 100, "failed": 4}
    assert known["outlook"]


def test_watching_is_for_people() -> None:
    result = CliRunner().invoke(main, ["explain", "web", "--watch", "-o", "json"])
    assert result.exit_code == 2
    assert "--watch is for people" in result.output
