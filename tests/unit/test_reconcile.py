"""The loop of one Canary: order, faults, fights, and what it costs at rest. Time is virtual."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from prometheus_client import generate_latest

from linnet.adapters.telemetry import Telemetry
from linnet.api.objects import ObjectRef
from linnet.api.status import Phase
from linnet.contest import AT_ONCE
from linnet.errors import ConflictError, SpecError, UnavailableError
from linnet.reconcile import Reconciler
from linnet.workers import Worker
from unit.engine.builders import initialized, world
from unit.engine.world import World
from unit.fake_cluster import FakeCluster, FakeMetrics, FakeTiles, clock

pytestmark = pytest.mark.looptime

ROUTE = "Replace VirtualService/podinfo"


class Loop:
    """A Canary's loop, running."""

    def __init__(self, it: World) -> None:
        self.world = it
        self.cluster = FakeCluster(it)
        self.metrics = FakeMetrics(it)
        self.tiles = FakeTiles(it)
        self.telemetry = Telemetry()
        self.may_act = asyncio.Event()
        self.may_act.set()
        self.reconciler = Reconciler(self.cluster, self.metrics, self.tiles, clock, self.telemetry)
        self.task: asyncio.Task[None] | None = None

    async def allowed(self) -> None:
        await self.may_act.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Loop"]:
        self.task = asyncio.create_task(self.reconciler.run(self.cluster.worker, self.allowed))
        try:
            yield self
        finally:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def until(self, holds: Callable[[], bool], seconds: float = 600) -> float:
        """Wait until something holds; return how long it took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not holds():
            assert loop.time() < began + seconds, f"not within {seconds} s: {self.cluster.log}"
            await asyncio.sleep(0.01)
        return loop.time() - began

    async def until_in(self, phase: Phase, seconds: float = 600) -> float:
        return await self.until(lambda: self.world.in_phase(phase), seconds)

    async def until_routed(self, weight: int, seconds: float = 600) -> float:
        return await self.until(lambda: self.world.routed == (100 - weight, weight), seconds)

    def reset_weight(self, weight: int = 50) -> None:
        """Change the live weights, as somebody with kubectl would."""
        _, live = next((r, o) for r, o in self.world.objects.items() if r.kind == "VirtualService")
        primary, canary = live["spec"]["http"][0]["route"]
        primary["weight"], canary["weight"] = 100 - weight, weight
        self.world.put(live)
        self.cluster.worker.look_again()

    def released(self) -> dict[str, float]:
        return {
            sample.labels["outcome"]: sample.value
            for metric in self.telemetry.releases.collect()
            for sample in metric.samples
            if sample.name.endswith("_total")
        }


@asynccontextmanager
async def at_rest(**spec: object) -> AsyncIterator[Loop]:
    """Run the loop of a Canary that is initialized and has nothing to do."""
    loop = Loop(initialized(**spec))
    async with loop.running():
        await asyncio.sleep(60)
        loop.cluster.log.clear()
        loop.cluster.events.clear()
        yield loop


async def test_a_new_canary_is_brought_into_service() -> None:
    async with Loop(world()).running() as loop:
        await loop.until_in(Phase.INITIALIZED, 5)
        await loop.until_routed(0, 5)


async def test_a_good_release_climbs_on_schedule_and_is_promoted() -> None:
    async with at_rest() as loop:
        loop.cluster.change(lambda: loop.world.release("1.1.0"))
        await loop.until_routed(10, 1)
        assert 10 <= await loop.until_routed(20) < 13, "the first step ends on the common grid"
        assert await loop.until_routed(30) == pytest.approx(10, abs=0.5)
        await loop.until_in(Phase.SUCCEEDED)
        assert loop.world.image("podinfo-primary") == "1.1.0"
        assert loop.released() == {"promoted": 1}


async def test_a_bad_release_is_taken_back() -> None:
    async with at_rest() as loop:
        loop.cluster.change(lambda: loop.world.release("bad"))
        await loop.until_routed(10)
        await loop.until_in(Phase.FAILED)
        await loop.until_routed(0, 1)
        assert loop.released() == {"rolled_back": 1}


async def test_a_release_that_is_set_back_is_counted_as_reverted() -> None:
    async with at_rest() as loop:
        loop.cluster.change(lambda: loop.world.release("1.1.0"))
        await loop.until_routed(10)
        loop.cluster.change(lambda: loop.world.release("1.0.0"))
        await loop.until_in(Phase.SUCCEEDED)
        assert loop.released() == {"reverted": 1}


async def test_at_rest_it_neither_looks_nor_asks_nor_writes() -> None:
    async with at_rest() as loop:
        looks, asked = loop.cluster.looks, len(loop.metrics.asked)
        await asyncio.sleep(3600)
        assert loop.cluster.looks == looks
        assert len(loop.metrics.asked) == asked
        assert loop.cluster.log == []


async def test_a_step_takes_two_writes() -> None:
    async with at_rest() as loop:
        loop.cluster.change(lambda: loop.world.release("1.1.0"))
        await loop.until_routed(10)
        await asyncio.sleep(1)
        loop.cluster.log.clear()
        await loop.until_routed(20)
        await asyncio.sleep(1)
        assert loop.cluster.log == ["status", ROUTE]


async def test_the_status_is_written_before_what_follows_from_it() -> None:
    async with at_rest() as loop:
        loop.cluster.change(lambda: loop.world.release("1.1.0"))
        await loop.until_routed(10)
        assert loop.cluster.log[0] == "status"
        assert loop.cluster.log.index(ROUTE) > loop.cluster.log.index("status")


async def test_what_was_written_is_looked_at_again() -> None:
    async with at_rest() as loop:
        looks = loop.cluster.looks
        loop.cluster.change(lambda: loop.world.edit(suspend=True))
        await asyncio.sleep(1)
        assert loop.cluster.log == ["status"]
        assert loop.cluster.looks == looks + 2


async def test_nothing_is_written_while_another_instance_leads() -> None:
    async with at_rest() as loop:
        loop.may_act.clear()
        loop.cluster.worker.look_again()
        await asyncio.sleep(1)
        loop.cluster.change(lambda: loop.world.release("1.1.0"))
        await asyncio.sleep(600)
        assert loop.cluster.log == []
        loop.may_act.set()
        await loop.until_routed(10, 1)


async def test_the_loop_ends_with_its_canary() -> None:
    async with at_rest() as loop:
        loop.cluster.change(loop.world.delete)
        assert loop.task is not None
        await loop.until(loop.task.done)
        assert loop.world.canary_object is None


class TestFaults:
    async def test_a_change_in_between_makes_it_look_again_and_drop_the_plan(self) -> None:
        async with at_rest() as loop:
            faults = iter([ConflictError("changed")])
            loop.cluster.fault = lambda write: next(faults, None)
            loop.cluster.change(lambda: loop.world.release("1.1.0"))
            await loop.until_routed(10, 1)
            assert loop.cluster.log[0] == "status"

    async def test_a_conflict_that_does_not_end_does_not_become_a_storm(self) -> None:
        async with at_rest() as loop:
            tries: list[str] = []

            def fault(write: str) -> BaseException:
                tries.append(write)
                return ConflictError("changed")

            loop.cluster.fault = fault
            loop.cluster.change(lambda: loop.world.release("1.1.0"))
            await asyncio.sleep(60)
            assert 5 < len(tries) < 40

    async def test_an_outage_is_tried_again_with_patience_and_without_noise(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with at_rest() as loop:
            tries: list[str] = []

            def fault(write: str) -> BaseException:
                tries.append(write)
                return UnavailableError("connection refused")

            loop.cluster.fault = fault
            loop.cluster.change(lambda: loop.world.release("1.1.0"))
            await asyncio.sleep(120)
            assert 20 < len(tries) < 60
            loop.cluster.fault = lambda write: None
            assert await loop.until_routed(10) < 8
            assert not [r for r in caplog.records if r.levelno > logging.WARNING]

    async def test_a_bug_is_logged_with_its_traceback_and_tried_again(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with at_rest() as loop:
            bugs = iter([KeyError("spec"), KeyError("spec")])
            loop.cluster.fault = lambda write: next(bugs, None)
            loop.cluster.change(lambda: loop.world.release("1.1.0"))
            await loop.until_routed(10, 10)
            errors = [r for r in caplog.records if r.levelno == logging.ERROR]
            assert [type(r.exc_info[1]) for r in errors if r.exc_info] == [KeyError, KeyError]

    async def test_a_failed_write_keeps_the_rest_of_the_plan_back(self) -> None:
        async with Loop(world()).running() as loop:
            loop.cluster.fault = lambda write: (
                UnavailableError("away") if write == "Create Service/podinfo" else None
            )
            await asyncio.sleep(30)
            assert "Create VirtualService/podinfo" not in loop.cluster.log


class TestRefusals:
    REFUSAL = SpecError("Refused", "admission webhook denied the request: weight 101")

    @asynccontextmanager
    async def refused(self) -> AsyncIterator[Loop]:
        async with at_rest() as loop:
            loop.cluster.fault = lambda write: self.REFUSAL if write == ROUTE else None
            loop.cluster.change(lambda: loop.world.release("1.1.0"))
            await loop.until(lambda: loop.world.condition("Stalled").status == "True", 5)
            yield loop

    async def test_are_shown_in_the_api_servers_words(self) -> None:
        async with self.refused() as loop:
            stalled = loop.world.condition("Stalled")
            assert (stalled.reason, stalled.message) == ("Refused", self.REFUSAL.message)
            assert loop.world.condition("Ready").status == "False"

    async def test_are_told_once_and_written_once(self) -> None:
        async with self.refused() as loop:
            since = loop.world.condition("Stalled").last_transition_time
            await asyncio.sleep(5)
            loop.cluster.log.clear()
            loop.cluster.events.clear()
            await asyncio.sleep(4)
            assert "status" not in loop.cluster.log
            assert loop.cluster.events == []
            assert loop.world.condition("Stalled").last_transition_time == since

    async def test_are_tried_again_and_end_by_themselves(self) -> None:
        async with self.refused() as loop:
            await asyncio.sleep(300)
            loop.cluster.fault = lambda write: None
            loop.cluster.events.clear()
            await loop.until(lambda: loop.world.condition("Stalled").status == "False", 90)
            assert [e.reason for e in loop.cluster.events].count("Recovered") == 1

    async def test_do_not_become_a_storm(self) -> None:
        async with self.refused() as loop:
            tries: list[str] = []

            def fault(write: str) -> BaseException | None:
                if write == ROUTE:
                    tries.append(write)
                    return self.REFUSAL
                return None

            loop.cluster.fault = fault
            await asyncio.sleep(600)
            assert 5 < len(tries) < 80


class TestMeasuring:
    async def test_is_not_waited_for_by_repairs(self) -> None:
        async with at_rest() as loop:
            loop.metrics.delay = 5
            loop.cluster.change(lambda: loop.world.release("1.1.0"))
            await loop.until_routed(10)
            await loop.until(lambda: bool(loop.metrics.asked))
            loop.cluster.change(lambda: loop.world.remove("VirtualService", "podinfo"))
            assert await loop.until_routed(10) < 0.1
            assert len(loop.metrics.asked) == 1, "the measurement goes on"
            await loop.until_routed(20, 6)

    async def test_is_asked_for_once_a_check(self) -> None:
        async with at_rest() as loop:
            loop.metrics.delay = 3
            loop.cluster.change(lambda: loop.world.release("1.1.0"))
            await loop.until_routed(20)
            assert len(loop.metrics.asked) == 1

    async def test_of_a_revision_that_was_superseded_does_not_count(self) -> None:
        async with at_rest() as loop:
            loop.metrics.delay = 12  # so that it comes when the next one is due
            loop.cluster.change(lambda: loop.world.release("bad"))
            await loop.until(lambda: bool(loop.metrics.asked))
            loop.cluster.change(lambda: loop.world.release("1.2.0"))
            await loop.until(lambda: len(loop.metrics.asked) == 2)
            await asyncio.sleep(loop.metrics.delay)
            assert loop.world.status.failed_checks == 0
            await loop.until_in(Phase.SUCCEEDED)
            assert loop.world.image("podinfo-primary") == "1.2.0"

    async def test_ends_when_the_canary_is_suspended(self) -> None:
        async with at_rest() as loop:
            loop.metrics.delay = 5
            loop.cluster.change(lambda: loop.world.release("bad"))
            await loop.until(lambda: bool(loop.metrics.asked))
            loop.cluster.change(lambda: loop.world.edit(suspend=True))
            await asyncio.sleep(60)
            assert loop.world.status.failed_checks == 0
            assert loop.world.routed == (90, 10)


class TestTiles:
    @asynccontextmanager
    async def analysing(self) -> AsyncIterator[Loop]:
        async with at_rest(analysis={"interval": "1h", "stepWeights": [10]}) as loop:
            loop.cluster.change(lambda: loop.world.release("1.1.0"))
            await loop.until_routed(10)
            await asyncio.sleep(20)
            loop.cluster.log.clear()
            yield loop

    async def test_that_change_nothing_cost_one_question_each_and_no_look(self) -> None:
        async with self.analysing() as loop:
            looks, asked = loop.cluster.looks, len(loop.tiles.asked)
            await asyncio.sleep(100)
            assert loop.cluster.looks == looks
            assert len(loop.tiles.asked) - asked == 20
            assert loop.cluster.log == []

    async def test_of_a_bad_canary_take_it_back_as_soon_as_they_come(self) -> None:
        async with self.analysing() as loop:
            loop.world.serve = loop.world.failing(canary=1.0)
            took = await loop.until_routed(0)
            assert took < 20
            assert loop.cluster.log[:2] == ["status", ROUTE]
            assert loop.world.condition("Progressing").reason == "GuardTripped"

    async def test_do_not_keep_it_from_repairing(self) -> None:
        async with self.analysing() as loop:
            loop.cluster.change(lambda: loop.world.remove("VirtualService", "podinfo"))
            assert await loop.until_routed(10) < 0.1

    async def test_are_taken_back_on_while_a_write_is_refused(self) -> None:
        async with self.analysing() as loop:
            loop.cluster.fault = lambda write: (
                SpecError("Refused", "no") if write == "Create Service/podinfo" else None
            )
            loop.cluster.change(lambda: loop.world.remove("Service", "podinfo"))
            loop.world.serve = loop.world.failing(canary=1.0)
            await loop.until_in(Phase.FAILED, 30)

    async def test_that_were_lost_in_a_conflict_are_handed_in_again(self) -> None:
        async with self.analysing() as loop:
            faults = iter([ConflictError("changed")])
            loop.cluster.fault = lambda write: next(faults, None) if write == "status" else None
            loop.world.serve = loop.world.failing(canary=1.0)
            await loop.until_in(Phase.FAILED, 20)

    async def test_of_a_prometheus_that_is_away_are_asked_for_again(self) -> None:
        async with self.analysing() as loop:
            loop.world.unavailable = "Prometheus p is away"
            await loop.until(lambda: loop.world.condition("Blind").status == "True", 60)
            assert loop.world.condition("Blind").reason == "PrometheusUnavailable"
            loop.world.unavailable = ""
            await loop.until(lambda: loop.world.condition("Blind").status == "False", 10)

    async def test_are_not_asked_for_at_rest(self) -> None:
        async with at_rest() as loop:
            loop.cluster.change(lambda: loop.world.release("1.1.0"))
            await loop.until_in(Phase.SUCCEEDED)
            await asyncio.sleep(60)
            asked = len(loop.tiles.asked), loop.tiles.baselines
            await asyncio.sleep(3600)
            assert (len(loop.tiles.asked), loop.tiles.baselines) == asked

    async def test_tell_the_evidence_until_the_canary_is_gone(self) -> None:
        async with self.analysing() as loop:
            scraped = generate_latest(loop.telemetry.registry).decode()
            labels = 'against="primary",name="podinfo",namespace="test",process="errors"'
            assert f"linnet_canary_evidence{{{labels}}}" in scraped
            assert "linnet_canary_evidence_threshold{" in scraped
            canary = {"namespace": "test", "name": "podinfo"}
            told = loop.telemetry.registry.get_sample_value
            assert (told("linnet_canary_exposure_requests", canary) or 0) >= 50
            assert told("linnet_canary_exposure_failed_requests", canary) == 0
            loop.cluster.change(loop.world.delete)
            assert loop.task is not None
            await loop.until(loop.task.done)
            assert (
                "linnet_canary_evidence{" not in generate_latest(loop.telemetry.registry).decode()
            )


class TestFights:
    async def test_a_weight_edited_by_hand_is_put_back_at_once(self) -> None:
        async with at_rest() as loop:
            loop.reset_weight()
            assert await loop.until_routed(0) < 0.1

    async def test_a_deleted_object_is_made_again_at_once(self) -> None:
        async with at_rest() as loop:
            loop.cluster.change(lambda: loop.world.remove("Service", "podinfo-canary"))
            await loop.until(lambda: "Create Service/podinfo-canary" in loop.cluster.log, 0.1)

    async def test_back_off_when_somebody_insists_and_are_told_of_once(self) -> None:
        async with at_rest() as loop:
            for _ in range(600):
                loop.reset_weight()
                await asyncio.sleep(0.1)
            assert loop.cluster.log.count(ROUTE) < AT_ONCE + 8
            assert [e.reason for e in loop.cluster.events] == ["Contested"]
            assert "VirtualService test/podinfo" in loop.cluster.events[0].message

    async def test_do_not_hold_up_a_rollback(self) -> None:
        async with at_rest() as loop:
            loop.cluster.change(lambda: loop.world.release("bad"))
            await loop.until_routed(10)
            for _ in range(30):
                loop.reset_weight(60)
                await asyncio.sleep(0.1)
            assert "Contested" in [e.reason for e in loop.cluster.events]
            await loop.until_in(Phase.FAILED)
            assert await loop.until_routed(0) < 0.1


class TestInvalid:
    PROBLEM = SpecError("InvalidSpec", "spec.service.port: must be a port number")

    async def test_is_shown_and_recovers_when_mended(self) -> None:
        async with at_rest() as loop:
            loop.cluster.problem = self.PROBLEM
            loop.cluster.worker.look_again()
            await loop.until(lambda: loop.world.condition("Stalled").status == "True", 1)
            assert loop.world.condition("Stalled").reason == "InvalidSpec"
            assert [e.reason for e in loop.cluster.events] == ["InvalidSpec"]
            await asyncio.sleep(600)
            assert loop.cluster.log == ["status"]
            loop.cluster.problem = None
            loop.cluster.worker.look_again()
            await loop.until(lambda: loop.world.condition("Stalled").status == "False", 1)

    async def test_is_let_go_once_it_is_deleted(self) -> None:
        async with at_rest() as loop:
            loop.cluster.problem = self.PROBLEM
            loop.cluster.change(loop.world.delete)
            await loop.until(lambda: loop.world.canary_object is None, 1)


class TestStopping:
    async def test_finishes_the_write_under_way_and_begins_no_other(self) -> None:
        async with at_rest() as loop:
            loop.cluster.latency = 1
            loop.cluster.change(lambda: loop.world.release("1.1.0"))
            await loop.until(lambda: loop.cluster.worker.writing)
            loop.cluster.worker.stopping = True
            assert loop.task is not None
            await asyncio.wait_for(loop.task, 2)
            assert loop.cluster.log == ["status"]
            assert loop.world.in_phase(Phase.PROGRESSING)

    async def test_does_not_wait_for_another_change_after_the_last_write(self) -> None:
        async with at_rest() as loop:
            loop.cluster.latency = 1
            loop.cluster.change(lambda: loop.world.edit(suspend=True))
            await loop.until(lambda: loop.cluster.worker.writing)
            loop.cluster.worker.stopping = True
            assert loop.task is not None
            await asyncio.wait_for(loop.task, 1.1)
            assert loop.cluster.log == ["status"]


async def test_many_at_once_leave_the_event_loop_room() -> None:
    loop = Loop(initialized())
    workers = [Worker(ObjectRef("Canary", "test", f"podinfo-{n}")) for n in range(50)]
    tasks = [asyncio.create_task(loop.reconciler.run(w, loop.allowed)) for w in workers]
    looks = [0]
    for _ in range(300):
        await asyncio.sleep(0)
        looks.append(loop.cluster.looks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert looks[-1] >= len(workers)
    assert max(after - before for before, after in itertools.pairwise(looks)) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SpecError("Forbidden", "VirtualService test/podinfo: no"), "Forbidden"),
        (UnavailableError("VirtualService test/podinfo: failed calling webhook"), "NotWritten"),
    ],
    ids=["a permission is gone", "a webhook is away"],
)
async def test_a_deletion_that_cannot_go_on_is_told_and_tried_again_more_and_more_seldom(
    error: Exception, reason: str
) -> None:
    async with at_rest() as loop:
        tries = 0

        def fault(write: str) -> BaseException | None:
            nonlocal tries
            tries += "VirtualService" in write
            return error if "VirtualService" in write else None

        loop.cluster.fault = fault
        loop.cluster.change(loop.world.delete)
        await asyncio.sleep(600)
        stalled = loop.world.condition("Stalled")
        assert (stalled.status, stalled.reason) == ("True", reason)
        assert str(error) in stalled.message
        assert "kubectl patch canaries.linnet.dev podinfo --namespace test" in stalled.message
        assert reason in {event.reason for event in loop.cluster.events}
        assert len(loop.cluster.events) < 10, "told, not repeated"
        assert tries < 200
        loop.cluster.fault = lambda write: None
        await loop.until(lambda: loop.world.canary_object is None, 120)
