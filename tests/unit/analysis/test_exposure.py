"""The weight that an exposure budget allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.analysis.exposure import TOP, RampPolicy

RAMP = RampPolicy.of(20, 100, seconds=5, alpha=0.05)


@pytest.mark.parametrize(
    ("rps", "weight"),
    [
        pytest.param(0, 20, id="without traffic nothing is at risk, but not more than 20 at first"),
        pytest.param(5, 20, id="20 of 100 requests in 20 s"),
        pytest.param(50, 2, id="20 of 1000 requests in 20 s"),
        pytest.param(5000, 1, id="never less than 1"),
    ],
)
def test_the_first_weight_keeps_a_total_failure_within_the_budget(rps: float, weight: int) -> None:
    assert RAMP.first_weight(rps) == weight


@pytest.mark.parametrize(
    ("weight", "requests", "errors", "expected"),
    [
        pytest.param(2, 5, 0, 3, id="a few clean requests: a little more"),
        pytest.param(2, 1000, 0, 6, id="at most three times as much"),
        pytest.param(30, 1000, 0, TOP, id="no further than half of the traffic"),
        pytest.param(30, 400, 80, 7, id="failures bring it down"),
        pytest.param(30, 0, 0, 30, id="nothing known: nothing changes"),
    ],
)
def test_the_weight_follows_what_the_canary_may_fail(
    weight: int, requests: float, errors: float, expected: int
) -> None:
    assert (
        RAMP.next_weight(weight, rps=50, requests=requests, errors=errors, baseline=0.005)
        == expected
    )


def test_max_weight_is_kept_to() -> None:
    ramp = RampPolicy.of(20, 10, seconds=5, alpha=0.05)
    assert ramp.next_weight(9, rps=50, requests=1e6, errors=0, baseline=0) == 10
    assert ramp.first_weight(0.1) == 10


@given(st.integers(1, 50), st.floats(0, 1e5), st.floats(0, 1e9), st.floats(0, 1), st.floats(0, 1))
def test_weights_stay_in_their_bounds(
    weight: int, rps: float, requests: float, share: float, baseline: float
) -> None:
    following = RAMP.next_weight(
        weight, rps=rps, requests=requests, errors=requests * share, baseline=baseline
    )
    assert 1 <= following <= max(TOP, weight)
    assert following <= max(3 * weight, RAMP.first_weight(rps))
