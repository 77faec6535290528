"""Builders: requests, states of a Canary, frames."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cluster.traffic import Request, Requests
from demo.frame import Act, Frame
from linnet.api.status import CanaryStatus

START = 1_000_000.0


def timestamp(at: float) -> str:
    """Return seconds since START as the status writes them."""
    return datetime.fromtimestamp(START + at, UTC).isoformat().replace("+00:00", "Z")


def canary(phase: str, weight: int = 0, at: float = 0.0, **status: Any) -> dict[str, Any]:
    """Return a Canary that came to this phase and weight at some time after START."""
    return {
        "status": {
            "phase": phase,
            "canaryWeight": weight,
            "lastTransitionTime": timestamp(at),
            **status,
        }
    }


def decision(at: float, message: str, verdict: str = "passed", weight: int = 10) -> dict[str, Any]:
    """Return an entry of status.decisions."""
    return {
        "time": timestamp(at),
        "verdict": verdict,
        "weight": weight,
        "reason": "Advanced",
        "message": message,
    }


def request(
    at: float, version: str = "1.0.0", *, canary: bool = False, ok: bool = True, ms: float = 2.0
) -> Request:
    """Return a request that a pod answered."""
    pod = f"podinfo-{'' if canary else 'primary-'}7d9f-abcde"
    reason = "" if ok else f"500: pod {pod}"
    return Request(START + at, ms / 1000, 200 if ok else 500, version, pod, reason)


def unanswered(at: float) -> Request:
    """Return a request that no pod answered."""
    return Request(START + at, 0.001, 503, reason="503: no healthy upstream")


def traffic(*requests: Request) -> Requests:
    return Requests(requests)


def frame(act: Act = Act.GOOD, *, at: float = 30.0, status: Any = None, **changes: Any) -> Frame:
    """Return a moment; a release began 10 s after START, and linnet took notice at once."""
    release = "1.2.0-errors-20" if act is Act.BAD else "1.1.0"
    base = Frame(
        act=act,
        began=START,
        now=START + at,
        version=release if act >= Act.GOOD else "1.0.0",
        before="1.0.0",
        interval=5.0,
        threshold=2,
        ladder=(10, 25, 50),
        releases=((START + 10, release, act is Act.BAD),) if act >= Act.GOOD else (),
        status=CanaryStatus.from_object({"startedAt": timestamp(10), **(status or {})}),
        rps=60.0,
    )
    return replace(base, **changes)
