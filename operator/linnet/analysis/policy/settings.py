"""Everything that is fixed for one release."""

from dataclasses import dataclass
from typing import Literal

from linnet.analysis.exposure import RampPolicy
from linnet.analysis.guard.settings import GuardPolicy, guard_policy_of
from linnet.analysis.ramps import ladder
from linnet.analysis.schedule import spacing
from linnet.analysis.windows import SPAN
from linnet.api.analysis import Analysis


@dataclass(frozen=True, slots=True)
class PromotionPolicy:
    """When evidence promotes. Spans in seconds; margins are shares of requests.

    `soak` and `deadline` count from the canary's first traffic.
    """

    needed: float
    ratio: float
    margin: float
    latency_margin: float
    soak: float
    deadline: float
    on_undecided: Literal["hold", "rollback", "promote"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What one release is decided by. Spans in seconds, `latency` (an edge) in milliseconds.

    `ladder` is never empty and rises strictly. `guard`, `promotion` and `ramp` are None where they
    are not asked for. `measured` tells whether there are threshold metrics at all. A freeze ends
    when the primary has met its objective for `thaw_after`: a minute, or as long as a check looks
    back.
    """

    ladder: tuple[int, ...]
    interval: float
    threshold: int
    measured: bool
    guard: GuardPolicy | None
    promotion: PromotionPolicy | None
    ramp: RampPolicy | None
    blind_timeout: float
    no_data_fails: bool
    seconds: float
    thaw_after: float = SPAN
    latency: float | None = None

    def step_above(self, weight: int) -> int | None:
        """Return the next step of the ladder, or None at its top."""
        return next((step for step in self.ladder if step > weight), None)


def policy_of(analysis: Analysis, *, seconds: float, latency: float | None = None) -> Policy:
    """Return the policy of one release, read from `spec.analysis`.

    `seconds` is the length of a tile: the scrape interval, or a multiple. `latency` is the edge in
    ms above which a request is slow, chosen before the release; None: latency is not compared.
    """
    guard = (
        guard_policy_of(analysis.guard, seconds=seconds, latency=latency)
        if analysis.guard.enabled
        else None
    )
    steps = ladder(analysis)
    if analysis.promotion.evidence:
        # At 100 there is nothing left to compare the canary with.
        steps = tuple(weight for weight in steps if weight < 100) or steps
    return Policy(
        ladder=steps,
        interval=spacing(analysis.interval.total_seconds(), seconds),
        threshold=analysis.threshold,
        measured=bool(analysis.metrics),
        guard=guard,
        promotion=_promotion(analysis, guard) if guard else None,
        ramp=RampPolicy.of(
            analysis.ramp.exposure_budget,
            analysis.max_weight,
            seconds=seconds,
            alpha=analysis.promotion.false_promotion_rate / 100,
        )
        if analysis.ramp and guard
        else None,
        blind_timeout=analysis.blind_timeout.total_seconds(),
        no_data_fails=analysis.on_no_data == "fail",
        seconds=seconds,
        thaw_after=max([SPAN, *(one.interval.total_seconds() for one in analysis.metrics)]),
        latency=latency if guard and guard.latency else None,
    )


def _promotion(analysis: Analysis, guard: GuardPolicy) -> PromotionPolicy | None:
    asked = analysis.promotion
    if not asked.evidence:
        return None
    margin = asked.margin / 100
    return PromotionPolicy(
        needed=1 / (asked.false_promotion_rate / 100),
        ratio=analysis.guard.ratio,
        margin=margin,
        latency_margin=max(margin, guard.latency.floor.rate) if guard.latency else margin,
        soak=asked.min_soak.total_seconds(),
        deadline=asked.deadline.total_seconds(),
        on_undecided=asked.on_undecided,
    )
