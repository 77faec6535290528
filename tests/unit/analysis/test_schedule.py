"""When checks are due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.analysis.schedule import SLOTS, first_check, next_check, spacing

AT = st.floats(1.6e9, 2e9)
BETWEEN = st.floats(1, 3600)


@pytest.mark.parametrize(
    ("interval", "scrape", "expected"),
    [
        pytest.param(60, 15, 60, id="as the Canary says"),
        pytest.param(1, 5, 5, id="no step is judged on the samples of the one before"),
        pytest.param(60, None, 60, id="as the Canary says where the scrape interval is not known"),
    ],
)
def test_checks_are_apart(interval: float, scrape: float | None, expected: float) -> None:
    assert spacing(interval, scrape) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(100.0, 110.0, id="traffic on the grid waits no longer"),
        pytest.param(100.1, 112.5, id="traffic just after it waits for the next slot"),
        pytest.param(102.5, 112.5, id="every slot will do"),
    ],
)
def test_the_first_check_falls_on_the_grid(at: float, expected: float) -> None:
    assert first_check(at, 10) == expected


@given(AT, BETWEEN)
def test_the_first_step_is_longer_by_less_than_a_slot(at: float, between: float) -> None:
    step = first_check(at, between) - at
    assert between - 1e-5 <= step < between * (1 + 1 / SLOTS) + 1e-5


@given(st.lists(AT, min_size=2, max_size=9), BETWEEN)
def test_all_releases_share_a_few_instants(begun: list[float], between: float) -> None:
    phases = {round((first_check(at, between) / between % 1) * SLOTS) % SLOTS for at in begun}
    assert len(phases) <= SLOTS


def test_a_late_check_keeps_to_the_schedule_and_a_missed_one_begins_another() -> None:
    assert next_check(110, 111.7, 10) == 120
    assert next_check(110, 131, 10) == 142.5
