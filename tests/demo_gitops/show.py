"""The show itself: a team commits, and its users' requests are watched."""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from typing import Protocol, Self

from kubernetes.aio.config import new_client_from_config

from cluster import argocd
from cluster.local import Cluster
from cluster.reflector import Change, Object, Reflector
from demo.install import install, start_operator
from demo.options import DemoError, Options
from demo.output import Output
from demo.record import Record
from demo_gitops.frame import WINDOW, Commit, Frame
from demo_gitops.summary import Result
from deployment import DEPLOY, KUSTOMIZE, rendered
from e2e.api import Api
from e2e.gitops.argo import ArgoCD, configure
from e2e.gitops.git import Repository
from e2e.gitops.reviews import CANARY, NAMESPACE, ROUTES, Reviews, service_monitors
from e2e.gitops.routes import Routes
from e2e.local import Local
from linnet.api.status import Phase

CANARIES = f"/apis/linnet.dev/v1beta1/namespaces/{NAMESPACE}/canaries"
FRAME_SECONDS = 0.25
PROPAGATION = 0.7
"""Seconds until every proxy has a weight that was written."""
LOOK = 3.0
"""Seconds for people to see what has come about."""
TIMEOUT = ("production/virtualservice.yaml", "  - route:\n", "  - timeout: 7s\n    route:\n")


class View(Protocol):
    """Something that shows frames."""

    def show(self, frame: Frame) -> None: ...


