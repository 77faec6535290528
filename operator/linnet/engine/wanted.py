"""What has to be asked of Prometheus before the next decision; at rest, nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from linnet.analysis import templates
from linnet.analysis.measurement import MetricKind, Query
from linnet.analysis.promql import BASELINE_REACH
from linnet.analysis.watch import Watch
from linnet.api.canary import Canary
from linnet.api.status import CanaryStatus, Phase
from linnet.engine.analysing import check_due, current, is_measured
from linnet.engine.lifecycle import RELEASING
from linnet.engine.observation import Observation
from linnet.engine.progress import Progress
from linnet.engine.situation import Situation, assess

LATE: Final = timedelta(seconds=2)
"""A check that comes later than this after it was due is asked for as of now."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is of interest now.

    `measurements` are of a check that is due. `baseline` tells whether it has to be found out how
    the release is measured, and what the primary did before. `tiles` are those that end later than
    `since`, in seconds since the epoch.
    """

    measurements: tuple[Query, ...] = ()
    baseline: bool = False
    watch: Watch | None = None
    since: float = 0.0


def wanted(canary: Canary, observation: Observation, now: datetime) -> Wanted:
    """Return what must be known before `decide` can take the next decision; often nothing."""
    status = canary.status
    if status.phase not in RELEASING or canary.deleted or canary.spec.suspend:
        return Wanted()
    situation = assess(canary, observation, now)
    if status.phase is Phase.PROMOTING:  # with a primary of the user's own: until it is changed
        return Wanted(_measurements(situation) if check_due(situation) else ())
    progress = current(situation)
    if progress is None:
        return Wanted(baseline=True)
    measurements = _measurements(situation) if check_due(situation) else ()
    since = status.traffic_since
    if since is None or progress.policy.guard is None or not is_measured(situation):
        return Wanted(measurements)
    last = progress.state.last_tile
    newest = max((reading.end for reading in observation.tiles), default=0.0)
    reached = max(newest, since.timestamp() if last is None else last)
    return Wanted(measurements, watch=_watch(canary, progress), since=reached)


def _watch(canary: Canary, progress: Progress) -> Watch:
    return Watch(
        canary.namespace,
        canary.target_name,
        canary.primary_name,
        progress.yardstick,
        canary.spec.metrics_server or "",
    )


def _measurements(s: Situation) -> tuple[Query, ...]:
    """Return the queries of a check.

    A query's window never reaches back before the canary's first traffic in this release, so that
    nothing an earlier revision did is held against this one. Where another revision had traffic
    shortly before, not even the last sample before the window is used: it may be older than that
    traffic's last requests.
    """
    canary, since, due = s.canary, s.status.traffic_since, s.status.next_check_at
    if since is None or due is None:
        return ()
    # As of when they are due, all checks that fall together ask the same.
    at = due if since < due and s.now - due < LATE else s.now
    return tuple(
        Query(
            metric=metric.name,
            kind=templates.kind_of(metric),
            namespace=canary.namespace,
            workload=canary.target_name,
            at=at,
            window=(window := min(metric.interval, at - since)),
            server=canary.spec.metrics_server or "",
            within=window == at - since and _follows_closely(canary.status, since),
            promql=(
                templates.render(canary, metric, window)
                if templates.kind_of(metric) is MetricKind.INLINE
                else None
            ),
        )
        for metric in canary.spec.analysis.metrics
    )


def _follows_closely(status: CanaryStatus, since: datetime) -> bool:
    """Tell whether another revision may have had traffic shortly before `since`."""
    return status.drain_until is not None and since - status.drain_until < BASELINE_REACH
