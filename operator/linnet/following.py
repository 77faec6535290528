"""What the loop of one Canary remembers of a release under analysis, and asks for it.

Nothing here is needed to go on after a restart: the status holds what was known when it was last
written, and the tiles since are read again.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from linnet.analysis.watch import Baseline, TileReading, TileSpan, Watch
from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef
from linnet.api.status import CanaryStatus
from linnet.engine import Wanted
from linnet.engine.observation import Observation
from linnet.engine.progress import Progress
from linnet.ports import Observed, Tiles

ASK_AGAIN = 5.0
"""Seconds until a Prometheus that did not answer is asked for the baseline again."""


_Answer = TypeVar("_Answer")

log = logging.getLogger(__name__)


def _release(status: CanaryStatus) -> object:
    return status.revision, status.started_at


class Following:
    """The tiles of a release as they come. `wake` is called when there is news."""

    def __init__(
        self, tiles: Tiles, wake: Callable[[], None], clock: Callable[[], datetime]
    ) -> None:
        self._tiles = tiles
        self._wake = wake
        self._clock = clock
        self._progress: Progress | None = None
        self._baseline: tuple[object, Baseline] | None = None
        self._readings: tuple[TileReading, ...] = ()
        self._unanswered = ""
        self._next_at = 0.0
        self._watch: Watch | None = None
        self._finding: asyncio.Future[tuple[object, Baseline]] | None = None
        self._reading: asyncio.Future[TileSpan] | None = None

    def complete(self, observed: Observed) -> Observation:
        """Return the observation with all that is known of the release."""
        self._take_in(observed.canary.ref)
        found = self._baseline
        known = found is not None and found[0] == _release(observed.canary.status)
        return replace(
            observed.observation,
            progress=self._progress,
            baseline=found[1] if found and known else None,
            tiles=self._readings,
            unanswered=self._unanswered,
        )

    def accept(self, progress: Progress | None) -> None:
        """Remember how far the analysis has come, now that all that follows is written."""
        self._progress = progress
        last = progress.state.last_tile if progress else None
        if last is not None:
            self._readings = tuple(one for one in self._readings if one.end > last)

    def follow(self, wants: Wanted, canary: Canary) -> None:
        """Ask for what is wanted, as soon as there can be an answer."""
        if wants.watch != self._watch:
            self._stop_reading()
            self._watch = wants.watch
        if not wants.baseline:
            self._stop_finding()
        elif self._finding is None:
            self._find(canary)
        if wants.watch is not None and self._reading is None:
            self._reading = self._ask(self._read(wants.watch, wants.since))

    def go_on(self) -> None:
        """Ask for the tiles that follow on those that are counted in."""
        last = self._progress.state.last_tile if self._progress else None
        if self._watch is not None and self._reading is None and last is not None:
            self._reading = self._ask(self._read(self._watch, last))

    def stop(self) -> None:
        """Give up what is being asked."""
        self._stop_finding()
        self._stop_reading()

    def _find(self, canary: Canary) -> None:
        release, server = _release(canary.status), canary.spec.metrics_server or ""

        async def find() -> tuple[object, Baseline]:
            if self._baseline is not None and self._baseline[0] == release:
                await asyncio.sleep(ASK_AGAIN)
            found = await self._tiles.baseline(server, canary.namespace, canary.primary_name)
            return release, found

        self._finding = self._ask(find())

    async def _read(self, watch: Watch, since: float) -> TileSpan:
        await asyncio.sleep(max(0.0, self._next_at - self._clock().timestamp()))
        return await self._tiles.read(watch, since)

    def _ask(self, question: Coroutine[Any, Any, _Answer]) -> asyncio.Future[_Answer]:
        answer: asyncio.Future[_Answer] = asyncio.ensure_future(question)
        answer.add_done_callback(lambda _: self._wake())
        return answer

    def _take_in(self, ref: ObjectRef) -> None:
        """Take in the answers that have come."""
        if self._finding is not None and self._finding.done():
            self._baseline, self._finding = self._finding.result(), None
            found = self._baseline[1]
            log.info(
                "Looked at the primary before the release",
                extra={"canary": ref, "yardstick": found.yardstick, "missing": found.absent},
            )
        if self._reading is not None and self._reading.done():
            span, self._reading = self._reading.result(), None
            self._readings = (*self._readings, *span.readings)
            self._unanswered = span.unavailable
            self._next_at = span.next_at

    def _stop_finding(self) -> None:
        if self._finding is not None:
            self._finding.cancel()
            self._finding = None

    def _stop_reading(self) -> None:
        """Forget what was read: it is of another release, or counted in another way."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        self._readings, self._unanswered, self._next_at = (), "", 0.0
