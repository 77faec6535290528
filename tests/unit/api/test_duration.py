"""Durations in Go's syntax."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.api.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("1s", timedelta(seconds=1)),
        ("90s", timedelta(seconds=90)),
        ("1m30s", timedelta(seconds=90)),
        ("1.5h", timedelta(minutes=90)),
        ("250ms", timedelta(milliseconds=250)),
        ("0.001ms", timedelta(microseconds=1)),
        ("1s1s", timedelta(seconds=2)),
        ("0s", timedelta()),
    ],
)
def test_reads(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text",
    ["", "1", "s", "-1s", "1d", "1 s", "1s ", "1S", ".5s", "1.s", "1us", "1s\n", "1٣s", "1e3s"],
)
def test_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="no duration such as 30s or 1m30s"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(), "0s"),
        (timedelta(seconds=60), "1m"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(hours=24), "24h"),
        (timedelta(seconds=2.5), "2.5s"),
        (timedelta(milliseconds=250), "250ms"),
        (timedelta(hours=1, microseconds=1), "1h0.001ms"),
    ],
)
def test_writes(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text


@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(hours=24)))
def test_what_is_written_is_read_back(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration
