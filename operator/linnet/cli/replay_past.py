"""Asking Prometheus for the past releases of a Canary's target."""

import asyncio
import logging
from typing import Any, Final

from prometheus_client import CollectorRegistry

from linnet.adapters.prometheus_past import LONGEST, PrometheusPast
from linnet.adapters.prometheus_pool import PrometheusPool
from linnet.adapters.prometheus_url import Credentials
from linnet.api.canary import Canary
from linnet.errors import SpecError
from linnet.simulation.recording import Recording

TIMEOUT: Final = 60.0
"""Seconds that a query over a long past may take."""


def releases(canary: Canary, namespace: str, past: dict[str, Any]) -> list[Recording]:
    """Return the releases of the Canary's target between `past`'s start and end.

    Raises SpecError for what the user wrote, UnavailableError where Prometheus does not answer.
    """
    start, end = past["start"], past["end"]
    if not start < end:
        raise SpecError("InvalidSamples", "--from must be before --to")
    if end - start > LONGEST:
        raise SpecError("InvalidSamples", f"--from may be {LONGEST / 86400:.0f} days before --to")
    # What goes wrong is told once, as the command's error.
    logging.getLogger("linnet").addHandler(logging.NullHandler())
    try:
        pool = PrometheusPool(
            past["prometheus"],
            timeout=TIMEOUT,
            credentials=Credentials.from_environment(),
            registry=CollectorRegistry(),
        )
    except ValueError as error:
        raise SpecError("InvalidSamples", f"--prometheus: {error}") from error
    return asyncio.run(_ask(pool, canary, namespace, past))


async def _ask(
    pool: PrometheusPool, canary: Canary, namespace: str, past: dict[str, Any]
) -> list[Recording]:
    source = PrometheusPast(
        pool, namespace, canary.target_name, canary.primary_name, past["scrape_interval"]
    )
    try:
        return await source.releases(past["start"], past["end"])
    finally:
        pool.close()
