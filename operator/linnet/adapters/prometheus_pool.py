"""All Prometheus servers that linnet asks: who they are, and what asking them costs."""

import asyncio
import time
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any, Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from linnet.adapters.prometheus_failures import QueryError
from linnet.adapters.prometheus_server import MAX_BYTES, MAX_BYTES_OF_OTHERS, PrometheusServer
from linnet.adapters.prometheus_url import Credentials, Endpoint

DEFAULT_TIMEOUT: Final = 5.0
KEPT_SERVERS: Final = 16
"""From so many servers on, those are forgotten that nobody asked for `IDLE_SECONDS`."""
IDLE_SECONDS: Final = 600.0


class PrometheusPool:
    """Servers by URL, each asked with the same time-out in seconds; every query is counted.

    `default_url` is asked when nobody names a server; `credentials` are for it alone, as any user
    may name any server. Raises ValueError for a URL that cannot be one.
    """

    def __init__(
        self,
        default_url: str,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        credentials: Credentials | None = None,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._timeout = timeout
        self._default = Endpoint.parse(default_url, credentials) if default_url else None
        self._servers: dict[Endpoint, PrometheusServer] = {}
        self._queries = Counter(
            "linnet_prometheus_queries",
            "Queries sent to Prometheus servers.",
            ["kind"],
            registry=registry,
        )
        self._errors = Counter(
            "linnet_prometheus_query_errors",
            "Queries to Prometheus servers that failed.",
            ["kind", "reason"],
            registry=registry,
        )
        self._seconds = Histogram(
            "linnet_prometheus_query_seconds",
            "How long queries to Prometheus servers took, failed ones included.",
            registry=registry,
        )

    @property
    def servers(self) -> tuple[str, ...]:
        """The URLs of the servers that threads and connections are kept for."""
        return tuple(endpoint.url for endpoint in self._servers)

    def server(self, url: str = "") -> PrometheusServer:
        """Return the server of this URL, the default one if it is empty. Raises QueryError."""
        try:
            endpoint = Endpoint.parse(url) if url else self._default
        except ValueError as error:
            raise QueryError("invalid", f"spec.metricsServer cannot be asked: {error}") from error
        if endpoint is None:
            raise QueryError(
                "invalid",
                "no Prometheus is known: set spec.metricsServer, or start linnet with"
                " --prometheus-url",
            )
        if self._default and endpoint == Endpoint(self._default.url):
            endpoint = self._default
        if endpoint not in self._servers:
            self._forget_idle_servers()
            limit = MAX_BYTES if endpoint is self._default else MAX_BYTES_OF_OTHERS
            self._servers[endpoint] = PrometheusServer(endpoint, self._timeout, limit)
        return self._servers[endpoint]

    def deadline(self, turns: int = 1) -> float:
        """Return when a query is given up that is sent now, by the event loop's clock.

        One of many that are sent together waits for others before it has its turn.
        """
        return asyncio.get_running_loop().time() + turns * self._timeout

    async def ask(
        self,
        server: PrometheusServer,
        kind: str,
        promql: str,
        at: datetime,
        deadline: float,
        limit: int = 0,
    ) -> Any:
        """Return the result of an instant query, see `PrometheusServer.query`."""
        return await self._counted(kind, server.query(promql, at, deadline, limit))

    async def ask_range(
        self,
        server: PrometheusServer,
        kind: str,
        promql: str,
        span: tuple[float, float],
        step: float,
        deadline: float,
    ) -> Any:
        """Return the result of a range query, see `PrometheusServer.query_range`."""
        return await self._counted(kind, server.query_range(promql, span, step, deadline))

    async def check(self, url: str = "") -> str | None:
        """Return why a server (the default one, if empty) cannot be queried; None if it can."""
        now = datetime.now(UTC)
        try:
            await self.ask(self.server(url), "check", "vector(1)", now, self.deadline())
        except QueryError as error:
            return str(error)
        return None

    def close(self) -> None:
        """Close all connections."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    async def _counted(self, kind: str, asking: Awaitable[Any]) -> Any:
        began = time.perf_counter()
        self._queries.labels(kind).inc()
        try:
            return await asking
        except QueryError as error:
            self._errors.labels(kind, error.kind).inc()
            raise
        finally:
            self._seconds.observe(time.perf_counter() - began)

    def _forget_idle_servers(self) -> None:
        if len(self._servers) < KEPT_SERVERS:
            return
        before = time.monotonic() - IDLE_SECONDS
        for endpoint, server in list(self._servers.items()):
            if server.last_used < before:
                self._servers.pop(endpoint).close()
