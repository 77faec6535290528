"""The steps that a release takes, up and back."""

from typing import Any

import pytest

from linnet.analysis.ramps import ladder, next_weight, weight_on_the_way_back
from linnet.api.canary import Analysis


def _analysis(**fields: Any) -> Analysis:
    return Analysis.model_validate({"interval": "10s", **fields})


@pytest.mark.parametrize(
    ("fields", "weights"),
    [
        pytest.param({"stepWeights": [1, 5, 50]}, (1, 5, 50), id="as they are listed"),
        pytest.param({"stepWeight": 25}, (25, 50, 75, 100), id="by equal steps, to everything"),
        pytest.param({"stepWeight": 20, "maxWeight": 60}, (20, 40, 60), id="to the greatest"),
        pytest.param({"stepWeight": 20, "maxWeight": 50}, (20, 40, 50), id="never beyond it"),
        pytest.param({"stepWeight": 50, "maxWeight": 50}, (50,), id="in a single step"),
    ],
)
def test_the_ladder(fields: dict[str, Any], weights: tuple[int, ...]) -> None:
    assert ladder(_analysis(**fields)) == weights


@pytest.mark.parametrize(
    ("weight", "following"),
    [
        pytest.param(0, 10, id="the first"),
        pytest.param(10, 30, id="the one above"),
        pytest.param(20, 30, id="from between two, as the ladder was edited, the higher one"),
        pytest.param(30, None, id="none at the top"),
        pytest.param(80, None, id="none from beyond the top"),
    ],
)
def test_the_next_step(weight: int, following: int | None) -> None:
    assert next_weight(_analysis(stepWeights=[10, 30]), weight) == following


def test_traffic_returns_in_one_jump_unless_steps_are_asked_for() -> None:
    assert weight_on_the_way_back(_analysis(stepWeight=10), 50) == 0
    in_steps = _analysis(stepWeight=10, stepWeightPromotion=40)
    assert [weight_on_the_way_back(in_steps, weight) for weight in (100, 60, 20)] == [60, 20, 0]
