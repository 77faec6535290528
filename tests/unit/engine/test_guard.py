"""Comparing with the primary: back before any check, frozen, blind; and what a restart changes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from linnet.analysis.measurement import Measurement
from linnet.analysis.tiles import Counts, Tile
from linnet.analysis.watch import TileSpan, Watch
from linnet.api.status import Phase, Verdict
from unit.engine.builders import initialized
from unit.engine.world import World

SLOW_LADDER = {"interval": "2m", "stepWeights": [10, 20]}
"""So that no check is due while the guard decides."""
Serve = Callable[[Watch, float], Tile]


def released(serve: Callable[[World], Serve] | None = None, **analysis: Any) -> World:
    """Return a cluster whose canary has just got its first traffic."""
    it = initialized(analysis={**SLOW_LADDER, **analysis})
    if serve:
        it.serve = serve(it)
    it.release("2.0.0")
    it.settle()
    assert it.status.canary_weight == 10
    return it


def failing(canary: float, primary: float = 0.0) -> Callable[[World], Serve]:
    return lambda it: it.failing(canary=canary, primary=primary)


def of_canary(counts: Counts | None) -> Callable[[World], Serve]:
    """Have the canary serve this in each tile, and the primary well."""
    return lambda it: lambda watch, end: Tile(counts, it.healthy(watch, end).primary)


def seconds_to(it: World, *phases: Phase, limit: float = 3600) -> float:
    began = it.now
    it.run_until(*phases, limit=limit)
    return (it.now - began).total_seconds()


def blind(it: World) -> Any:
    return it.condition("Blind")


class TestTakingBack:
    @pytest.mark.parametrize(
        ("share", "at_least", "at_most"),
        [
            pytest.param(1.0, 10, 15, id="one that fails everything after two scrapes"),
            pytest.param(0.2, 15, 30, id="one that fails every fifth request within 30 s"),
            pytest.param(0.05, 20, 60, id="one that fails every twentieth request within a minute"),
        ],
    )
    def test_a_bad_canary_is_back_without_any_check(
        self, share: float, at_least: float, at_most: float
    ) -> None:
        it = released(failing(share))
        assert at_least <= seconds_to(it, Phase.FAILED) <= at_most
        assert it.status.failed_checks == 0
        assert it.routed == (100, 0)
        assert it.weights == [0, 10, 0]

    def test_the_decision_says_on_which_figures(self) -> None:
        it = released(failing(1.0))
        it.run_until(Phase.FAILED)
        last = it.status.decisions[-1]
        assert (last.reason, last.verdict, last.weight) == ("GuardTripped", Verdict.FAILED, 0)
        assert "the canary failed in 50 of 50 (100%) requests" in last.message
        assert "the primary in 0 of 450 (0%)" in last.message
        [errors, latency] = last.findings
        assert (errors.process, latency.process) == ("errors", "latency")
        assert (errors.canary.requests, errors.canary.bad, errors.canary.percent) == (50, 50, 100)
        assert min(errors.relative, errors.absolute) >= errors.needed
        assert last.exposure is not None
        assert (last.exposure.requests, last.exposure.failed) == (50, 50)
        assert last.sample_time == it.now
        assert it.reasons[-1] == "RolledBack"

    def test_slow_answers_are_held_against_it_like_failed_ones(self) -> None:
        it = released(of_canary(Counts(25, 0, 25)))
        assert seconds_to(it, Phase.FAILED) <= 30
        assert "answered slowly" in it.message

    def test_a_canary_that_is_no_worse_than_the_primary_stays(self) -> None:
        it = released(failing(0.005, 0.005))
        it.run_until(Phase.SUCCEEDED)
        assert "GuardTripped" not in [d.reason for d in it.status.decisions]

    def test_a_paused_release_is_taken_back_all_the_same(self) -> None:
        it = released(failing(1.0))
        it.edit(paused=True)
        assert seconds_to(it, Phase.FAILED) <= 15

    def test_a_fault_that_comes_late_is_seen(self) -> None:
        it = released(interval="1h")
        it.run(600)
        it.serve = it.failing(canary=1.0, since=it.now.timestamp())
        assert seconds_to(it, Phase.FAILED) <= 30

    def test_without_the_guard_only_checks_take_it_back(self) -> None:
        it = released(failing(1.0), guard={"enabled": False}, interval="10s")
        it.measure = lambda query: Measurement(query.metric, value=0.0)
        assert seconds_to(it, Phase.FAILED) == 30
        assert it.status.failed_checks == 3

    def test_what_an_earlier_revision_did_is_not_held_against_the_next(self) -> None:
        it = released(failing(0.2))
        it.run(10)
        it.serve = it.healthy
        it.release("3.0.0")
        it.run_until(Phase.SUCCEEDED)
        assert it.image("podinfo-primary") == "3.0.0"


class TestFreezing:
    def test_nobody_is_blamed_while_the_primary_itself_fails(self) -> None:
        it = released(failing(0.3, 0.3), interval="10s")
        it.measure = lambda query: Measurement(query.metric, value=70.0)
        it.run(300)
        assert it.in_phase(Phase.PROGRESSING)
        assert it.status.canary_weight == 10
        assert it.status.failed_checks == 0
        assert it.condition("Progressing").reason == "PrimaryMissesObjective"
        assert "the primary itself fails" in it.message
        frozen = [e for e in it.events if e.reason == "PrimaryMissesObjective"]
        assert [e.type for e in frozen] == ["Warning"]

    def test_it_goes_on_once_the_primary_is_well(self) -> None:
        it = released(failing(0.3, 0.3), interval="10s")
        it.run(120)
        it.serve = it.healthy
        it.measure = lambda query: Measurement(query.metric, value=100.0)
        it.run_until(Phase.SUCCEEDED)


KINDS = (
    pytest.param(of_canary(Counts(0, 0, 0)), "", "NoTraffic", id="no traffic"),
    pytest.param(of_canary(None), "", "NoData", id="no data"),
    pytest.param(None, "Prometheus p is away", "PrometheusUnavailable", id="Prometheus away"),
)


class TestBlindness:
    @pytest.mark.parametrize(("serve", "unavailable", "reason"), KINDS)
    def test_the_release_holds_and_says_of_which_kind_and_since_when(
        self, serve: Callable[[World], Serve] | None, unavailable: str, reason: str
    ) -> None:
        it = released()
        it.run(30)
        assert blind(it).status == "False"
        last_seen = it.now
        it.serve, it.unavailable = (serve(it) if serve else it.serve), unavailable
        it.run(60)
        assert (blind(it).status, blind(it).reason) == ("True", reason)
        assert f"since {last_seen:%H:%M:%S} UTC" in blind(it).message
        assert it.in_phase(Phase.PROGRESSING)

    @pytest.mark.parametrize(("serve", "unavailable", "reason"), KINDS)
    def test_after_blind_timeout_it_goes_back_to_the_first_step_and_on_with_data(
        self, serve: Callable[[World], Serve] | None, unavailable: str, reason: str
    ) -> None:
        it = released(interval="10s", stepWeights=[10, 20, 30, 40, 50])
        it.run(25)
        assert it.status.canary_weight == 30
        it.measure = lambda query: Measurement(query.metric, absent="no data")
        it.serve, it.unavailable = (serve(it) if serve else it.serve), unavailable
        it.run(100)
        assert it.routed == (90, 10)
        assert reason in it.reasons
        assert it.status.failed_checks == 0
        it.run(600)
        assert it.in_phase(Phase.PROGRESSING), "not failed: nothing is known against it"
        assert it.reasons.count(reason) == 1
        it.measure = lambda query: Measurement(query.metric, value=100.0)
        it.serve, it.unavailable = it.healthy, ""
        it.run_until(Phase.SUCCEEDED)

    def test_it_ends_with_the_first_data(self) -> None:
        it = released()
        it.unavailable = "Prometheus p is away"
        it.run(80)
        assert blind(it).status == "True"
        it.unavailable = ""
        it.run(5)
        assert (blind(it).status, blind(it).reason) == ("False", "NotBlind")

    def test_nothing_that_happened_meanwhile_is_lost(self) -> None:
        it = released(failing(1.0))
        it.unavailable = "Prometheus p is away"
        it.run(60)
        assert it.in_phase(Phase.PROGRESSING)
        it.unavailable = ""
        assert seconds_to(it, Phase.FAILED) <= 5

    def test_it_can_be_made_a_failure(self) -> None:
        it = released(onNoData="fail", interval="10s")
        it.measure = lambda query: Measurement(query.metric, absent="no data")
        assert seconds_to(it, Phase.FAILED) == 30
        assert it.status.failed_checks == 3

    def test_a_release_gets_no_traffic_before_prometheus_answers(self) -> None:
        it = initialized()
        it.unavailable = "Prometheus p is away"
        it.release("2.0.0")
        it.run(30)
        assert it.routed == (100, 0)
        assert it.condition("Progressing").reason == "PrometheusUnavailable"
        it.unavailable = ""
        it.run_until(Phase.SUCCEEDED)


class TestKilled:
    """The operator is killed after each decision; the next one has only the status."""

    @staticmethod
    def story(share: float, kill: Callable[[World], None]) -> list[tuple[datetime, str, str]]:
        it = released(failing(share, 0.004), interval="20s", stepWeights=[10, 20, 40, 60])
        it.measure = lambda query: Measurement(query.metric, value=100.0)
        for _ in range(60):
            kill(it)
            wake = it.wake_at()
            if wake is None or it.status.phase is not Phase.PROGRESSING:
                break
            it.now = wake
            it.settle()
        return [(d.time, d.reason, d.message) for d in it.status.decisions]

    @pytest.mark.parametrize("share", [0.004, 0.02, 0.05, 0.2, 1.0])
    def test_it_decides_the_same_at_the_same_moments(self, share: float) -> None:
        undisturbed = self.story(share, lambda it: None)
        assert self.story(share, World.kill) == undisturbed

    def test_tiles_since_the_last_write_are_counted_once(self) -> None:
        it = released(failing(0.01), interval="1h")
        it.run(60)
        before = it.progress
        it.kill()
        it.settle()
        assert before is not None
        assert it.progress is not None
        assert it.progress.state.comparison.requests == before.state.comparison.requests == 300
        for ours, theirs in zip(it.progress.evidence, before.evidence, strict=True):
            assert ours.relative == pytest.approx(theirs.relative, rel=1e-5)
            assert ours.absolute == pytest.approx(theirs.absolute, rel=1e-5)

    def test_no_check_overtakes_tiles_that_are_still_to_come(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        it = released()
        it.run(30)
        it.kill()
        it.now += timedelta(minutes=5)  # nobody runs; the check is overdue, and it passes
        with monkeypatch.context() as slow:
            slow.setattr(it, "read", lambda watch, since, now=None: TileSpan((), since))
            it.settle()
            assert it.status.canary_weight == 10
        it.serve = it.failing(canary=1.0)
        it.settle()
        assert it.status.phase is Phase.FAILED
        assert "GuardTripped" in [decision.reason for decision in it.status.decisions]

    def test_a_status_that_somebody_broke_begins_the_evidence_anew(self) -> None:
        it = released(failing(0.02), interval="1h")
        it.run(20)
        assert it.canary_object is not None
        it.canary_object["status"]["guard"]["memory"] = "gone"
        it.kill()
        it.run(5)
        assert it.in_phase(Phase.PROGRESSING)
        assert it.progress is not None
        assert it.progress.state.comparison.requests <= 125


class TestWrites:
    @staticmethod
    def writes(it: World, seconds: float) -> int:
        """Return how many times the status changes in a while."""
        versions = []
        for _ in range(int(seconds / 5)):
            it.run(5)
            assert it.canary_object is not None
            versions.append(it.canary_object["metadata"]["resourceVersion"])
        return len(set(versions)) - 1

    def test_tiles_cost_none_of_their_own(self) -> None:
        assert self.writes(released(interval="1h"), 200) == 0

    def test_but_one_in_60_tiles_so_that_a_restart_catches_up_quickly(self) -> None:
        assert self.writes(released(interval="2h"), 3000) == 10

    def test_the_evidence_goes_along_with_a_check(self) -> None:
        it = released(failing(0.004), interval="10s")
        it.measure = lambda query: Measurement(query.metric, value=100.0)
        it.run(15)
        guard = it.status.guard
        assert guard is not None
        assert guard.tile_seconds == 5
        assert guard.exposure is not None
        assert guard.exposure.requests >= 50
        assert len(guard.memory) < 1500

    def test_nothing_of_it_is_left_at_rest(self) -> None:
        it = released(interval="10s")
        it.run_until(Phase.SUCCEEDED)
        assert it.status.guard is None
        assert it.progress is None

    def test_only_the_last_decision_says_what_was_asked(self) -> None:
        it = released(interval="10s")
        it.run_until(Phase.SUCCEEDED)
        asked = [[m.query for m in d.measurements] for d in it.status.decisions]
        assert not any(any(queries) for queries in asked[:-2])
        checked = [queries for queries in asked if queries]
        assert len(checked) >= 2


def test_checks_closer_than_a_scrape_wait_for_one() -> None:
    it = initialized(analysis={"interval": "1s", "stepWeights": [10, 20, 30]})
    it.release("2.0.0")
    began = it.now
    it.run_until(Phase.FINALISING)
    assert it.now - began >= timedelta(seconds=15), "each step is judged on samples of its own"


class TestGuardDisabled:
    def test_a_release_begins_though_prometheus_is_away(self) -> None:
        it = initialized(analysis={"guard": {"enabled": False}, "metrics": []})
        it.unavailable = "Prometheus p is away"
        it.release("2.0.0")
        it.run_until(Phase.SUCCEEDED)
        assert it.weights == [0, 10, 20, 30, 0]

    def test_no_tile_is_asked_for(self) -> None:
        it = released(guard={"enabled": False})

        def forbidden(watch: Watch, end: float) -> Tile:
            raise AssertionError("a tile was asked for")

        it.serve = forbidden
        it.run_until(Phase.SUCCEEDED)

    def test_enabled_in_mid_run_it_begins_to_compare(self) -> None:
        it = initialized(analysis={**SLOW_LADDER, "guard": {"enabled": False}})
        it.unavailable = "Prometheus p is away"
        it.release("2.0.0")
        it.settle()
        assert it.status.canary_weight == 10
        it.unavailable = ""
        it.serve = it.failing(canary=1.0)
        assert it.canary_object is not None
        it.edit(analysis={**it.canary_object["spec"]["analysis"], "guard": {"enabled": True}})
        assert seconds_to(it, Phase.FAILED) <= 20
        assert "GuardTripped" in [d.reason for d in it.status.decisions]
