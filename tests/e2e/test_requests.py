"""What a person asks for is done to real traffic, once, and on the revision that was meant."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from e2e.app import SUCCESS_RATE, App
from e2e.operator import Operator
from e2e.proxy import ApiProxy
from e2e.test_release import LEARNING, within_binomial
from e2e.test_resume import Killer
from linnet.api.names import REQUEST_ANNOTATION

SLOW = {"interval": "1h", "stepWeights": [20, 50], "metrics": [SUCCESS_RATE]}
"""An analysis that goes up by request only."""


async def linnet(app: App, *arguments: str) -> tuple[int, str]:
    """Run the command line as a user; return its exit code and what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "linnet", *arguments, "--namespace", app.namespace),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "KUBECONFIG": str(app.backend.kubeconfig), "COLUMNS": "200"},
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def done(app: App, *arguments: str) -> str:
    """Run a command that is to succeed."""
    code, said = await linnet(app, *arguments)
    assert code == 0, said
    return said


async def annotation(app: App) -> str | None:
    """Return the request that is in the annotation."""
    canary = await app.api.get(app.canary_ref)
    assert canary is not None
    text: str | None = canary["metadata"].get("annotations", {}).get(REQUEST_ANNOTATION)
    return text


async def next_check(app: App) -> None:
    """Wait until a check was made."""
    due = (await app.status())["nextCheckAt"]
    await app.api.until(app.canary_ref, lambda canary: canary["status"]["nextCheckAt"] != due)


async def releasing(app: App, **analysis: Any) -> None:
    """Bring a release to its first step, which it keeps."""
    await app.create("1.0.0")
    await app.initialized(analysis={**SLOW, **analysis})
    await app.release("2.0.0")
    await app.weight(20)


async def test_abort_takes_all_traffic_back_and_the_revision_is_left_alone(app: App) -> None:
    await releasing(app)
    async with app.traffic(rps=100) as load:
        said = await done(app, "abort", "podinfo")
        await app.weight(0)
        back = time.time()
        status = await app.phase("Failed")
        await app.api.until(app.ref("Deployment"), lambda d: d["spec"]["replicas"] == 0)
    assert "a request aborted it" in said
    assert status["decisions"][-1]["reason"] == "Aborted"
    assert load.counts().failed == 0, load.failed()[:5]
    after = load.between(back + LEARNING)
    assert set(after.by_version()) == {"1.0.0"}
    assert await annotation(app) is None
    await app.event("RolledBack")


