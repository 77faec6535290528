"""What is known at one instant: everything a decision may depend on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from linnet.analysis.measurement import Measurement
from linnet.api.objects import ObjectRef

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Observation:
    """The cluster as seen from watch caches, and fresh measurements.

    `objects` holds the live objects among those that this Canary reads or writes (target,
    primary, Services, DestinationRules, VirtualService), whole but for managedFields.
    `endpoints` counts the ready endpoints of a Service of the Canary's namespace, by its name.
    `neighbours` are objects of others that may conflict: VirtualServices that share a host,
    DestinationRules whose host covers ours, PeerAuthentications that apply.
    `measurements` answer what `wanted_measurements` asked for, and are empty otherwise.
    """

    objects: Mapping[ObjectRef, Object] = field(default_factory=dict)
    endpoints: Mapping[str, int] = field(default_factory=dict)
    neighbours: tuple[Object, ...] = ()
    measurements: tuple[Measurement, ...] = ()
