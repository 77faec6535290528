"""What a reconcile needs from outside, as small protocols."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from linnet.analysis.measurement import Measurement, Query
from linnet.analysis.watch import Baseline, TileSpan, Watch
from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef
from linnet.api.status import CanaryStatus
from linnet.engine.decision import Action, Event
from linnet.engine.observation import Observation
from linnet.errors import SpecError


@dataclass(frozen=True, slots=True)
class Observed:
    """A Canary and its surroundings, read from the caches in one go (no await in between).

    With a `problem` the Canary's spec does not parse: it has its metadata and status only.
    """

    canary: Canary
    observation: Observation
    problem: SpecError | None = None


class Cluster(Protocol):
    """The Kubernetes API, as one Canary's reconcile sees it."""

    def observe(self, ref: ObjectRef) -> Observed | None:
        """Return the Canary and what is around it; None once it is gone."""
        ...

    async def write_status(self, canary: Canary, status: CanaryStatus) -> None:
        """Write the status on the version of the Canary that was observed.

        Later calls of `observe` see it. Raises ConflictError, UnavailableError.
        """
        ...

    async def carry_out(self, canary: Canary, action: Action) -> None:
        """Carry out one action; repeating it does no harm. Later calls of `observe` see it.

        Raises ConflictError, UnavailableError, or SpecError when the API server refuses it.
        """
        ...

    async def post(self, canary: Canary, event: Event) -> None:
        """Post an Event; never raises."""
        ...


class Outcomes(Protocol):
    """Who is told what releases came to."""

    def announce(self, announcement: Mapping[str, Any]) -> None:
        """Pass on what `linnet.engine.announcement` has made; never waits, never raises."""
        ...


class Metrics(Protocol):
    """Where measurements come from."""

    async def measure(self, queries: Sequence[Query]) -> tuple[Measurement, ...]:
        """Return one measurement for each query, in order; never raises: absence says why."""
        ...


class Tiles(Protocol):
    """Where the guard's counts come from."""

    async def baseline(self, server: str, namespace: str, primary: str) -> Baseline:
        """Return how the tiles of a release are counted, and the primary's tiles until now.

        To be asked before the canary has traffic; `server` as in `Query`. Never raises.
        """
        ...

    async def read(self, watch: Watch, since: float) -> TileSpan:
        """Return each tile of the release that ended after `since` (seconds since the epoch).

        The same numbers whenever it is asked: one by one, or all at once after a restart. Never
        raises.
        """
        ...
