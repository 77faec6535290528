"""What became of requests: one record each, and figures over any stretch of them. Pure."""

import bisect
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload


@dataclass(frozen=True, slots=True)
class Request:
    """One finished request.

    `at` is the time it was sent (seconds of the epoch), `seconds` how long it took to its end.
    `status` is 0 when no answer came; `reason` then says why, as it does for a failed answer.
    `version` and `pod` are empty when no pod answered.
    """

    at: float
    seconds: float
    status: int
    version: str = ""
    pod: str = ""
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Answered, and with a status below 400: what a user would call a success."""
        return 0 < self.status < 400


@dataclass(frozen=True)
class Counts:
    """How many requests ended how. `reasons` has one entry for each kind of failure."""

    sent: int
    ok: int
    failed: int
    pending: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)


class Requests(Sequence[Request]):
    """Finished requests in the order they were sent, with the figures that tests ask for."""

    def __init__(self, requests: Sequence[Request] = ()) -> None:
        self._all = sorted(requests, key=lambda request: request.at)

    def __len__(self) -> int:
        return len(self._all)

    @overload
    def __getitem__(self, index: int) -> Request: ...

    @overload
    def __getitem__(self, index: slice) -> "Requests": ...

    def __getitem__(self, index: int | slice) -> "Request | Requests":
        if isinstance(index, slice):
            return Requests(self._all[index])
        return self._all[index]

    def __iter__(self) -> Iterator[Request]:
        return iter(self._all)

    def counts(self) -> Counts:
        """How many ended how."""
        failed = self.failed()
        return Counts(
            sent=len(self._all),
            ok=len(self._all) - len(failed),
            failed=len(failed),
            statuses=Counter(request.status for request in self._all),
            reasons=Counter(request.reason for request in failed),
        )

    def between(self, start: float, end: float = math.inf) -> "Requests":
        """Those sent from `start` (included) to `end` (excluded), in seconds of the epoch."""
        first = bisect.bisect_left(self._all, start, key=lambda request: request.at)
        last = bisect.bisect_left(self._all, end, key=lambda request: request.at)
        return self[first:last]

    def failed(self) -> "list[Request]":
        """Those that did not end well, with the time and the reason of each."""
        return [request for request in self._all if not request.ok]

    def by_version(self) -> Counter[str]:
        """How many requests the pods of each version answered, well or not."""
        return Counter(request.version for request in self._all if request.version)

    def of(self, version: str) -> "Requests":
        """Those that pods of this version answered."""
        return Requests([request for request in self._all if request.version == version])

    def share(self, version: str) -> float:
        """The part (0 to 1) of the requests that a pod answered which went to this version.

        ValueError when no pod answered any.
        """
        answered = self.by_version()
        if not answered:
            raise ValueError(f"no pod answered any of {len(self._all)} requests")
        return answered[version] / answered.total()

    def latency(self, quantile: float) -> float:
        """The seconds within which this part (0 to 1) of the requests ended; nearest rank.

        ValueError when there are none.
        """
        if not self._all:
            raise ValueError("no requests to take a quantile of")
        seconds = sorted(request.seconds for request in self._all)
        return seconds[max(0, math.ceil(quantile * len(seconds)) - 1)]
