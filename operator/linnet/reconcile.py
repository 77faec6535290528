"""observe → decide → apply, for each Canary in a loop of its own.

The status is written before the plan is carried out, and on the version that was decided on; so a
crash between any two writes leaves a state from which the next look goes on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from linnet.adapters.telemetry import Telemetry
from linnet.analysis.measurement import Measurement, Query
from linnet.api.canary import Canary
from linnet.api.names import APPLIED_ANNOTATION
from linnet.api.status import CanaryStatus
from linnet.backoff import Backoff
from linnet.contest import AT_ONCE, Contests, contested
from linnet.engine import Glimpse, Wanted, decide, stall, unreadable, wanted
from linnet.engine.decision import (
    Action,
    Create,
    Decision,
    Delete,
    Patch,
    RemoveAnnotation,
    Replace,
    Scale,
    SetFinalizers,
)
from linnet.engine.figures import told
from linnet.errors import ConflictError, SpecError, UnavailableError
from linnet.following import Following
from linnet.ports import Cluster, Metrics, Observed, Outcomes, Tiles
from linnet.workers import Worker

CONFLICTS_AT_ONCE = 5
"""How many conflicts in a row are met by looking again at once."""

SHOWN_AFTER = 3
"""How many failures in a row to write an object are told in a condition: one may pass unnoticed."""

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


@dataclass(slots=True)
class _Measuring:
    """Measurements under way: what was asked for, when, and the answers to come."""

    queries: tuple[Query, ...]
    asked_at: datetime
    answers: asyncio.Future[tuple[Measurement, ...]]


@dataclass(frozen=True, slots=True)
class _Rest:
    """All is as it should be with what was observed, until then or until it changes."""

    observed: Observed
    glimpse: Glimpse
    until: datetime | None


@dataclass(slots=True)
class _Canary:
    """What a Canary's loop remembers. Nothing here is needed to go on after a restart."""

    worker: Worker
    following: Following
    rest: "_Rest | None" = None
    measuring: _Measuring | None = None
    refusal: SpecError | None = None
    contests: Contests = field(default_factory=Contests)
    conflicts: int = 0
    failed_writes: int = 0
    unavailable: Backoff = field(default_factory=lambda: Backoff(0.2, 5))
    refused_write: tuple[object, str] | None = None
    refused_until: datetime | None = None
    refused: Backoff = field(default_factory=lambda: Backoff(2, 60))
    bugs: Backoff = field(default_factory=lambda: Backoff(1, 60))


class _GoneError(Exception):
    """The Canary does not exist any more."""


class _StoppedError(Exception):
    """The operator is about to exit: write nothing more."""


