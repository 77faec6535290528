"""What was decided is told apart from what is in force, while nobody can write the routes."""

import asyncio

import pytest

from e2e.app import App
from e2e.backend import Backend
from e2e.test_requests import SLOW, linnet

pytestmark = pytest.mark.needs_restarts


async def test_a_request_is_done_once_its_routes_are_written(app: App, backend: Backend) -> None:
    await app.create("1.0.0")
    await app.initialized(analysis=SLOW)
    await app.release("2.0.0")
    await app.weight(20)
    await asyncio.to_thread(backend.stop, "istiod")  # and with it the webhook that the API asks
    try:
        code, said = await linnet(app, "skip-step", "podinfo")
        assert code == 1, said
        assert "not written yet: the routes still give the canary 20%" in said
        abort = asyncio.create_task(linnet(app, "abort", "podinfo", "--wait"))
        await app.phase("Failed")
        _, explained = await linnet(app, "explain", "podinfo")
        _, status = await linnet(app, "status")
        assert not abort.done()
    finally:
        await asyncio.to_thread(backend.start, "istiod")
    code, said = await abort
    await app.weight(0, within=1)
    assert code == 0, said
    assert "rolled back: a request aborted it" in said
    assert "Failed, 0% of the traffic decided, not written yet: the routes still give" in explained
    assert "NotWritten" in explained
    assert "20%, not yet 0%" in status
