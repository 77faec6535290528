"""The ladder of weights that a release climbs, and the way back."""

from linnet.api.canary import Analysis


def ladder(analysis: Analysis) -> tuple[int, ...]:
    """Return the canary's weights in the order they are tried; strictly rising, never empty.

    Explicit `stepWeights` are the ladder. Else the weight grows by `stepWeight` and the last step
    is `maxWeight` exactly, also where it is no multiple of the step.
    """
    if analysis.step_weights:
        return tuple(analysis.step_weights)
    step = analysis.step_weight or analysis.max_weight
    return (*range(step, analysis.max_weight, step), analysis.max_weight)


def next_weight(analysis: Analysis, weight: int) -> int | None:
    """Return the step above `weight`, or None at the top of the ladder.

    A weight that is on no step (the ladder was edited in mid-run) continues at the next higher one.
    """
    return next((step for step in ladder(analysis) if step > weight), None)


def weight_on_the_way_back(analysis: Analysis, weight: int) -> int:
    """Return the canary's next weight while traffic returns to the promoted primary.

    One jump to 0, unless `stepWeightPromotion` asks for steps.
    """
    return max(0, weight - analysis.step_weight_promotion) if analysis.step_weight_promotion else 0
