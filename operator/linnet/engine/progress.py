"""How far the analysis of a release has come: in memory, and what of it the status keeps."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from linnet.analysis.policy import Policy, ReleaseState, Ruling, begin, observe_before, policy_of
from linnet.analysis.policy.evidence import Evidence, evidence_of
from linnet.analysis.watch import Baseline, Yardstick
from linnet.api.analysis import Analysis
from linnet.api.judgement import GuardRecord
from linnet.api.status import CanaryStatus
from linnet.engine.figures import figures, seconds_of

KEPT_EVERY: Final = 60
"""After so many tiles what is in memory is written down though nothing else is."""


UNMEASURED: Final = Yardstick(0.0)
"""The yardstick of a release that is not compared with the primary, and need not be."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The analysis of the release of `revision` that began at `started_at`.

    `note` says what could not be found out before. `ruling` is the last that was given; None just
    after a restart.
    """

    revision: str | None
    started_at: datetime | None
    yardstick: Yardstick
    policy: Policy
    state: ReleaseState
    note: str = ""
    ruling: Ruling | None = None

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The evidence against the canary, one per process."""
        return evidence_of(self.policy, self.state)

    def serves(self, analysis: Analysis) -> bool:
        """Tell whether it can be gone on with; the guard may have been enabled meanwhile."""
        return self.yardstick.seconds > 0 or not analysis.guard.enabled

    def is_of(self, status: CanaryStatus) -> bool:
        """Tell whether the status speaks of the same release."""
        return (self.revision, self.started_at) == (status.revision, status.started_at)

    def after(self, ruling: Ruling) -> "Progress":
        """Return the progress with one more ruling."""
        return replace(self, state=ruling.state, ruling=ruling)

    def on(self, status: CanaryStatus, analysis: Analysis) -> "Progress":
        """Return the same under the present settings, weight and times, which others change."""
        return replace(
            self,
            policy=_policy(analysis, self.yardstick),
            state=replace(
                self.state,
                weight=status.canary_weight,
                failed_checks=status.failed_checks,
                next_check=seconds_of(status.next_check_at),
                since=seconds_of(status.traffic_since),
                over=False,
            ),
        )

    def record(self, at: datetime) -> GuardRecord:
        """Return what the status keeps of it."""
        return GuardRecord(
            **figures(self.policy, self.state, at.timestamp()),
            verdict=self.ruling.verdict if self.ruling else "",
            tile_seconds=self.yardstick.seconds,
            reporter=self.yardstick.reporter,
            latency_edge=self.yardstick.edge,
            note=self.note,
            memory=json.dumps(self.state.memory(self.policy), separators=(",", ":")),
        )

    def is_to_be_kept(self, record: GuardRecord | None) -> bool:
        """Tell whether so much has been added to what the status keeps that it is worth a write."""
        last, kept = self.state.last_tile, seconds_of(record.sample_time) if record else None
        if last is None or kept is None:
            return False
        return last - kept >= KEPT_EVERY * self.yardstick.seconds


def begun(
    status: CanaryStatus, analysis: Analysis, baseline: Baseline, at: datetime
) -> Progress | None:
    """Return the progress of a release that nothing is known of but what was before it.

    None when not even that is known, and the canary is to be compared with it.
    """
    yardstick = baseline.yardstick
    if yardstick is None and analysis.guard.enabled:
        return None
    yardstick = yardstick or UNMEASURED
    policy = _policy(analysis, yardstick)
    tiles = [(reading.end, reading.tile) for reading in baseline.readings]
    state = observe_before(policy, begin(policy, at.timestamp()), tiles)
    note = baseline.absent if analysis.guard.enabled else ""
    return Progress(status.revision, status.started_at, yardstick, policy, state, note)


def resumed(status: CanaryStatus, analysis: Analysis) -> Progress | None:
    """Return the progress that the status keeps, if there is any."""
    record = status.guard
    if record is None or (record.tile_seconds <= 0 and analysis.guard.enabled):
        return None
    yardstick = Yardstick(record.tile_seconds, record.reporter, record.latency_edge)
    policy = _policy(analysis, yardstick)
    state = ReleaseState.resume(
        policy,
        weight=status.canary_weight,
        failed_checks=status.failed_checks,
        next_check=seconds_of(status.next_check_at),
        since=seconds_of(status.traffic_since),
        memory=_parsed(record.memory),
    )
    return Progress(status.revision, status.started_at, yardstick, policy, state, record.note)


def _policy(analysis: Analysis, yardstick: Yardstick) -> Policy:
    return policy_of(analysis, seconds=yardstick.seconds, latency=yardstick.edge)


def _parsed(memory: str) -> Mapping[str, Any]:
    try:
        parsed = json.loads(memory)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
