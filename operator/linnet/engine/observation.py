"""What is known at one instant: everything a decision may depend on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from linnet.analysis.measurement import Measurement
from linnet.analysis.watch import Baseline, TileReading
from linnet.api.objects import ObjectRef
from linnet.engine.progress import Progress
from linnet.errors import SpecError

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Observation:
    """The cluster as seen from watch caches, and fresh measurements.

    `objects` holds the live objects among those that this Canary reads or writes (target,
    primary, Services, DestinationRules, VirtualServices), whole but for managedFields.
    `endpoints` counts the ready endpoints of a Service of the Canary's namespace, by its name.
    `neighbours` are objects of others that may conflict: VirtualServices that share a host or
    delegate to ours, DestinationRules whose host covers ours, PeerAuthentications that apply.
    `adopters` are the other Canaries that write weights into the same VirtualServices, as
    NAMESPACE/NAME. `unguarded` says why nothing keeps others from resetting adopted weights, and
    is empty where a MutatingAdmissionPolicy does, or nobody knows.
    `measurements` answer what `wanted_measurements` asked for, and are empty otherwise.
    `progress` is what the last decision said of how far the analysis has come; None after a
    restart. `baseline` answers what `wanted_baseline` asked for. `tiles` are those since, in order;
    some of them may be counted in already. `unanswered` says why Prometheus gives none.
    `refusal` is what the API server said to the last action that it did not take.
    """

    objects: Mapping[ObjectRef, Object] = field(default_factory=dict)
    endpoints: Mapping[str, int] = field(default_factory=dict)
    neighbours: tuple[Object, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    adopters: frozenset[str] = frozenset()
    unguarded: str = ""
    progress: Progress | None = None
    baseline: Baseline | None = None
    tiles: tuple[TileReading, ...] = ()
    unanswered: str = ""
    refusal: SpecError | None = None