class Reconciler:
    """Runs the loop of any Canary. `clock` returns the time in UTC; timers are the event loop's."""

    def __init__(
        self,
        cluster: Cluster,
        metrics: Metrics,
        tiles: Tiles,
        clock: Clock,
        telemetry: Telemetry | None = None,
        outcomes: Outcomes | None = None,
    ) -> None:
        self._cluster = cluster
        self._metrics = metrics
        self._tiles = tiles
        self._clock = clock
        self._telemetry = telemetry or Telemetry()
        self._outcomes = outcomes
        # Deciding takes the processor: one at a time leaves room for everything else in between.
        self._turn = asyncio.Lock()

    async def run(self, worker: Worker, may_act: Callable[[], Awaitable[None]]) -> None:
        """Take care of a Canary until it is gone. `may_act` waits until writing is allowed."""
        canary = _Canary(worker, Following(self._tiles, worker.wake.set, self._clock))
        try:
            while True:
                await may_act()
                worker.wake.clear()
                if not await self._look(canary):
                    return
        except _StoppedError:
            return
        finally:
            if canary.measuring is not None:
                canary.measuring.answers.cancel()
            canary.following.stop()
            self._telemetry.forget(worker.ref)

    async def _look(self, canary: _Canary) -> bool:
        """Look once, then wait for the next reason to look; return False once it is gone."""
        extra = {"canary": canary.worker.ref}
        try:
            with self._telemetry.reconcile_seconds.time():
                wake_at = await self._reconcile(canary)
        except _GoneError:
            return False
        except _StoppedError:
            raise
        except ConflictError as error:
            self._telemetry.reconcile_errors.labels("conflict").inc()
            log.debug("Looking again", extra=extra | {"error": error})
            canary.conflicts += 1
            if canary.conflicts > CONFLICTS_AT_ONCE:
                await _rest(canary.worker, canary.unavailable.next())
        except UnavailableError as error:
            self._telemetry.reconcile_errors.labels("unavailable").inc()
            log.warning("Trying again", extra=extra | {"error": error})
            await _rest(canary.worker, canary.unavailable.next())
        except SpecError as error:
            self._telemetry.reconcile_errors.labels("refused").inc()
            log.warning("Refused", extra=extra | {"reason": error.reason, "error": error})
            await _rest(canary.worker, canary.refused.next())
        except Exception:  # a bug in one Canary's case must not stop the others
            self._telemetry.reconcile_errors.labels("bug").inc()
            log.exception("Unexpected error", extra=extra)
            await _rest(canary.worker, canary.bugs.next())
        else:
            canary.conflicts = 0
            canary.unavailable.reset()
            canary.bugs.reset()
            seconds = None if wake_at is None else (wake_at - self._clock()).total_seconds()
            await _sleep(canary.worker, seconds)
        return True

    async def _reconcile(self, canary: _Canary) -> datetime | None:
        """observe → decide → apply, once; return when to look again at the latest."""
        async with self._turn:
            await asyncio.sleep(0)  # lets the event loop see to its sockets in between
            if canary.rest is not None and self._glance(canary, canary.rest):
                return canary.rest.until
            canary.rest, canary.worker.changed = None, False
            observed, now, decision = self._decide(canary)
        await self._write_down(canary.worker, observed.canary, decision)
        if observed.problem is not None:
            await self._carry_out(canary, observed.canary, decision.actions, now)
            return None
        canary.following.accept(decision.progress)
        self._telemetry.judged(observed.canary.ref, decision.progress)
        if decision.status == observed.canary.status:
            self._ask(canary, observed, now)  # before what may fail: checks go on meanwhile
        later = await self._carry_out(canary, observed.canary, decision.actions, now)
        times = [at for at in (decision.wake_at, later) if at is not None]
        settled = decision.status == observed.canary.status and not decision.actions
        if settled and decision.progress is not None:
            glimpse = Glimpse(observed.canary, observed.observation, now)
            canary.rest = _Rest(observed, glimpse, min(times, default=None))
        return min(times, default=None)

    def _glance(self, canary: _Canary, rest: _Rest) -> bool:
        """Take in tiles that change nothing; return whether that is all there was to do."""
        now = self._clock()
        if canary.worker.changed or (rest.until is not None and now >= rest.until):
            return False
        observation = canary.following.complete(rest.observed)
        progress = rest.glimpse.glance(observation, now)
        if progress is None:
            return False
        canary.following.accept(progress)
        self._telemetry.judged(rest.observed.canary.ref, progress)
        canary.following.go_on()
        return True

    def _decide(self, canary: _Canary) -> tuple[Observed, datetime, Decision]:
        observed = self._cluster.observe(canary.worker.ref)
        if observed is None:
            raise _GoneError
        now = self._clock()
        if observed.problem is not None:
            return observed, now, unreadable(observed.canary, observed.problem, now)
        observed = replace(observed, observation=canary.following.complete(observed))
        answers = self._answers(canary, observed)
        observation = replace(observed.observation, measurements=answers, refusal=canary.refusal)
        return observed, now, decide(observed.canary, observation, now)

    async def _write_down(self, worker: Worker, canary: Canary, decision: Decision) -> None:
        if decision.status == canary.status:
            return
        with _writing(worker):
            await self._cluster.write_status(canary, decision.status)
        worker.look_again()  # what was written may call for more
        self._tell(canary, decision.status)
        if self._outcomes is not None and decision.announcement is not None:
            self._outcomes.announce(decision.announcement)
        for event in decision.events:
            await self._cluster.post(canary, event)

    async def _carry_out(
        self, canary: _Canary, observed: Canary, actions: tuple[Action, ...], now: datetime
    ) -> datetime | None:
        """Carry out a plan; return when to go on where a fight over an object bids to wait."""
        for action in actions:
            target, content = (isinstance(action, Scale), action.ref), _content(action)
            urgent = isinstance(action, Patch) and action.urgent
            allowed_at = canary.contests.allowed_at(target, content, now, urgent=urgent)
            if canary.refused_until and canary.refused_write == (target, content):
                allowed_at = max(allowed_at, canary.refused_until)
            if allowed_at > now:
                return allowed_at
            try:
                with _writing(canary.worker):
                    await self._cluster.carry_out(observed, action)
            except SpecError as refusal:
                self._telemetry.reconcile_errors.labels("refused").inc()
                log.warning(
                    "Refused",
                    extra={"canary": observed.ref, "reason": refusal.reason, "error": refusal},
                )
                canary.refused_write = target, content
                canary.refused_until = now + timedelta(seconds=canary.refused.next())
                await self._refused(canary, refusal)
                return canary.refused_until
            except UnavailableError as error:
                canary.failed_writes += 1
                if canary.failed_writes >= SHOWN_AFTER:
                    # Where the API server itself is away, this cannot be told either.
                    with suppress(UnavailableError, ConflictError):
                        await self._refused(canary, SpecError("NotWritten", str(error)))
                raise
            canary.failed_writes = 0
            canary.worker.look_again()
            rounds = canary.contests.written(target, content, now)
            if rounds:
                self._telemetry.restorations.labels(action.ref.kind).inc()
                log.info("Restored", extra={"canary": observed.ref, "object": action.ref})
            if rounds == AT_ONCE:
                await self._cluster.post(
                    observed, contested(action.ref, adopted=isinstance(action, Patch))
                )
        if canary.refusal is not None:
            canary.refusal = None
            canary.refused_write, canary.refused_until = None, None
            canary.refused.reset()
            canary.worker.look_again()
        return None

    async def _refused(self, canary: _Canary, refusal: SpecError) -> None:
        canary.refusal = refusal
        observed = self._cluster.observe(canary.worker.ref)
        if observed is not None and observed.problem is None:
            decision = stall(observed.canary, refusal, self._clock())
            await self._write_down(canary.worker, observed.canary, decision)

    def _ask(self, canary: _Canary, observed: Observed, now: datetime) -> None:
        """Ask for what is wanted. The loop goes on meanwhile, and repairs."""
        observation = canary.following.complete(observed)
        wants = wanted(observed.canary, observation, now)
        self._measure(canary, wants, now)
        canary.following.follow(wants, observed.canary)

    def _measure(self, canary: _Canary, wants: Wanted, now: datetime) -> None:
        if canary.measuring is None and wants.measurements:
            answers = asyncio.ensure_future(self._metrics.measure(wants.measurements))
            answers.add_done_callback(lambda _: canary.worker.look_again())
            canary.measuring = _Measuring(wants.measurements, now, answers)

    def _answers(self, canary: _Canary, observed: Observed) -> tuple[Measurement, ...]:
        """Return the measurements that have come, if they still answer what is asked."""
        measuring = canary.measuring
        if measuring is None:
            return ()
        wants = wanted(observed.canary, observed.observation, measuring.asked_at)
        if wants.measurements != measuring.queries:
            measuring.answers.cancel()
            canary.measuring = None
            return ()
        if not measuring.answers.done():
            return ()
        canary.measuring = None
        return tuple(
            replace(measurement, query=query.text)
            for query, measurement in zip(
                measuring.queries, measuring.answers.result(), strict=True
            )
        )

    def _tell(self, canary: Canary, status: CanaryStatus) -> None:
        self._telemetry.count_release(canary.ref, canary.status, status)
        if status.decisions and status.decisions != canary.status.decisions:
            last = status.decisions[-1]
            log.info(
                "Decided",
                extra={
                    "canary": canary.ref,
                    "phase": status.phase,
                    "weight": status.canary_weight,
                    "reason": last.reason,
                    "why": last.message,
                    **told(last),
                },
            )


