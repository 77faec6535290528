"""`linnet run` tells a receiver what a release came to."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from integration.operator_lab import Lab, canary, deployment, kubeconfig
from integration.test_run import Process
from linnet.adapters.outcome_webhook import TOKEN_FILE

pytestmark = pytest.mark.usefixtures("crds")


class Receiver:
    """A receiver that is down at the first call."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.outcomes: asyncio.Queue[Any] = asyncio.Queue()

    async def handle(self, request: web.Request) -> web.Response:
        self.calls.append(request.headers.get("Authorization", ""))
        if len(self.calls) == 1:
            return web.Response(status=503)
        self.outcomes.put_nowait(await request.json())
        return web.Response(status=204)


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    """A receiver and its URL."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/linnet", receiver.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield receiver, f"http://{host}:{port}/linnet"
    await runner.cleanup()


async def phase(lab: Lab, wanted: str) -> None:
    """Wait for a phase."""
    async with asyncio.timeout(60):
        while (await lab.read("Canary")).get("status", {}).get("phase") != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_a_promotion_is_posted_with_the_token_until_it_is_taken(
    namespace: str,
    receiver: tuple[Receiver, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hook, url = receiver
    token = tmp_path / "token"
    token.write_text("hunter2\n")
    monkeypatch.setenv(TOKEN_FILE, os.fspath(token))
    arguments = (
        f"--kubeconfig={kubeconfig()}",
        f"--namespace={namespace}",
        "--no-leader-election",
        f"--outcome-webhook-url={url}",
    )
    lab = await Lab.open(namespace)
    await lab.create(deployment(namespace))
    obj = canary(namespace)
    obj["spec"] |= {"skipAnalysis": True, "scaleDownDelaySeconds": 0}
    await lab.create(obj)
    async with Process(tmp_path / "log", *arguments).running() as linnet:
        await phase(lab, "Initialized")
        containers = [{"name": "app", "image": "app:2"}]
        patch = {"spec": {"template": {"spec": {"containers": containers}}}}
        await lab.change("Deployment", patch)
        outcome = await asyncio.wait_for(hook.outcomes.get(), 60)
        metrics = await linnet.until("/metrics", lambda _, text: 'result="delivered"' in text)
        await lab.delete("Canary")
        async with asyncio.timeout(60):
            while await _is_there(lab):  # noqa: ASYNC110 - somebody else makes it go
                await asyncio.sleep(0.1)
    assert outcome["outcome"] == "promoted"
    assert outcome["canary"]["name"] == "web"
    assert outcome["images"] == {"app": "app:2"}
    assert hook.calls == ["Bearer hunter2"] * 2
    assert 'linnet_outcomes_total{result="delivered"} 1.0' in metrics
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert "hunter2" not in log
    assert url not in log
    await lab.delete("Deployment")
    await lab.connection.close()


async def _is_there(lab: Lab) -> bool:
    path = lab.path("Canary", "")
    listed = await lab.connection.request("GET", path, "the lab")
    return bool(listed["items"])
