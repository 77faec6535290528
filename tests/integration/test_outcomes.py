"""`linnet run` tells a receiver what a release came to."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from integration.operator_lab import Lab, canary, deployment, kubeconfig
from integration.test_run import Process
from linnet.adapters.outcome_webhook import TOKEN_FILE
from linnet.api.names import REQUEST_ANNOTATION

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


async def reached(lab: Lab, **wanted: Any) -> dict[str, Any]:
    """Wait until fields of the status are so; return the status."""
    loop = asyncio.get_running_loop()
    end = loop.time() + 120
    while True:
        status: dict[str, Any] = (await lab.read("Canary")).get("status", {})
        if {field: status.get(field) for field in wanted} == wanted:
            return status
        assert loop.time() < end, f"not {wanted} within two minutes: {status}"
        await asyncio.sleep(0.1)


async def release(lab: Lab, image: str) -> None:
    """Commit an image, as it were."""
    containers = [{"name": "app", "image": image}]
    await lab.change("Deployment", {"spec": {"template": {"spec": {"containers": containers}}}})


@asynccontextmanager
async def told(
    url: str, namespace: str, log: Path, **spec: Any
) -> AsyncIterator[tuple[Lab, Process]]:
    """An initialized Canary in the care of `linnet run`, which tells `url` of outcomes."""
    arguments = (
        f"--kubeconfig={kubeconfig()}",
        f"--namespace={namespace}",
        "--no-leader-election",
        f"--outcome-webhook-url={url}",
    )
    lab = await Lab.open(namespace)
    await lab.create(deployment(namespace))
    obj = canary(namespace)
    obj["spec"] |= {"scaleDownDelaySeconds": 0, **spec}
    await lab.create(obj)
    async with Process(log, *arguments).running() as linnet:
        await reached(lab, phase="Initialized")
        yield lab, linnet
        await lab.delete("Canary")
        async with asyncio.timeout(120):
            while await _is_there(lab):  # noqa: ASYNC110 - somebody else makes it go
                await asyncio.sleep(0.1)
    await lab.delete("Deployment")
    await lab.connection.close()


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
    log = tmp_path / "log"
    async with told(url, namespace, log, skipAnalysis=True) as (lab, linnet):
        await release(lab, "app:2")
        outcome = await asyncio.wait_for(hook.outcomes.get(), 120)
        metrics = await linnet.until("/metrics", lambda _, text: 'result="delivered"' in text)
    assert outcome["outcome"] == "promoted"
    assert outcome["canary"]["name"] == "web"
    assert outcome["images"] == {"app": "app:2"}
    assert hook.calls == ["Bearer hunter2"] * 2
    assert 'linnet_outcomes_total{result="delivered"} 1.0' in metrics
    said = log.read_text(encoding="utf-8")
    assert "hunter2" not in said
    assert url not in said


async def test_what_is_taken_back_and_what_is_reverted_are_told_apart(
    namespace: str, receiver: tuple[Receiver, str], tmp_path: Path
) -> None:
    hook, url = receiver
    # There is no Prometheus here, for which a release with the guard would wait.
    analysis = {"stepWeight": 10, "guard": {"enabled": False}}
    async with told(url, namespace, tmp_path / "log", analysis=analysis) as (lab, _):
        promoted = (await lab.read("Canary"))["status"]["promotedRevision"]
        await release(lab, "app:2")
        bad = (await reached(lab, phase="Progressing", canaryWeight=10))["revision"]
        abort = {REQUEST_ANNOTATION: f"abort @{bad}"}
        await lab.change("Canary", {"metadata": {"annotations": abort}})
        taken_back = await asyncio.wait_for(hook.outcomes.get(), 120)
        await release(lab, "app:1")
        await reached(lab, phase="Succeeded")
        await release(lab, "app:3")
        other = (await reached(lab, phase="Progressing", canaryWeight=10))["revision"]
        await release(lab, "app:1")
        reverted = await asyncio.wait_for(hook.outcomes.get(), 120)
    assert hook.outcomes.empty()
    seen = [
        (o["outcome"], o["revision"], o["promotedRevision"], o["images"])
        for o in (taken_back, reverted)
    ]
    assert seen == [
        ("rolled_back", bad, promoted, {"app": "app:2"}),
        ("reverted", other, promoted, {}),
    ]
    assert taken_back["reason"] == "Aborted"


async def _is_there(lab: Lab) -> bool:
    path = lab.path("Canary", "")
    listed = await lab.connection.request("GET", path, "the lab")
    return bool(listed["items"])
