"""What users' requests say about both sides. Pure."""

from collections import Counter
from dataclasses import dataclass

from cluster.traffic import Requests


@dataclass(frozen=True)
class Side:
    """What one side did with the requests of some stretch of time; None where there were none.

    `share` is its part of all answered requests, `succeeded` the part of its own that went well,
    both 0 to 1; `p50` and `p99` are latencies in seconds, as the client saw them.
    """

    name: str
    version: str
    requests: int = 0
    share: float | None = None
    succeeded: float | None = None
    p50: float | None = None
    p99: float | None = None


def sides(requests: Requests, app: str, primary: str, canary: str) -> tuple[Side, Side]:
    """Return figures of the primary's and of the canary's pods.

    The versions are for a side that answered nothing; else its last answer tells.
    """
    answered = [request for request in requests if request.pod]
    prefix = f"{app}-primary-"
    mine = Requests([request for request in answered if request.pod.startswith(prefix)])
    theirs = Requests([request for request in answered if not request.pod.startswith(prefix)])
    return (
        _side("primary", mine, len(answered), primary),
        _side("canary", theirs, len(answered), canary),
    )


def _side(name: str, requests: Requests, all_answered: int, version: str) -> Side:
    if not requests:
        return Side(name, version, share=0.0 if all_answered else None)
    return Side(
        name,
        requests[-1].version,
        len(requests),
        len(requests) / all_answered,
        requests.counts().ok / len(requests),
        requests.latency(0.5),
        requests.latency(0.99),
    )


def blame(requests: Requests) -> Counter[str]:
    """Return how many requests failed by the version that failed them.

    Those that no pod answered are counted under the empty version.
    """
    return Counter(request.version for request in requests.failed())
