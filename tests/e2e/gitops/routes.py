"""Every state that a VirtualService had in the API, in order.

istiod knows no other: a weight that is not in here has routed no request.
"""

import time
from dataclasses import dataclass
from typing import Self

from cluster.reflector import Change, Object
from e2e.backend import Backend
from e2e.gitops.watch import Watch
from linnet.adapters.kinds import VIRTUAL_SERVICE

Weights = tuple[int, int]


@dataclass(frozen=True)
class Span:
    """The weights of the primary and of the canary, and how long they stood there."""

    weights: Weights
    since: float
    until: float


class Routes:
    """The VirtualService `name` from entering to leaving, and the weights of one of its routes.

    That is the route with two destinations; the canary's is the one of this subset.
    """

    def __init__(self, backend: Backend, namespace: str, name: str, canary: str) -> None:
        path = VIRTUAL_SERVICE.path(VIRTUAL_SERVICE.versions[0], namespace)
        self._watch = Watch(backend, path, self._changed)
        self._name = name
        self._canary = canary
        self._states: list[tuple[float, Weights]] = []

    async def __aenter__(self) -> Self:
        await self._watch.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._watch.__aexit__()

    @property
    def weights(self) -> list[Weights]:
        """All weights there were, in order."""
        return [weights for _, weights in self._states]

    @property
    def spans(self) -> list[Span]:
        """The same with their times; the last ones stand there until now."""
        ends = [*(at for at, _ in self._states[1:]), time.time()]
        return [
            Span(weights, since, until)
            for (since, weights), until in zip(self._states, ends, strict=True)
        ]

    def _changed(self, change: Change, obj: Object) -> None:
        if change == "DELETED" or obj["metadata"]["name"] != self._name:
            return
        (route,) = (http["route"] for http in obj["spec"]["http"] if len(http["route"]) == 2)
        canary = sum(
            r.get("weight", 0) for r in route if r["destination"]["subset"] == self._canary
        )
        weights = (sum(r.get("weight", 0) for r in route) - canary, canary)
        if weights not in self.weights[-1:]:
            self._states.append((time.time(), weights))
