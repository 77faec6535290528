"""Recorded traffic: JSON Lines, one interval each, as `linnet replay --samples` reads them.

    {"time": 15, "canary": {"requests": 75, "errors": 4}, "primary": {"requests": 675, "errors": 3}}

`time` is the end of the interval in seconds; counts are increments, not totals. A side that is
missing had no data in that interval.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from linnet.analysis.tiles import Counts, Tile
from linnet.errors import SpecError

DEFAULT_SECONDS: Final = 15.0
"""The length of the interval when there is but one."""
_FIELDS: Final = ("time", "canary", "primary")
_COUNTS: Final = ("requests", "errors", "slow")
_SHORTEST: Final = 0.001
_LARGEST: Final = 1e15
_SAME: Final = 0.01
"""By how much of its length an interval may be longer or shorter than the others."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What happened in the interval that ended at second `at`."""

    at: float
    tile: Tile


@dataclass(frozen=True, slots=True)
class Recording:
    """Intervals of equal length, `seconds` each, without a gap; never empty.

    `edge` is the duration in ms above which requests count as slow; 0 where it is not known, as it
    makes no difference to the counts.
    """

    seconds: float
    intervals: tuple[Recorded, ...]
    edge: float = 0.0

    @property
    def began(self) -> float:
        """When the first interval began."""
        return self.intervals[0].at - self.seconds

    @property
    def measures_slow(self) -> bool:
        """Whether some interval says how many requests were slow."""
        return any(
            side is not None and side.slow is not None
            for interval in self.intervals
            for side in (interval.tile.canary, interval.tile.primary)
        )


def read(lines: Iterable[str], source: str) -> Recording:
    """Return the recording that these lines hold; blank ones are skipped.

    Raises SpecError("InvalidSamples") that names `source`, the line and what is wrong with it.
    """
    intervals: list[Recorded] = []
    seconds = DEFAULT_SECONDS
    for number, line in _numbered(lines):
        where = f"{source}, line {number}"
        interval = _interval(line, where)
        if len(intervals) == 1:
            seconds = interval.at - intervals[0].at
        if intervals:
            _check_follows(interval.at, intervals[-1].at, seconds, len(intervals) == 1, where)
        intervals.append(interval)
    if not intervals:
        raise _refused(f"{source} is empty: give one interval a line, such as {_example()}")
    return Recording(seconds, tuple(intervals))


def write(recording: Recording) -> Iterator[str]:
    """Yield the recording's lines, as `read` takes them."""
    for interval in recording.intervals:
        sides = {"canary": interval.tile.canary, "primary": interval.tile.primary}
        values: dict[str, Any] = {"time": _plain(interval.at)}
        for name, side in sides.items():
            if side is not None:
                counts = {"requests": side.requests, "errors": side.errors, "slow": side.slow}
                values[name] = {k: _plain(v) for k, v in counts.items() if v is not None}
        yield json.dumps(values)


def _numbered(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, line


def _check_follows(at: float, before: float, seconds: float, second: bool, where: str) -> None:
    """Refuse a time that does not come one interval after the one before it."""
    if at <= before:
        raise _refused(
            f"{where}: time {at:g} comes after time {before:g}: sort the lines by time, with one"
            " line for each interval"
        )
    if second:
        if seconds < _SHORTEST:
            raise _refused(f"{where}: an interval of {seconds:g} s is too short: use seconds")
        return
    if abs(at - before - seconds) > seconds * _SAME:
        expected = before + seconds
        raise _refused(
            f"{where}: time is {at:.12g}, but {expected:.12g} comes {seconds:g} s after"
            f" {before:.12g}: intervals must be equally long, without a gap; write"
            f' {{"time": {expected:.12g}}} for one without data'
        )


def _interval(line: str, where: str) -> Recorded:
    values = _json(line, where)
    _only(values, _FIELDS, where, "")
    if "time" not in values:
        raise _refused(f"{where}: time is missing: the second at which the interval ended")
    at = _number(values["time"], where, "time")
    canary, primary = (_side(values.get(name), where, name) for name in ("canary", "primary"))
    return Recorded(at, Tile(canary, primary))


def _json(line: str, where: str) -> Mapping[str, Any]:
    def refuse(name: str) -> float:
        raise _refused(f"{where}: {name} is no number to judge by: leave the side out instead")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise _refused(f"{where}: {twice} is there twice")
        return found

    try:
        values = json.loads(line, parse_constant=refuse, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise _refused(
            f"{where}: this is no JSON ({error.msg}, column {error.colno}): give one interval a"
            f" line, such as {_example()}"
        ) from error
    except (RecursionError, ValueError) as error:
        raise _refused(f"{where}: this is no JSON that makes sense here: {error}") from error
    if not isinstance(values, dict):
        raise _refused(f"{where}: this is no object: give one interval a line, as {_example()}")
    return values


def _side(values: Any, where: str, side: str) -> Counts | None:
    if values is None:
        return None
    if not isinstance(values, dict):
        raise _refused(f'{where}: {side} must be an object such as {{"requests": 75, "errors": 4}}')
    _only(values, _COUNTS, where, f"{side}.")
    counts = {}
    for name in _COUNTS:
        if name == "slow" and values.get(name) is None:
            continue
        if name in values:
            counts[name] = _count(values[name], where, f"{side}.{name}")
        else:
            raise _refused(f"{where}: {side}.{name} is missing")
    for name in ("errors", "slow"):
        if counts.get(name, 0.0) > counts["requests"]:
            raise _refused(
                f"{where}: {side}.{name} is {counts[name]:g}, more than the {counts['requests']:g}"
                " requests it is a part of"
            )
    return Counts(counts["requests"], counts["errors"], counts.get("slow"))


def _only(values: Mapping[str, Any], known: tuple[str, ...], where: str, prefix: str) -> None:
    for name in values:
        if name not in known:
            raise _refused(f"{where}: {prefix}{name} is not known: there are {', '.join(known)}")


def _count(value: Any, where: str, field: str) -> float:
    number = _number(value, where, field)
    if number < 0:
        raise _refused(
            f"{where}: {field} is {number:g}: counts are increments, and never negative (was a"
            " counter reset? then leave the side out)"
        )
    return number


def _number(value: Any, where: str, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _refused(f"{where}: {field} must be a number, not {json.dumps(value):.60}")
    if not -_LARGEST <= value <= _LARGEST or math.isnan(value):
        raise _refused(f"{where}: {field} is out of bounds: it must be below 1e15")
    return float(value)


def _plain(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _example() -> str:
    return (
        '{"time": 15, "canary": {"requests": 75, "errors": 4},'
        ' "primary": {"requests": 675, "errors": 3}}'
    )


def _refused(sentence: str) -> SpecError:
    return SpecError("InvalidSamples", sentence)