class Show:
    """One run of the demo in a cluster. DemoError, or AssertionError, when it can't go on."""

    def __init__(self, options: Options, cluster: Cluster, output: Output) -> None:
        self._options = options
        self._cluster = cluster
        self._output = output
        self._backend = Local()
        self._canary = Record()
        self._commits: list[Commit] = []
        self._title = "the app is deployed"
        self._began = time.time()
        self._stack = AsyncExitStack()
        self._reviews: Reviews
        self._routes: Routes

    async def __aenter__(self) -> Self:
        """Install linnet and Argo CD, and make a repository."""
        output, cluster = self._output, self._cluster
        api = await Api.open(cluster.kubeconfig)
        self._stack.push_async_callback(api.close)
        with output.doing("installing linnet", "linnet installed, as deploy/ has it") as tell:
            tell("CRDs, RBAC and the policies that keep weights")
            await install(api)
            for obj in rendered(KUSTOMIZE / "components" / "admission-policies"):
                await api.apply(obj)
            tell("starting the operator")
            self._operator = await start_operator(api, cluster)
        with output.doing("starting Argo CD", "Argo CD up: repo-server, controller, API server"):
            await asyncio.to_thread(cluster.start, argocd.NAME)
            await configure(api, DEPLOY / "argocd" / "argocd-cm" / "argocd-cm.yaml")
        await api.apply(service_monitors())
        argo = await self._stack.enter_async_context(ArgoCD(api, self._backend, keep=True))
        repository = await Repository.create(cluster.folder.data / "team")
        self._reviews = Reviews(api, self._backend, argo, repository)
        self._api = api
        self._load = self._reviews.traffic(self._options.rps)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def run(self, view: View) -> Result:
        """Play all acts, showing each moment; returns what happened."""
        self._began = time.time()
        client = await new_client_from_config(str(self._cluster.kubeconfig))
        async with client as kubernetes:
            reflector = Reflector(kubernetes, CANARIES, self._changed)
            others: list[asyncio.Task[None]] = [
                asyncio.create_task(reflector.run()),
                asyncio.create_task(self._show(view)),
                asyncio.create_task(self._watch_operator()),
            ]
            played = asyncio.create_task(self._play())
            try:
                await asyncio.wait([played, *others], return_when=asyncio.FIRST_COMPLETED)
                for other in others:
                    if other.done():
                        other.result()
                return await played
            finally:
                played.cancel()
                for other in others:
                    other.cancel()
                await asyncio.gather(played, *others, return_exceptions=True)

    # --- the acts -------------------------------------------------------------------------------

    async def _play(self) -> Result:
        told, reviews = self._options, self._reviews
        async with reviews.routes() as self._routes:
            versions = (told.stable, told.stable)
            await self._commit("the app, and its Canary", reviews.deploy(told.interval, versions))
            await reviews.phase(Phase.INITIALIZED)
            await reviews.weight(0)
            await reviews.serving()
            async with self._load:
                await asyncio.sleep(LOOK)
                began = await self._good_release()
                turned, back = await self._bad_release()
            live = await self._api.get(ROUTES)
        spec = (live or {})["spec"]
        return Result(
            told,
            self._load.requests(),
            self._routes.spans,
            reviews.application.record,
            len(self._commits),
            spec["http"][-1].get("timeout", ""),
            began,
            turned,
            back,
        )

    async def _good_release(self) -> float:
        told, reviews = self._options, self._reviews
        self._title = f"release of {told.good}, a good version"
        began = time.time()
        await self._commit(
            f"reviews-v2: {told.good}", reviews.set_version(2, told.stable, told.good)
        )
        await reviews.weight(25)
        await self._commit("a timeout of 7s", reviews.commit("A timeout", TIMEOUT))
        await reviews.waiting_for_primary()
        await reviews.weight(100)
        await asyncio.sleep(LOOK)
        self._title = f"{told.good} is accepted: the other Deployment gets it"
        await self._commit(
            f"reviews-v1: {told.good}", reviews.set_version(1, told.stable, told.good)
        )
        await reviews.phase(Phase.SUCCEEDED)
        await reviews.weight(0)
        await reviews.application.healthy()
        await asyncio.sleep(LOOK)
        return began

    async def _bad_release(self) -> tuple[float, float]:
        told, reviews = self._options, self._reviews
        self._title = f"release of {told.bad}, a bad version"
        turned = time.time()
        await self._commit(f"reviews-v2: {told.bad}", reviews.set_version(2, told.good, told.bad))
        await reviews.phase(Phase.FAILED)
        await reviews.weight(0)
        back = time.time() + PROPAGATION
        await reviews.application.shows(lambda seen: seen.health == "Degraded", "Degraded")
        await asyncio.sleep(LOOK)
        self._title = "git revert"
        await self._commit("Revert the last commit", reviews.revert())
        await reviews.phase(Phase.SUCCEEDED)
        await reviews.application.healthy()
        await asyncio.sleep(LOOK)
        return turned, back

    async def _commit(self, message: str, action: Awaitable[str]) -> None:
        commit = Commit(message, time.time())
        self._commits.append(commit)
        commit.sha = await action
        commit.synced = time.time()

    # --- what is seen ---------------------------------------------------------------------------

    def _changed(self, change: Change, canary: Object) -> None:
        if change != "DELETED" and canary["metadata"]["name"] == CANARY.name:
            self._canary.take(canary, time.time())

    async def _show(self, view: View) -> None:
        while True:
            view.show(self.frame())
            await asyncio.sleep(FRAME_SECONDS)

    async def _watch_operator(self) -> None:
        while self._operator.running:  # noqa: ASYNC110 - a process has no event to wait for
            await asyncio.sleep(FRAME_SECONDS)
        raise DemoError("linnet ended by itself")

    def frame(self, *, over: bool = False) -> Frame:
        """Return this moment."""
        now, record = time.time(), self._reviews.application.record
        weights = self._routes.weights if hasattr(self, "_routes") else []
        return Frame(
            title="the end" if over else self._title,
            now=now,
            began=self._began,
            commits=tuple(self._commits),
            argocd=record.sightings[-1] if record.sightings else None,
            states=len(record.sightings),
            flashes=len(record.out_of_sync_again()),
            phase=str(self._canary.status.phase or ""),
            message=self._canary.message,
            live=weights[-1] if weights else None,
            recent=self._load.between(now - WINDOW),
            counts=self._load.counts(),
            over=over,
        )
