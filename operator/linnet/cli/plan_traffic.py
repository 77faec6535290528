"""Asking Prometheus for the traffic that a plan's figures are for."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any, Final

from linnet.api.canary import Canary
from linnet.errors import SpecError, UnavailableError
from linnet.planning.traffic import Seen, read_traffic, traffic_promql

TIMEOUT: Final = 20.0
"""Seconds that a query over an hour may take."""


def seen(canary: Canary, url: str, kubeconfig: str, context: str) -> tuple[Seen | None, str]:
    """Return what both workloads of a Canary were sent in the last hour, and who says so.

    With a kubeconfig or a context, a Prometheus inside that cluster is asked through its API
    server; `url` defaults to the Canary's spec.metricsServer. Raises LinnetError.
    """
    server = url or canary.spec.metrics_server or ""
    if not server:
        raise SpecError(
            "InvalidManifest",
            f"Canary {canary.name} has no spec.metricsServer: say where Prometheus is by"
            " --prometheus-url, such as http://prometheus.istio-system:9090",
        )
    # What goes wrong is told once, as the command's error.
    logging.getLogger("linnet").addHandler(logging.NullHandler())
    names = {canary.target_name, canary.primary_name}
    promql = traffic_promql([(canary.namespace, name) for name in sorted(names)])
    through = bool(kubeconfig or context)
    rows, who = asyncio.run(_ask(server, promql, kubeconfig, context, through=through))
    return read_traffic(rows), who


async def _ask(
    server: str, promql: str, kubeconfig: str, context: str, *, through: bool
) -> tuple[Any, str]:
    from linnet.adapters import service_proxy

    address = service_proxy.ServiceAddress.of(server) if through else None
    if address is None:
        return await _ask_directly(server, promql)
    from linnet.adapters.connection import Connection

    connection = await Connection.open(kubeconfig, context)
    try:
        rows = await service_proxy.query(connection, address, promql)
    finally:
        await connection.close()
    return rows, f"{address.name}.{address.namespace} behind {connection.server}"


async def _ask_directly(server: str, promql: str) -> tuple[Any, str]:
    from prometheus_client import CollectorRegistry

    from linnet.adapters.prometheus_failures import QueryError
    from linnet.adapters.prometheus_pool import PrometheusPool
    from linnet.adapters.prometheus_url import Credentials

    try:
        pool = PrometheusPool(
            server,
            timeout=TIMEOUT,
            credentials=Credentials.from_environment(),
            registry=CollectorRegistry(),
        )
    except ValueError as error:
        raise SpecError("InvalidManifest", f"--prometheus-url: {error}") from error
    try:
        known = pool.server()
        rows = await pool.ask(known, "traffic", promql, datetime.now(UTC), pool.deadline())
    except QueryError as error:
        raise UnavailableError(str(error)) from error
    finally:
        pool.close()
    return rows, known.url
