"""The evidence as plain JSON, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

from linnet.analysis.dispersion import Dispersion
from linnet.analysis.evidence import RATIOS, Mixture
from linnet.analysis.guard.process import Process, Run
from linnet.analysis.policy.freeze import Freeze
from linnet.analysis.promotion import NonInferiority
from linnet.analysis.windows import Window

if TYPE_CHECKING:
    from linnet.analysis.policy.settings import Policy
    from linnet.analysis.policy.state import ReleaseState

_SHARES = len(RATIOS)
_MIXTURE = _SHARES + 1
_FLAGS = ("canary_seen", "canary_lost", "primary_lost")


def pack(policy: Policy, state: ReleaseState) -> dict[str, Any]:
    """Return the evidence of `state` and how far the tiles have been taken in."""
    known, intake, freeze = state.comparison, state.intake, state.freeze
    packed: dict[str, Any] = {
        "rules": _rules(policy),
        "tile": _time(intake.last),
        "data": _time(state.sight.last_data),
        "frozen": _time(freeze.since if freeze else None),
        "thaw": _window(freeze.trial if freeze else Window()),
        "flags": [name for name in _FLAGS if getattr(intake, name)],
        "errors": _process(known.errors),
        "windows": [*_window(known.canary), *_window(known.primary)],
        "exposure": _numbers((known.requests, known.failed)),
        "checkPassed": state.check_passed,
        "undecided": state.undecided,
        "wentBack": state.sight.went_back,
    }
    if policy.guard and policy.guard.latency:
        packed["latency"] = _process(known.latency)
    if policy.promotion:
        logs = (*known.promotion.logs, *known.latency_promotion.logs)
        packed["promotion"] = _numbers(logs)
    return packed


def unpack(policy: Policy, memory: Mapping[str, Any], fresh: ReleaseState) -> ReleaseState:
    """Return `fresh` with what the memory holds, as far as it can be read."""
    try:
        if memory.get("rules") != _rules(policy):
            return fresh
        return _unpack(policy, memory, fresh)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return fresh


def _unpack(policy: Policy, memory: Mapping[str, Any], fresh: ReleaseState) -> ReleaseState:
    known = fresh.comparison
    windows = _floats(memory["windows"], 6)
    requests, failed = _floats(memory["exposure"], 2)
    known = replace(
        known,
        errors=_process_of(memory["errors"]),
        canary=Window(*windows[:3]),
        primary=Window(*windows[3:]),
        requests=requests,
        failed=failed,
    )
    if policy.guard and policy.guard.latency:
        known = replace(known, latency=_process_of(memory["latency"]))
    if policy.promotion:
        half = len(known.promotion.logs)
        logs = _floats(memory["promotion"], 2 * half, least=-1e9)
        known = replace(
            known,
            promotion=NonInferiority(logs[:half]),
            latency_promotion=NonInferiority(logs[half:]),
        )
    flags = {name: name in memory["flags"] for name in _FLAGS}
    frozen = _time_of(memory["frozen"])
    return replace(
        fresh,
        intake=replace(fresh.intake, last=_time_of(memory["tile"]), **flags),
        sight=replace(
            fresh.sight,
            last_data=_time_of(memory["data"]),
            went_back=memory["wentBack"] is True,
        ),
        freeze=None if frozen is None else Freeze(frozen, Window(*_floats(memory["thaw"], 3))),
        check_passed=memory["checkPassed"] is True,
        undecided=memory["undecided"] is True,
        comparison=known,
    )


def _rules(policy: Policy) -> str:
    """Name the settings that evidence depends on: under others it would mean something else."""
    guard = policy.guard
    if guard is None:
        return f"{policy.seconds:g}s"
    parts = [f"{policy.seconds:g}s", f"{guard.errors.ratio:g}", f"{guard.errors.floor.rate:g}"]
    parts.append(f"{guard.needed:g}")
    if policy.latency is not None:
        parts.append(f"{policy.latency:g}ms")
    if policy.promotion:
        parts.append(f"{policy.promotion.margin:g}")
    return "/".join(parts)


def _process(process: Process) -> list[float | None]:
    scatter, run = process.dispersion, process.run
    return [
        *_numbers((*process.relative.shares, process.relative.reserve)),
        *_numbers((*process.absolute.shares, process.absolute.reserve)),
        *_numbers((scatter.tiles, scatter.requests, scatter.bad, scatter.squares)),
        *_numbers((run.canary, run.canary_bad, run.primary, run.primary_bad)),
        float(run.rising),
        _time(run.since),
    ]


def _process_of(packed: Any) -> Process:
    *numbers, since = packed
    values = _floats(numbers, 2 * _MIXTURE + 9)
    first, second, rest = values[:_MIXTURE], values[_MIXTURE : 2 * _MIXTURE], values[-9:]
    return Process(
        Mixture.of(first[:_SHARES], first[-1]),
        Mixture.of(second[:_SHARES], second[-1]),
        Dispersion(*rest[:4]),
        Run(rest[4], rest[5], rest[6], rest[7], _time_of(since), rest[8] > 0),
    )


def _window(window: Window) -> list[float]:
    return _numbers((window.seconds, window.requests, window.errors))


def _numbers(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.7g}") for value in values]


def _floats(values: Sequence[Any], count: int, least: float = 0.0) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if len(numbers) != count or not all(isfinite(n) and n >= least for n in numbers):
        raise ValueError("not the numbers that were written")
    return numbers


def _time(at: float | None) -> float | None:
    return None if at is None else round(at, 3)


def _time_of(value: Any) -> float | None:
    if value is None:
        return None
    at = float(value)
    if not isfinite(at):
        raise ValueError("not a time")
    return at
