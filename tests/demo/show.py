"""The show itself: install, release a good version, then a bad one, and watch."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol

import aiohttp
from kubernetes.aio.config import new_client_from_config

from cluster.envoy import GATEWAY_ADDRESS
from cluster.load import Load
from cluster.local import Cluster
from cluster.reflector import Change, Object, Reflector
from demo import example
from demo.figures import sides
from demo.frame import Act, Frame, window
from demo.install import install, start_operator
from demo.options import APP, HOST, NAMESPACE, DemoError, Options
from demo.output import Output
from demo.record import Record
from demo.summary import Release, Result
from e2e.api import Api
from e2e.operator import Operator
from linnet.api.duration import parse_duration
from linnet.api.objects import ObjectRef
from linnet.api.status import Phase

CANARIES = f"/apis/linnet.dev/v1beta1/namespaces/{NAMESPACE}/canaries"
FRAME_SECONDS = 0.25
STEADY_SECONDS = 5.0
LOOK_BACK_SECONDS = 5.0
"""How long users are watched after a release."""
ENDED = frozenset({Phase.SUCCEEDED, Phase.FAILED})
READY_WITHIN = 60.0


class View(Protocol):
    """Something that shows frames."""

    def show(self, frame: Frame) -> None: ...


class Show:
    """One run of the demo in a cluster. DemoError when it can't go on."""

    def __init__(self, options: Options, cluster: Cluster, output: Output) -> None:
        self._options = options
        self._cluster = cluster
        self._output = output
        self._record = Record()
        self._load = Load(GATEWAY_ADDRESS, host=HOST, rps=options.rps)
        self._interval = parse_duration(options.interval).total_seconds()
        self._act = Act.SETTING_UP
        self._began = time.time()
        self._releases: list[tuple[float, str, bool]] = []
        self._api: Api
        self._operator: Operator

    async def set_up(self) -> None:
        """Install linnet and the example."""
        self._api = await Api.open(self._cluster.kubeconfig)
        with self._output.doing("installing linnet", "linnet installed, as deploy/ has it") as tell:
            tell("CRDs and RBAC")
            await install(self._api)
            tell("starting the operator")
            self._operator = await start_operator(self._api, self._cluster)
        options = self._options
        objects = example.namespace(), example.deployment(options), example.canary(options)
        for obj in objects:
            await self._api.apply(obj)

    async def run(self, view: View) -> Result:
        """Play all acts, showing each moment; returns what happened."""
        self._began = time.time()
        client = await new_client_from_config(str(self._cluster.kubeconfig))
        async with client as kubernetes:
            watch = Reflector(kubernetes, CANARIES, self._changed)
            return await _alongside(self._play(), watch.run(), self._show(view))

    @property
    def started(self) -> bool:
        """There is something to see."""
        return bool(self._record.phases)

    async def close(self) -> None:
        """Close all connections. linnet runs on: it ends with the cluster."""
        if hasattr(self, "_api"):
            await self._api.close()

    # --- the acts -------------------------------------------------------------------------------

    async def _play(self) -> Result:
        await self._until(
            lambda: self._record.status.phase is Phase.INITIALIZED,
            "the Canary to be Initialized",
            READY_WITHIN,
        )
        await self._answered()
        options = self._options
        async with self._load:
            self._act = Act.STEADY
            await self._pass(STEADY_SECONDS)
            good = await self._release(Act.GOOD, options.good, options.stable)
            bad = await self._release(Act.BAD, options.bad, options.good)
        primary = await self._api.get(ObjectRef("Deployment", NAMESPACE, f"{APP}-primary"))
        containers = (primary or {})["spec"]["template"]["spec"]["containers"]
        return Result(
            self._load.requests(),
            self._record,
            good,
            bad,
            str(containers[0]["image"]),
        )

    async def _release(self, act: Act, version: str, before: str) -> Release:
        bad = act is Act.BAD
        began = time.time()
        self._releases.append((began, version, bad))
        self._act = act
        await self._kubectl(example.release(version))
        checks = len(example.LADDER) + example.THRESHOLD
        await self._until(
            lambda: self._record.reached(ENDED, began),
            f"the release of {version} to end",
            READY_WITHIN * 2 + 3 * checks * self._interval,
        )
        ended, outcome = self._record.phases[-1]
        if outcome is Phase.FAILED and not bad:
            raise DemoError(
                f"the good version {version} was taken back. linnet says: {self._record.message}"
            )
        await self._pass(LOOK_BACK_SECONDS)
        return Release(version, before, bad, began, ended, outcome, time.time())

    async def _answered(self) -> None:
        """Wait until the gateway knows the route to the primary."""
        url, headers = "http://{}:{}/".format(*GATEWAY_ADDRESS), {"Host": HOST}
        async with aiohttp.ClientSession(headers=headers) as session:
            end = time.monotonic() + READY_WITHIN
            while True:
                with suppress(aiohttp.ClientError):
                    async with session.get(url) as answer:
                        if answer.headers.get("x-workload") == f"{APP}-primary":
                            return
                self._check(end, "the gateway to know the route")
                await asyncio.sleep(FRAME_SECONDS / 5)

    async def _kubectl(self, command: list[str]) -> None:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise DemoError(f"`{' '.join(command)}` failed: {output.decode().strip()}")

    async def _pass(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        await self._until(lambda: time.monotonic() >= end, "time to pass", seconds + READY_WITHIN)

    async def _until(self, holds: Callable[[], bool], what: str, within: float) -> None:
        end = time.monotonic() + within
        while not holds():
            self._check(end, what)
            await asyncio.sleep(FRAME_SECONDS / 5)

    def _check(self, end: float, what: str) -> None:
        if not self._operator.running:
            raise DemoError("linnet ended by itself")
        if time.monotonic() > end:
            raise DemoError(f"waited in vain for {what}. linnet says: {self._record.message}")

    # --- what is seen ---------------------------------------------------------------------------

    def _changed(self, change: Change, canary: Object) -> None:
        if change != "DELETED":
            self._record.take(canary, time.time())

    async def _show(self, view: View) -> None:
        while True:
            view.show(self.frame())
            await asyncio.sleep(FRAME_SECONDS)

    def frame(self, *, over: bool = False) -> Frame:
        """Return this moment."""
        options, record, now = self._options, self._record, time.time()
        version, before = options.stable, options.stable
        if self._act is Act.GOOD:
            version = options.good
        elif self._act is Act.BAD:
            version, before = options.bad, options.good
        requests, counts = self._load.requests(), self._load.counts()
        recent = requests.between(now - window(now, record.weights))
        here = self._releases[-1][0] if self._releases else now
        return Frame(
            act=self._act,
            began=self._began,
            now=now,
            version=version,
            before=before,
            interval=self._interval,
            threshold=example.THRESHOLD,
            ladder=example.LADDER,
            status=record.status,
            message=record.message,
            weights=tuple(record.weights),
            releases=tuple(self._releases),
            decisions=tuple(record.decisions),
            sides=sides(recent, APP, before, version),
            sent=counts.sent,
            failed=counts.failed,
            failed_here=requests.between(here).counts().failed,
            rps=options.rps,
            over=over,
        )


async def _alongside(
    main: Coroutine[Any, Any, Result], *others: Coroutine[Any, Any, None]
) -> Result:
    """Return what `main` does; the others run until then. The first that fails ends all."""
    played = asyncio.create_task(main)
    tasks = [played, *(asyncio.create_task(other) for other in others)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {played}:
            task.result()
        return await played
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
