"""Argo CD as a team uses it, and a record of what it showed at any time."""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

from cluster.argocd import NAMESPACE
from cluster.reflector import Change, Object
from e2e.api import WITHIN, Api
from e2e.backend import Backend
from e2e.cost import Report
from e2e.gitops.watch import Watch
from linnet.api.objects import ObjectRef

APPLICATIONS = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications"
SERVER_SIDE = {"argocd.argoproj.io/compare-options": "ServerSideDiff=true"}
"""Has an Application compare with what the API server, and its policies, make of the manifests."""
FLASHES = 2
"""How often such an Application may be OutOfSync for a moment; see `Record.disagreements`."""
FLASH = 5.0
"""Seconds after which it is no moment any more."""
SETTLING = 2.0
"""Seconds after a commit was first Synced within which Argo CD may sync it once more."""
REFRESH = "argocd.argoproj.io/refresh"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What an Application's status said from `at` (seconds of the epoch) on.

    `revision` is the commit that the cluster was compared with, `out_of_sync` what differed from
    it, as KIND/NAME. `operation` is the phase of the last sync, of the commit `operated`, which was
    the `heals`-th try to undo a change in the cluster, 0 where it was a commit that asked for it.
    """

    at: float
    sync: str
    health: str
    revision: str
    operation: str = ""
    operated: str = ""
    heals: int = 0
    out_of_sync: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """The last sync did not succeed."""
        return self.operation in ("Failed", "Error")


@dataclass(frozen=True, slots=True)
class Flash:
    """A commit that had been Synced was OutOfSync, from `at` on, for so many seconds."""

    at: float
    seconds: float
    out_of_sync: tuple[str, ...]

    def __str__(self) -> str:
        differed = _list(self.out_of_sync)
        return f"OutOfSync again at {self.at:.1f} s, for {self.seconds:.1f} s: {differed}"


def sighting(at: float, application: Mapping[str, Any]) -> Sighting:
    """Read an Application."""
    status = application.get("status", {})
    sync, operation = status.get("sync", {}), status.get("operationState", {})
    asked = operation.get("operation", {}).get("sync", {})
    return Sighting(
        at,
        sync.get("status", ""),
        status.get("health", {}).get("status", ""),
        sync.get("revision", ""),
        operation.get("phase", ""),
        operation.get("syncResult", {}).get("revision", "") or asked.get("revision", ""),
        asked.get("autoHealAttemptsCount", 0),
        tuple(
            f"{resource['kind']}/{resource['name']}"
            for resource in status.get("resources", [])
            if resource.get("status") == "OutOfSync"
        ),
        tuple(
            f"{condition['type']}: {condition['message']}"
            for condition in status.get("conditions", [])
        ),
    )


@dataclass
class Record:
    """All that an Application showed, in order."""

    sightings: list[Sighting] = field(default_factory=list)

    def take(self, at: float, application: Mapping[str, Any]) -> None:
        """Take a state over, unless it shows what the one before did."""
        seen = sighting(at, application)
        last = self.sightings[-1] if self.sightings else None
        if last is None or _shown(last) != _shown(seen):
            self.sightings.append(seen)

    def since(self, at: float) -> "Record":
        """Return what was shown from then on, what stood there at that moment included."""
        before = [seen for seen in self.sightings if seen.at < at]
        return Record(before[-1:] + [seen for seen in self.sightings if seen.at >= at])

    @property
    def healths(self) -> set[str]:
        """All values that health had."""
        return {seen.health for seen in self.sightings if seen.health}

    def healthy_since(self) -> float:
        """Return when it was Synced and Healthy for the first time; infinity if it never was."""
        times = (s.at for s in self.sightings if (s.sync, s.health) == ("Synced", "Healthy"))
        return next(times, math.inf)

    def disagreements(self, flashes: int = 0) -> list[str]:
        """Say where Git and the cluster differed though no commit had asked for a change.

        That is: OutOfSync at a commit that had been Synced, something undone in the cluster at such
        a commit, a sync that failed, or any condition, which Argo CD has for errors and warnings
        only. (A first sync is often followed by another: it compares with what it saw last, which
        may be what was there before its own sync. That is not counted.)

        With ServerSideDiff Argo CD compares what it saw last with what the API server has now: what
        is written in between shows for a moment. So many `flashes` are let pass, if each is over
        within `FLASH`; a fight has one for each step of a release.
        """
        found = [
            *(f"the sync of {s.operated[:8]} failed" for s in self.sightings if s.failed),
            *(problem for seen in self.sightings for problem in seen.problems),
        ]
        again = self.out_of_sync_again()
        found += [str(f) for f in again if len(again) > flashes or f.seconds > FLASH]
        if len(undone := self._undone()) > flashes:
            found += undone
        return list(dict.fromkeys(found))

    def out_of_sync_again(self) -> list[Flash]:
        """Return each time when a commit that had been Synced was OutOfSync; `at` from the start.

        One that is not over lasts until the newest sighting.
        """
        found: list[Flash] = []
        synced, before = set(), ""
        for number, seen in enumerate(self.sightings):
            if seen.sync == "Synced":
                synced.add(seen.revision)
            elif seen.sync == "OutOfSync" and seen.revision in synced and before == "Synced":
                after = (s.at for s in self.sightings[number:] if s.sync == "Synced")
                seconds = next(after, self.sightings[-1].at) - seen.at
                at = seen.at - self.sightings[0].at
                found.append(Flash(at, seconds, seen.out_of_sync))
            before = seen.sync
        return found

    def _undone(self) -> list[str]:
        found, healing = [], ("", 0)
        synced: dict[str, float] = {}
        for seen in self.sightings:
            if seen.sync == "Synced":
                synced.setdefault(seen.revision, seen.at)
            settled = synced.get(seen.operated, math.inf) + SETTLING < seen.at
            if seen.heals and (seen.operated, seen.heals) != healing and settled:
                at = seen.at - self.sightings[0].at
                found.append(f"something was undone in the cluster at {at:.1f} s")
            healing = (seen.operated, seen.heals)
        return found

    def check(self, flashes: int = 0) -> None:
        """AssertionError with the whole story where there was a disagreement."""
        found = self.disagreements(flashes)
        assert not found, "\n".join([*found, self.story()])

    def story(self) -> str:
        """Return one line for each sighting, for people who look for what went wrong."""
        start = self.sightings[0].at if self.sightings else 0.0
        return "\n".join(
            f"{seen.at - start:7.2f} s  {seen.revision[:8]:8}  {seen.sync:9}  {seen.health:11}"
            f"  {seen.operation} {seen.operated[:8]}  {_list(seen.out_of_sync)}"
            for seen in self.sightings
        )


def _shown(seen: Sighting) -> tuple[Any, ...]:
    return tuple(getattr(seen, name) for name in Sighting.__slots__ if name != "at")


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


class Application:
    """One Application, as its own manifest made it, and what it showed."""

    def __init__(self, api: Api, name: str) -> None:
        self.name = name
        self.record = Record()
        self.gone: float | None = None
        """When it was deleted for good, in seconds of the epoch."""
        self._api = api

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef("Application", NAMESPACE, self.name)

    async def refresh(self) -> None:
        """Have Argo CD look at the repository now, as a push's webhook would."""
        await self._api.patch(self.ref, {"metadata": {"annotations": {REFRESH: "normal"}}})

    async def synced(self, commit: str, *healths: str, within: float = WITHIN) -> None:
        """Wait until a commit is synced, and the Application has one of the healths, if given."""

        def holds(seen: Sighting) -> bool:
            return (
                (seen.sync, seen.revision) == ("Synced", commit)
                and seen.operation in ("Succeeded", "")
                and (not healths or seen.health in healths)
            )

        await self.shows(holds, f"{commit[:8]} to be synced", within)

    async def healthy(self, within: float = WITHIN) -> None:
        """Wait for Synced and Healthy."""
        await self.shows(
            lambda seen: (seen.sync, seen.health) == ("Synced", "Healthy"),
            "Synced and Healthy",
            within,
        )

    async def shows(
        self, holds: Callable[[Sighting], bool], what: str, within: float = WITHIN
    ) -> None:
        """Wait until what it shows now is so. AssertionError with its story where it is not."""
        end = time.monotonic() + within
        while not self.record.sightings or not holds(self.record.sightings[-1]):
            seen = self.record.sightings[-1:]
            assert time.monotonic() < end, (
                f"waited {within:g} s in vain for {what}: {seen}\n{self.record.story()}"
            )
            await asyncio.sleep(0.02)  # the record is kept by a watch

    async def agreed(self, report: Report) -> None:
        """Check the record of an Application of which a policy keeps weights or sizes.

        The flashes that it let pass are reported: how many, and how long the longest was.
        """
        await self.shows(lambda seen: seen.sync == "Synced", "the end of a flash", FLASH)
        self.record.check(FLASHES)
        seconds = [flash.seconds for flash in self.record.out_of_sync_again()]
        report.row(
            "Moments of OutOfSync where a policy keeps weights or sizes",
            {
                "Application": self.name,
                "moments": len(seconds),
                "longest": f"{max(seconds, default=0.0):.1f} s",
            },
        )

    async def remove(self, *, cascade: bool = False) -> None:
        """Delete it, and with `cascade` everything that it manages; wait until it is gone."""
        finalizers = ["resources-finalizer.argocd.argoproj.io"] if cascade else None
        live = await self._api.get(self.ref)
        if live is None:
            return
        await self._api.patch(self.ref, {"metadata": {"finalizers": finalizers}})
        await self._api.delete(self.ref)
        await self._api.until_gone(self.ref)


