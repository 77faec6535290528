"""A Canary at rest costs nothing, counted in the API server's own audit log."""

import asyncio
import time

import pytest

from e2e.app import App
from e2e.backend import Backend

WATCHED_FOR = 60.0
"""Seconds: the promise is about a minute."""
SETTLING = 3.0

pytestmark = pytest.mark.needs_audit_log


async def test_an_idle_canary_causes_no_request_but_watches_and_the_lease(
    app: App, backend: Backend
) -> None:
    await app.create()
    await app.initialized(scaleDownDelaySeconds=0)
    async with app.traffic():
        await app.release("2.0.0")
        await app.phase("Succeeded")
        await app.api.until(app.ref("Deployment"), lambda d: d["spec"]["replicas"] == 0)
        await asyncio.sleep(SETTLING)  # Events are posted behind the writes that matter
        since = time.time()
        await asyncio.sleep(WATCHED_FOR)  # what is tested is that nothing happens
    requests = backend.operator_requests(since)
    assert any("/leases/" in r.path for r in requests), "the audit log is alive"
    others = [r for r in requests if "/leases/" not in r.path and r.verb != "watch"]
    # The Canary of the test before may still be on its way out.
    elsewhere = [r for r in others if "/namespaces/" in r.path and app.namespace not in r.path]
    assert [r for r in others if r not in elsewhere] == []
