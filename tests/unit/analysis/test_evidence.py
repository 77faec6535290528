"""E-processes: what they promise under the null, and that they find what they are for."""

from itertools import product
from math import comb, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.analysis.evidence import RATIOS, Floor, Mixture, absolute, relative

FLOOR = Floor.at(0.005)


def binomial(n: int, p: float) -> list[float]:
    return [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


def test_the_worked_example_comes_out_to_its_digits() -> None:
    cap = log(2 / 0.05) / 2
    mixture, seen = Mixture(), []
    for _ in range(3):
        mixture = mixture.after(relative(75, 4, 675, 3, 1.25), cap)
        seen.append(mixture.value)
    assert [f"{seen[0]:.1f}", f"{seen[1]:.0f}", f"{seen[2]:.0f}"] == ["2.8", "14", "85"]


@pytest.mark.parametrize("rate", [0.0, 0.001, 0.01, 0.1, 0.4, 0.8, 1.0])
@pytest.mark.parametrize(("canary", "primary"), [(1, 1), (2, 15), (12, 4), (8, 30)])
@pytest.mark.parametrize(("cap", "dispersion"), [(300.0, 1.0), (0.9, 1.0), (300.0, 4.0), (1.8, 2)])
@pytest.mark.parametrize("ratio", [1.0, 1.25, 3.0])
def test_no_worse_than_the_primary_is_expected_to_give_no_evidence(
    rate: float, canary: int, primary: int, cap: float, dispersion: float, ratio: float
) -> None:
    tried = binomial(canary, min(1.0, ratio * rate))
    served = binomial(primary, rate)
    expected = 0.0
    for bad, failed in product(range(canary + 1), range(primary + 1)):
        after = Mixture().after(relative(canary, bad, primary, failed, ratio), cap, dispersion)
        expected += tried[bad] * served[failed] * after.value
    assert expected <= 1 + 1e-9


@pytest.mark.parametrize("rate", [0.0, 0.001, 0.005])
@pytest.mark.parametrize("requests", [1, 3, 75, 400])
@pytest.mark.parametrize(("cap", "dispersion"), [(300.0, 1.0), (0.9, 1.0), (300.0, 4.0)])
def test_below_the_floor_is_expected_to_give_no_evidence(
    rate: float, requests: int, cap: float, dispersion: float
) -> None:
    chances = binomial(requests, rate)
    expected = sum(
        chance * Mixture().after(absolute(requests, bad, FLOOR), cap, dispersion).value
        for bad, chance in enumerate(chances)
    )
    assert expected <= 1 + 1e-9


@given(
    values=st.lists(st.floats(1e-6, 1e3), min_size=len(RATIOS), max_size=len(RATIOS)),
    reserve=st.floats(0, 0.5),
    ceiling=st.floats(1, 100),
)
def test_nothing_is_gained_between_tiles(
    values: list[float], reserve: float, ceiling: float
) -> None:
    before = Mixture.of(values, reserve)
    for nothing in ([], [0.0] * len(RATIOS)):
        after = before.after(nothing, ceiling=ceiling)
        assert after.value <= before.value * (1 + 1e-12)


COUNTS = st.integers(1, 500)


@given(canary=COUNTS, primary=COUNTS, data=st.data())
def test_more_failures_of_the_canary_are_more_evidence(
    canary: int, primary: int, data: st.DataObject
) -> None:
    bad = data.draw(st.integers(0, canary - 1))
    failed = data.draw(st.integers(0, primary))
    less = Mixture().after(relative(canary, bad, primary, failed, 1.25)).value
    more = Mixture().after(relative(canary, bad + 1, primary, failed, 1.25)).value
    assert more >= less * (1 - 1e-12)
    less, more = (
        Mixture().after(absolute(canary, errors, FLOOR)).value for errors in (bad, bad + 1)
    )
    assert more >= less


@given(canary=COUNTS, primary=COUNTS, data=st.data())
def test_more_failures_of_the_primary_are_less_evidence(
    canary: int, primary: int, data: st.DataObject
) -> None:
    bad = data.draw(st.integers(0, canary))
    failed = data.draw(st.integers(0, primary - 1))
    more = Mixture().after(relative(canary, bad, primary, failed, 1.25)).value
    less = Mixture().after(relative(canary, bad, primary, failed + 1, 1.25)).value
    assert less <= more * (1 + 1e-12)


@given(tenth=st.integers(1, 50), parts=st.integers(2, 5), data=st.data())
def test_a_tile_in_parts_is_as_much_evidence_as_the_whole(
    tenth: int, parts: int, data: st.DataObject
) -> None:
    """Where the weight stays, and but for the change point and the cap."""
    canary, primary = tenth, 9 * tenth
    bads = [data.draw(st.integers(0, canary)) for _ in range(parts)]
    fails = [data.draw(st.integers(0, primary)) for _ in range(parts)]
    whole = relative(parts * canary, sum(bads), parts * primary, sum(fails), 1.25) or [0.0] * 8
    summed = [0.0] * 8
    for bad, failed in zip(bads, fails, strict=True):
        part = relative(canary, bad, primary, failed, 1.25) or [0.0] * 8
        summed = [a + b for a, b in zip(summed, part, strict=True)]
    assert summed == pytest.approx(whole, abs=1e-6)
    whole = absolute(parts * canary, sum(bads), FLOOR)
    pieces = [absolute(canary, bad, FLOOR) for bad in bads]
    assert [sum(column) for column in zip(*pieces, strict=True)] == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("healthy", [0, 60, 720])
def test_a_long_healthy_history_does_not_mask_a_late_fault(healthy: int) -> None:
    mixture, needed = Mixture(), 0
    for _ in range(healthy):
        mixture = mixture.after(absolute(25, 0, FLOOR))
    while mixture.value < 20:
        mixture = mixture.after(absolute(25, 2, FLOOR))
        needed += 1
    assert needed <= 5


def test_what_was_too_much_long_ago_does_not_stand_in_for_what_is_lacking() -> None:
    mixture = Mixture()
    for _ in range(50):  # ten times as bad as the primary, in what may be below the floor
        mixture = mixture.after(relative(100, 5, 900, 4, 1.25), ceiling=20)
    mixture = mixture.after(relative(100, 20, 900, 180, 1.25), ceiling=20)  # now both fail alike
    assert mixture.value < 20


def test_no_requests_on_one_side_tell_nothing() -> None:
    assert relative(0, 0, 900, 4, 1.25) == []
    assert relative(100, 50, 0, 0, 1.25) == []


def test_no_tile_overflows() -> None:
    mixture = Mixture()
    for _ in range(20):
        mixture = mixture.after(relative(1e6, 1e6, 1e7, 0, 1.25))
        assert 1e100 < mixture.value < float("inf")
