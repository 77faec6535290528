"""What a decision consists of: a status to write, then a plan to carry out in order."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from linnet.api.objects import ObjectRef
from linnet.api.status import CanaryStatus
from linnet.engine.progress import Progress

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Create:
    """Create `object`, unless there is one of its name by then."""

    ref: ObjectRef
    object: Object


@dataclass(frozen=True, slots=True)
class Scale:
    """Set the replicas of a workload that linnet does not own."""

    ref: ObjectRef
    replicas: int
    resource_version: str


@dataclass(frozen=True, slots=True)
class Replace:
    """Put `object` in place of the live one (it carries the resourceVersion it replaces)."""

    ref: ObjectRef
    object: Object


@dataclass(frozen=True, slots=True)
class Patch:
    """Change some places in an object of the user's own (RFC 6902), and nothing else of it.

    `content` says what it has of linnet's then. One that is `urgent` takes requests from where
    they should not be.
    """

    ref: ObjectRef
    operations: tuple[Mapping[str, Any], ...]
    resource_version: str
    content: str
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the object if it is still the one that was observed."""

    ref: ObjectRef
    uid: str


@dataclass(frozen=True, slots=True)
class SetFinalizers:
    """Set the finalizers of the Canary itself."""

    ref: ObjectRef
    finalizers: tuple[str, ...]
    resource_version: str


@dataclass(frozen=True, slots=True)
class RemoveAnnotation:
    """Remove an annotation of the Canary itself."""

    ref: ObjectRef
    key: str
    resource_version: str


Action = Create | Scale | Replace | Patch | Delete | SetFinalizers | RemoveAnnotation


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes Event to post on the Canary."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The next status, the plan that follows from it, and when to look again at the latest.

    `progress` is how far the analysis has come, to be handed in with the next observation; None
    while nothing is analysed. `announcement` tells of a release that ends with this status.
    """

    status: CanaryStatus
    actions: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()
    wake_at: datetime | None = None
    progress: Progress | None = None
    announcement: Mapping[str, Any] | None = None
