"""Fights over an object: at once at first, then with growing patience."""

from datetime import UTC, datetime, timedelta

import pytest

from linnet.contest import AT_ONCE, FORGOTTEN_AFTER, LONGEST, Contests

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def fought(rounds: int, contests: Contests | None = None) -> Contests:
    """Return contests where `x` was written, and had to be restored so many times."""
    contests = contests or Contests()
    for _ in range(rounds + 1):
        contests.written("route", "x", NOW)
    return contests


@pytest.mark.parametrize("rounds", range(AT_ONCE))
def test_the_first_restorations_come_at_once(rounds: int) -> None:
    assert fought(rounds).allowed_at("route", "x", NOW) == NOW


def test_after_that_each_waits_longer_up_to_a_limit() -> None:
    waits = [fought(AT_ONCE + n).allowed_at("route", "x", NOW) - NOW for n in range(8)]
    seconds = [wait.total_seconds() for wait in waits]
    assert seconds == [1, 2, 4, 8, 16, 30, 30, 30]


def test_nobody_waits_long_while_the_canary_gets_more_than_it_should() -> None:
    waits = [fought(AT_ONCE + n).allowed_at("route", "x", NOW, urgent=True) - NOW for n in range(8)]
    assert {wait.total_seconds() for wait in waits} == {1}


def test_a_fight_may_last_for_ever() -> None:
    assert fought(5000).allowed_at("route", "x", NOW) == NOW + LONGEST


def test_new_content_never_waits() -> None:
    assert fought(20).allowed_at("route", "y", NOW) == NOW


def test_another_object_never_waits() -> None:
    assert fought(20).allowed_at("rule", "x", NOW) == NOW


def test_a_fight_is_forgotten_after_some_peace() -> None:
    later = NOW + FORGOTTEN_AFTER + timedelta(seconds=1)
    contests = fought(20)
    assert contests.allowed_at("route", "x", later) == later
    assert contests.written("route", "x", later) == 1


def test_new_content_does_not_end_a_fight() -> None:
    contests = fought(20)
    contests.written("route", "y", NOW)
    assert contests.written("route", "y", NOW) > AT_ONCE
    assert contests.allowed_at("route", "y", NOW) == NOW + LONGEST


def test_the_first_write_is_no_restoration() -> None:
    contests = Contests()
    assert contests.written("route", "x", NOW) == 0
    assert contests.written("route", "y", NOW) == 0
    assert contests.written("route", "y", NOW) == 1
