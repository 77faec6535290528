"""Evidence that a canary is not worse than it may be."""

from itertools import product
from math import comb

import pytest

from linnet.analysis.promotion import NonInferiority


def binomial(n: int, p: float) -> list[float]:
    return [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


def tile(
    before: NonInferiority,
    counts: tuple[float, float, float, float],
    margin: float = 0.01,
    dispersion: float = 1.0,
) -> NonInferiority:
    return before.after(*counts, ratio=1.25, margin=margin, dispersion=dispersion)


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.2, 0.7])  # 0.7: the canary fails nearly all
@pytest.mark.parametrize(("canary", "primary"), [(1, 1), (4, 20), (20, 4)])
@pytest.mark.parametrize("margin", [0.01, 0.1])
@pytest.mark.parametrize("dispersion", [1.0, 3.0])
def test_a_canary_that_is_just_too_bad_is_expected_to_give_no_evidence(
    rate: float, canary: int, primary: int, margin: float, dispersion: float
) -> None:
    tried = binomial(canary, 1.25 * rate + margin)
    served = binomial(primary, rate)
    expected = sum(
        tried[bad]
        * served[failed]
        * tile(NonInferiority(), (canary, bad, primary, failed), margin, dispersion).value
        for bad, failed in product(range(canary + 1), range(primary + 1))
    )
    assert expected <= 1 + 1e-9


def test_without_failures_it_takes_about_380_requests() -> None:
    evidence, requests = NonInferiority(), 0
    while evidence.value < 20:
        evidence = tile(evidence, (10, 0, 90, 0))
        requests += 10
    assert requests == 380
    assert NonInferiority().clean_requests_to(20, 0.01) == pytest.approx(requests, abs=10)


@pytest.mark.parametrize(
    ("counts", "promoted"),
    [
        pytest.param((100, 0, 900, 4), True, id="better than the primary"),
        pytest.param((100, 0.5, 900, 4.5), True, id="as good as the primary"),
        pytest.param((100, 2, 900, 4.5), False, id="worse by more than the margin"),
        pytest.param((100, 5, 900, 45), True, id="both fail alike, and there is much to compare"),
        pytest.param((100, 0, 0, 0), False, id="nothing to compare with"),
        pytest.param((0, 0, 900, 4), False, id="no requests to the canary"),
    ],
)
def test_evidence_after_a_hundred_tiles(
    counts: tuple[float, float, float, float], promoted: bool
) -> None:
    evidence = NonInferiority()
    for _ in range(100):
        evidence = tile(evidence, counts)
    assert (evidence.value >= 20) is promoted


def test_failures_count_against_it_and_what_is_left_to_do_grows() -> None:
    clean, dirty = (tile(NonInferiority(), (100, bad, 900, 4)) for bad in (0, 3))
    assert dirty.value < clean.value
    assert dirty.clean_requests_to(20, 0.01) > clean.clean_requests_to(20, 0.01) > 0
