"""The operator, put together from its parts: what `linnet run` runs."""

import asyncio
import logging
import os
import signal
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime

from linnet import __version__
from linnet.adapters.cache import Cache
from linnet.adapters.connection import Connection
from linnet.adapters.events import EventPoster
from linnet.adapters.kubernetes import Kubernetes
from linnet.adapters.lease import Lease, Unopposed
from linnet.adapters.listings import Listings
from linnet.adapters.outcome_webhook import OutcomeWebhook, Receiver
from linnet.adapters.policies import WeightsGuard
from linnet.adapters.prometheus import PrometheusMetrics
from linnet.adapters.prometheus_pool import PrometheusPool
from linnet.adapters.prometheus_tiles import PrometheusTiles
from linnet.adapters.prometheus_url import Credentials
from linnet.adapters.server import Server
from linnet.adapters.telemetry import Telemetry
from linnet.handlers import STUCK_AFTER, Watching
from linnet.reconcile import Reconciler
from linnet.settings import Settings
from linnet.workers import Worker, Workers

FINISH_WRITES = 2.0
"""Seconds that a write under way gets at shutdown."""

POST_EVENTS = 0.5
"""Seconds that Events get at shutdown."""

POST_OUTCOMES = 2.0
"""Seconds that outcomes of releases get at shutdown."""

log = logging.getLogger(__name__)


class Operator:
    """One instance of the operator, for one run."""

    def __init__(
        self,
        settings: Settings,
        connection: Connection,
        lease_connection: Connection,
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._stop = asyncio.Event()
        self._workers = Workers(self._take_care)
        self._cache = Cache(self._workers.wake)
        self._listings = Listings(self._cache)
        self._lease: Lease | Unopposed = Unopposed()
        if settings.leader_election:
            self._lease = Lease(
                lease_connection, settings.lease_namespace, settings.lease_name, settings.identity
            )
        self._events = EventPoster(connection, settings.identity, telemetry)
        self._watching = Watching(
            connection, self._cache, self._listings, settings.namespaces, self._listen_to_signals
        )
        self._prometheus = PrometheusPool(
            settings.prometheus_url,
            credentials=Credentials.from_environment(),
            registry=telemetry.registry,
        )
        self._metrics = PrometheusMetrics(self._prometheus)
        self._tiles = PrometheusTiles(self._prometheus, time.time, settings.scrape_interval)
        self._outcomes = (
            OutcomeWebhook(Receiver.parse(settings.outcome_webhook_url), telemetry)
            if settings.outcome_webhook_url
            else None
        )
        self._guard = WeightsGuard(
            connection, self._workers.wake, self._cache.phase, may_list=not settings.namespaces
        )
        cluster = Kubernetes(
            connection,
            self._cache,
            self._events,
            self._watching.versions,
            self._lease.time_left,
            self._guard.missing,
            self._lease.term,
        )
        self._reconciler = Reconciler(
            cluster,
            self._metrics,
            self._tiles,
            lambda: datetime.now(UTC),
            telemetry,
            self._outcomes,
        )
        self._telemetry = telemetry
        telemetry.tell_canaries(self._cache.canaries)
        telemetry.leader.set_function(lambda: float(self._lease.leading))

    async def run(self) -> None:
        """Run until a signal comes; then finish what is being written, and give up the lease."""
        self._listen_to_signals()
        server = Server(self._telemetry.registry, self._healthy, self._ready)
        async with AsyncExitStack() as stack:
            stack.callback(self._prometheus.close)
            stack.push_async_callback(self._metrics.close)
            stack.push_async_callback(self._tiles.close)
            if self._settings.metrics_bind:
                stack.push_async_callback(server.stop)
                await server.start(self._settings.metrics_bind)
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._watching.run(), name="watching"),
                    group.create_task(self._lease.run(), name="lease"),
                    group.create_task(self._events.run(), name="events"),
                    group.create_task(self._telemetry.watch_loop(), name="event loop"),
                    group.create_task(self._guard.run(), name="policies"),
                ]
                if self._outcomes:
                    tasks.append(group.create_task(self._outcomes.run(), name="outcomes"))
                # kopf may take the signal in the instant between its start and our taking over.
                tasks[0].add_done_callback(lambda _: self._stop.set())
                await self._stop.wait()
                log.info("Stopping")
                await self._workers.stop(FINISH_WRITES)
                await self._events.drain(POST_EVENTS)
                if self._outcomes:
                    await self._outcomes.drain(POST_OUTCOMES)
                await self._lease.release()
                for task in tasks:
                    task.cancel()
        log.info("Stopped")

    async def _take_care(self, worker: Worker) -> None:
        await self._reconciler.run(worker, self._may_act)

    async def _may_act(self) -> None:
        # Each may cease while the other is waited for.
        while not (self._lease.leading and self._listings.complete.is_set()):
            await self._lease.wait()
            await self._listings.complete.wait()

    def _healthy(self) -> tuple[bool, str]:
        if self._watching.stuck():
            return False, f"a watch has not been renewed for more than {STUCK_AFTER} s"
        return True, "ok"

    def _ready(self) -> tuple[bool, str]:
        missing = [kind.resource for kind in self._watching.missing if not kind.optional]
        if self._watching.trouble:
            return False, self._watching.trouble
        if missing:
            names = ", ".join(missing)
            return False, f"the cluster does not serve {names}: install Istio and linnet's CRDs"
        if waiting := self._listings.missing():
            return False, f"not listed yet: {', '.join(waiting)}"
        if self._lease.leading:
            return True, "ok: leading"
        return True, f"ok: standing by for {self._lease.holder or 'nobody yet'}"

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled, number)

    def _signalled(self, number: signal.Signals) -> None:
        if self._stop.is_set():
            os._exit(128 + number)  # asked twice: no time for manners
        log.info("Signal received", extra={"signal": number.name})
        self._stop.set()


async def run(settings: Settings) -> None:
    """Run an operator until a signal comes. Raises UnavailableError if there is no cluster."""
    telemetry = Telemetry()
    traces = [telemetry.request_traces()]
    async with AsyncExitStack() as stack:
        # The lease has a connection of its own: it must not queue up behind other writes.
        connection, lease_connection = [
            await Connection.open(settings.kubeconfig, settings.context, traces=traces)
            for _ in range(2)
        ]
        for opened in (connection, lease_connection):
            stack.push_async_callback(opened.close)
        log.info(
            "Starting",
            extra={
                "version": __version__,
                "server": connection.server,
                "namespaces": ",".join(settings.namespaces) or "all",
                "identity": settings.identity,
            },
        )
        await Operator(settings, connection, lease_connection, telemetry).run()