async def test_retry_releases_what_was_aborted_once_more(app: App) -> None:
    await releasing(app, interval="6s")
    async with app.traffic() as load:
        await done(app, "abort", "podinfo")
        await app.phase("Failed")
        said = await done(app, "retry", "podinfo", "--wait")
        status = await app.phase("Succeeded")
        primary = await app.api.get(app.ref("Deployment", "-primary"))
    assert "a request retries it" in said
    assert "serves all traffic" in said
    assert load.counts().failed == 0, load.failed()[:5]
    assert primary is not None
    assert primary["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":2.0.0")
    assert status["failedChecks"] == 0


async def test_a_revision_that_fails_again_is_taken_back_again(app: App) -> None:
    await app.create("1.0.0")
    await app.initialized()
    async with app.traffic():
        await app.release("2.0.0-errors-100")
        first = await app.phase("Failed")
        code, said = await linnet(app, "retry", "podinfo", "--wait")
        second = await app.phase("Failed")
    assert code == 1
    assert "rolled back" in said
    assert second["startedAt"] != first["startedAt"]


async def test_promote_skips_the_analysis_and_not_one_request_fails(app: App) -> None:
    await releasing(app)
    async with app.traffic(rps=100) as load:
        said = await done(app, "promote", "podinfo", "--wait")
        await app.api.until(app.ref("Deployment"), lambda d: d["spec"]["replicas"] == 0)
    assert "a request skipped the rest of its analysis" in said
    assert load.counts().failed == 0, load.failed()[:5]
    assert set(load.requests()[-20:].by_version()) == {"2.0.0"}
    primary = await app.api.get(app.ref("Deployment", "-primary"))
    assert primary is not None
    assert primary["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":2.0.0")


async def test_a_paused_release_goes_on_when_it_is_resumed(app: App) -> None:
    await app.create("1.0.0")
    await app.initialized(analysis={"interval": "3s", "stepWeights": [20, 40, 60, 80]})
    async with app.traffic(rps=100) as load:
        await app.release("2.0.0")
        await app.weight(20)
        await done(app, "pause", "podinfo")
        paused = await app.status()
        held = paused["canaryWeight"]
        await app.weight(held)
        for _ in range(3):  # checks
            await next_check(app)
        status = await app.status()
        assert (status["phase"], status["canaryWeight"]) == ("Progressing", held)
        assert "Progressing (paused)" in await done(app, "status", "podinfo")
        await done(app, "resume", "podinfo")
        await app.phase("Succeeded")
    assert load.counts().failed == 0, load.failed()[:5]


async def test_skip_step_goes_up_and_is_refused_at_the_last_step(app: App) -> None:
    await releasing(app)
    async with app.traffic(rps=100) as load:
        await done(app, "skip-step", "podinfo")
        await app.weight(50)
        since = time.time() + LEARNING
        while len(load.between(since)) < 300:  # noqa: ASYNC110 - a load has no event to wait for
            await asyncio.sleep(0.1)
        code, said = await linnet(app, "skip-step", "podinfo")
    assert code == 1
    assert "weight 50 is the last step: ask for promote" in said
    assert (await app.status())["canaryWeight"] == 50
    await app.event("RequestRefused")
    requests = load.between(since)
    assert within_binomial(requests.by_version()["2.0.0"], len(requests), 50)
    assert load.counts().failed == 0, load.failed()[:5]


async def test_a_click_for_a_revision_of_yesterday_is_refused(app: App) -> None:
    await releasing(app)
    yesterday = (await app.status())["revision"]
    await app.release("3.0.0")
    await app.api.until(app.canary_ref, lambda c: c["status"]["revision"] != yesterday)
    code, said = await linnet(app, "abort", "podinfo", "--revision", yesterday)
    assert code == 1
    assert f"it is for revision {yesterday}" in said
    assert (await app.status())["phase"] == "Progressing"
    assert await annotation(app) is None


@pytest.mark.parametrize(
    "victim",
    [
        pytest.param("status Progressing at weight 50", id="before and after it is written down"),
        pytest.param("routes at weight 50", id="around the write of the routes"),
        pytest.param("canaries podinfo", id="before and after the annotation is removed"),
    ],
)
async def test_an_operator_killed_in_the_middle_goes_up_one_step_and_not_two(
    app: App, own_operator: Callable[..., Operator], victim: str
) -> None:
    await app.create("1.0.0")
    async with ApiProxy(app.api.server) as proxy:
        operator = own_operator(server=proxy.url)
        await operator.ready()
        await app.initialized(analysis={**SLOW, "stepWeights": [20, 50, 80]})
        await app.release("2.0.0")
        await app.weight(20)
        killer = Killer(proxy, operator, victim)
        revision = (await app.status())["revision"]
        async with app.traffic() as load:
            request = {REQUEST_ANNOTATION: f"skip-step @{revision}"}
            await app.api.patch(app.canary_ref, {"metadata": {"annotations": request}})
            await app.api.until(
                app.canary_ref, lambda c: c["status"].get("request", {}).get("present") is False
            )
            await app.weight(50)
        assert killer.kills == 2
        assert (await app.status())["canaryWeight"] == 50
        assert await annotation(app) is None
        assert load.counts().failed == 0, load.failed()[:5]
        # The same words are a new request now.
        await app.api.patch(app.canary_ref, {"metadata": {"annotations": request}})
        await app.weight(80)