@contextmanager
def _writing(worker: Worker) -> Iterator[None]:
    """Mark a write that is not to be torn; begin none, and go on after none, when stopping."""
    if worker.stopping:
        raise _StoppedError
    worker.writing = True
    try:
        yield
    finally:
        worker.writing = False
    if worker.stopping:
        raise _StoppedError


def _content(action: Action) -> str:
    """Return a text that tells what an action writes from what others write to the object."""
    match action:
        case Create() | Replace():
            annotations = action.object["metadata"].get("annotations") or {}
            return str(annotations.get(APPLIED_ANNOTATION, ""))
        case Scale():
            return str(action.replicas)
        case Patch():
            return action.content
        case SetFinalizers():
            return ",".join(action.finalizers)
        case Delete():
            return action.uid
        case RemoveAnnotation():
            return action.resource_version  # each request is another


async def _sleep(worker: Worker, seconds: float | None) -> None:
    """Wait until woken, or for this long (None: for ever)."""
    try:
        async with asyncio.timeout(seconds):
            await worker.wake.wait()
    except TimeoutError:
        pass


async def _rest(worker: Worker, seconds: float) -> None:
    """Wait before another try; a change of the cluster may end it, but not in its first second."""
    at_least = min(1.0, seconds)
    await asyncio.sleep(at_least)
    await _sleep(worker, seconds - at_least)