async def configure(api: Api, settings: Path) -> None:
    """Add to argocd-cm what a file in deploy/ has for it, as `kubectl patch --patch-file`."""
    data = yaml.safe_load(await asyncio.to_thread(settings.read_text, encoding="utf-8"))["data"]
    await api.patch(ObjectRef("ConfigMap", NAMESPACE, "argocd-cm"), {"data": data})


class ArgoCD:
    """Applications, each watched from its beginning; in the end they go, unless `keep`."""

    def __init__(self, api: Api, backend: Backend, *, keep: bool = False) -> None:
        self._keep = keep
        self._api = api
        self._watch = Watch(backend, APPLICATIONS, self._changed)
        self._applications: dict[str, Application] = {}

    async def __aenter__(self) -> Self:
        await self._watch.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._keep:
            for application in self._applications.values():
                await application.remove()
        await self._watch.__aexit__()

    def application(self, name: str) -> Application:
        """Return the Application of that name, which need not be there yet."""
        return self._applications.setdefault(name, Application(self._api, name))

    async def create(
        self,
        name: str,
        repository: str,
        namespace: str,
        *,
        path: str = ".",
        annotations: Mapping[str, str] | None = None,
        **spec: Any,
    ) -> Application:
        """Make an Application with automated sync, prune and selfHeal."""
        application = self.application(name)
        await self._api.apply(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {
                    "name": name,
                    "namespace": NAMESPACE,
                    "annotations": dict(annotations or {}),
                },
                "spec": {
                    "project": "default",
                    "source": {"repoURL": repository, "targetRevision": "main", "path": path},
                    "destination": {
                        "server": "https://kubernetes.default.svc",
                        "namespace": namespace,
                    },
                    "syncPolicy": {
                        "automated": {"prune": True, "selfHeal": True},
                        "syncOptions": ["CreateNamespace=true"],
                    },
                    **spec,
                },
            }
        )
        return application

    def _changed(self, change: Change, obj: Object) -> None:
        application = self.application(obj["metadata"]["name"])
        if change == "DELETED":
            application.gone = time.time()
        else:
            application.gone = None
            application.record.take(time.time(), obj)
