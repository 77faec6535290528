"""Which Canaries an object concerns, so that a change wakes these and no others."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from linnet.adapters.kinds import DEPLOYMENT, DESTINATION_RULE, SERVICE, VIRTUAL_SERVICE
from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef
from linnet.routing.adoption import adopted_refs

K = TypeVar("K")
V = TypeVar("V")


class Multimap(Generic[K, V]):
    """Many values for a key; a value is kept once."""

    def __init__(self) -> None:
        self._values: dict[K, set[V]] = {}

    def __getitem__(self, key: K) -> frozenset[V]:
        return frozenset(self._values.get(key, ()))

    def __iter__(self) -> Iterator[K]:
        return iter(self._values)

    def move(self, value: V, old: Iterable[K], new: Iterable[K]) -> None:
        """Take a value from its old keys and put it under the new ones."""
        for key in old:
            values = self._values.get(key, set())
            values.discard(value)
            if not values:
                self._values.pop(key, None)
        for key in new:
            self._values.setdefault(key, set()).add(value)


class HostIndex:
    """Values by the hosts they are for; a host may be a wildcard (`*`, `*.example.com`)."""

    def __init__(self) -> None:
        self._exact: Multimap[str, ObjectRef] = Multimap()
        self._wild: Multimap[str, ObjectRef] = Multimap()

    def move(self, ref: ObjectRef, old: Iterable[str], new: Iterable[str]) -> None:
        """Take an object from its old hosts and put it under the new ones."""
        old, new = list(old), list(new)
        self._exact.move(ref, filter(_plain, old), filter(_plain, new))
        self._wild.move(ref, filter(_wildcard, old), filter(_wildcard, new))

    def covering(self, hosts: Iterable[str]) -> set[ObjectRef]:
        """Return what is for one of the hosts, or for some that a host stands for."""
        found: set[ObjectRef] = set()
        for host in hosts:
            found |= self._exact[host]
            for pattern in self._wild:
                if _overlap(pattern, host):
                    found |= self._wild[pattern]
            if _wildcard(host):
                for exact in self._exact:
                    if _overlap(host, exact):
                        found |= self._exact[exact]
        return found


def related(canary: Canary) -> tuple[ObjectRef, ...]:
    """Return the objects that this Canary reads or writes, as far as it names them."""
    names = [(DEPLOYMENT, canary.target_name), (DEPLOYMENT, canary.primary_name)]
    if canary.makes_services:
        for side in (canary.service_primary, canary.service_canary):
            names += [(SERVICE, side), (DESTINATION_RULE, side)]
    if canary.spec.service.destination_rule_ref is not None:
        names.append((DESTINATION_RULE, canary.spec.service.destination_rule_ref.name))
    if not canary.adopts:
        names += [(SERVICE, canary.service_name), (VIRTUAL_SERVICE, canary.service_name)]
    refs = (ObjectRef(kind.name, canary.namespace, name) for kind, name in names)
    return (*refs, *adopted_refs(canary))


def _wildcard(host: str) -> bool:
    return host.startswith("*")


def _plain(host: str) -> bool:
    return not host.startswith("*")


def _overlap(pattern: str, host: str) -> bool:
    suffix = pattern[1:]
    if _wildcard(host):
        return host[1:].endswith(suffix) or suffix.endswith(host[1:])
    return host.endswith(suffix)
