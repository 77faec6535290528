"""Objects as manifests have them, and where each was read."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from linnet.api.names import GROUP, KIND
from linnet.api.objects import ObjectRef, ref_of
from linnet.errors import SpecError

Object = Mapping[str, Any]
Place = tuple[str | int, ...]
Locate = Callable[[Place], str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object; its namespace is filled in. `locate` returns file and line of a field."""

    object: Object
    locate: Locate = field(compare=False, repr=False)

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return group_of(self.object)

    @property
    def kind(self) -> str:
        return str(self.object["kind"])

    @property
    def ref(self) -> ObjectRef:
        return ref_of(self.object)

    @property
    def spec(self) -> Object:
        """The spec; an empty one where there is none."""
        spec = self.object.get("spec")
        return spec if isinstance(spec, Mapping) else {}

    def annotation(self, key: str) -> str:
        """Return an annotation, or the empty string."""
        annotations = self.object["metadata"].get("annotations")
        return str(annotations.get(key) or "") if isinstance(annotations, Mapping) else ""

    def at(self, *place: str | int) -> str:
        """Return file and line of a field, or of the nearest one around it."""
        return self.locate(place)


CANARY: Final = (GROUP, KIND)
DEPLOYMENT: Final = ("apps", "Deployment")
SERVICE: Final = ("", "Service")
VIRTUAL_SERVICE: Final = ("networking.istio.io", "VirtualService")
DESTINATION_RULE: Final = ("networking.istio.io", "DestinationRule")
PEER_AUTHENTICATION: Final = ("security.istio.io", "PeerAuthentication")
APPLICATION: Final = ("argoproj.io", "Application")

REHEARSED: Final = (DEPLOYMENT, SERVICE, VIRTUAL_SERVICE, DESTINATION_RULE, PEER_AUTHENTICATION)
"""The kinds that the engine looks at; others are of interest to findings only."""


@dataclass(frozen=True, slots=True)
class Manifests:
    """All that was read, in order."""

    all: tuple[Manifest, ...]

    @classmethod
    def of(cls, found: Iterable[Manifest]) -> Self:
        """Take in what was read.

        The same object may be there more than once. Raises SpecError where two that linnet goes by
        differ, for nobody can say which of them will be there.
        """
        known: dict[tuple[str, ObjectRef], Manifest] = {}
        for one in found:
            first = known.setdefault((one.group, one.ref), one)
            if first.object != one.object and (one.group, one.kind) in (CANARY, *REHEARSED):
                raise SpecError(
                    "Ambiguous",
                    f"{one.ref} is in two places, and they differ: {first.at()}; {one.at()}: plan"
                    " one of the two at a time",
                )
        return cls(tuple(known.values()))

    def of_kind(self, *kinds: tuple[str, str]) -> Iterator[Manifest]:
        """Yield the objects of these kinds, each a pair of group and kind."""
        return (one for one in self.all if (one.group, one.kind) in kinds)

    def find(self, ref: ObjectRef) -> Manifest | None:
        """Return the manifest of an object that the engine names."""
        rehearsed = self.of_kind(CANARY, *REHEARSED)
        return next((one for one in rehearsed if one.ref == ref), None)


def group_of(obj: Object) -> str:
    """Return the API group of an object; empty for the core group."""
    group, slash, _ = str(obj.get("apiVersion", "")).partition("/")
    return group if slash else ""
