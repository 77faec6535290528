"""Whether a MutatingAdmissionPolicy keeps the weights that linnet writes into routes of others."""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from linnet.adapters.connection import Connection, NotFoundError
from linnet.api.names import WEIGHTS_ANNOTATION
from linnet.api.objects import ObjectRef
from linnet.engine.lifecycle import RELEASING
from linnet.errors import LinnetError

GROUP: Final = "/apis/admissionregistration.k8s.io"
VERSIONS: Final = ("v1", "v1beta1")
POLICIES, BINDINGS = "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"

LOOK_AGAIN: Final = 60.0
"""Seconds after which it is looked again for a policy that is missing, or needed now."""

NOT_SERVED: Final = (
    "the cluster serves no MutatingAdmissionPolicy (Kubernetes 1.36 does), so whoever applies an"
    " adopted VirtualService resets its weights until linnet has restored them: have Argo CD ignore"
    " differences in weights, as docs/adopt.md says"
)
NOT_INSTALLED: Final = (
    "no MutatingAdmissionPolicy keeps the weights of adopted VirtualServices, so whoever applies"
    " one resets them until linnet has restored them: install"
    " deploy/kustomize/components/admission-policies, or set admissionPolicies.enabled in Helm"
)

log = logging.getLogger(__name__)


class WeightsGuard:
    """Knows why nothing keeps others from resetting weights, if so.

    It asks when it starts and when a Canary begins to care; and again while one cares that is in a
    release, or while a policy is missing. At rest, with a policy, nobody is asked. `wake` is called
    with each Canary that asked, once the answer is another; `phase` returns the phase of one, and
    None once it is gone.
    Policies are the whole cluster's: an operator for some namespaces may not list them, and knows
    only whether there can be any.
    """

    def __init__(
        self,
        connection: Connection,
        wake: Callable[[ObjectRef], None],
        phase: Callable[[ObjectRef], str | None],
        *,
        may_list: bool = True,
    ) -> None:
        self._connection = connection
        self._wake = wake
        self._phase = phase
        self._may_list = may_list
        self._missing = ""
        self._asked: set[ObjectRef] = set()
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Look now, and look out for policies that come or go."""
        self._news.clear()
        await self.look()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN):
                    await self._news.wait()
            news = self._news.is_set()
            self._news.clear()
            phases = {ref: phase for ref in self._asked if (phase := self._phase(ref)) is not None}
            self._asked = set(phases)
            needed = any(phase in RELEASING for phase in phases.values())
            if self._asked and (self._missing or news or needed):
                await self.look()

    async def look(self) -> None:
        """Ask the API server; where it does not answer, what was known stays."""
        before = self._missing
        try:
            self._missing = await self._find()
        except LinnetError as error:
            log.info("Cannot tell whether a policy keeps weights", extra={"error": error})
            return
        if self._missing == before:
            return
        if self._missing:
            log.warning("Weights are unguarded", extra={"why": self._missing})
        for ref in self._asked:
            self._wake(ref)

    def missing(self, ref: ObjectRef) -> str:
        """Return why nothing keeps weights, or nothing; `ref` is the Canary that asks."""
        if ref not in self._asked:
            self._asked.add(ref)
            self._news.set()
        return self._missing

    async def _find(self) -> str:
        version = await self._served()
        if version is None:
            return NOT_SERVED
        if not self._may_list:
            return ""
        policies = await self._list(version, POLICIES)
        bound = {b["spec"].get("policyName") for b in await self._list(version, BINDINGS)}
        keeping = (p for p in policies if WEIGHTS_ANNOTATION in json.dumps(p["spec"]))
        return "" if any(p["metadata"]["name"] in bound for p in keeping) else NOT_INSTALLED

    async def _served(self) -> str | None:
        for version in VERSIONS:
            path = f"{GROUP}/{version}"
            with suppress(NotFoundError):
                answer = await self._connection.request("GET", path, path)
                if POLICIES in {resource["name"] for resource in answer.get("resources") or ()}:
                    return version
        return None

    async def _list(self, version: str, plural: str) -> list[dict[str, Any]]:
        answer = await self._connection.request("GET", f"{GROUP}/{version}/{plural}", plural)
        return list(answer.get("items") or ())
