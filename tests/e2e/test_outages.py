"""What linnet depends on goes away for a while."""

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from e2e.api import WITHIN
from e2e.app import App
from e2e.backend import Backend
from e2e.operator import Operator

pytestmark = pytest.mark.needs_restarts

BLIND_TIMEOUT = 10
INTERVAL = 4
RPS = 50.0
SEEN_BEFORE = timedelta(seconds=10)
SEEN_AFTER = timedelta(seconds=5)
"""How far what was last seen of a release may be from the moment when Prometheus stopped: it was
scraped and read some seconds before, and what was asked before is answered a little after."""


async def test_a_release_holds_while_prometheus_is_away_and_goes_on(
    app: App, backend: Backend
) -> None:
    await app.create()
    await app.initialized(analysis={"interval": "3s", "stepWeights": [10, 20, 30, 40, 50]})
    async with app.traffic() as load:
        await app.release("2.0.0")
        await app.weight(10)
        await asyncio.to_thread(backend.stop, "prometheus")
        try:
            condition = await app.condition("Progressing", "True", "Inconclusive")
            held = (await app.status())["canaryWeight"]
            assert "Prometheus" in condition["message"]
            failed = (await app.status())["failedChecks"]
        finally:
            await asyncio.to_thread(backend.start, "prometheus")
        await app.phase("Succeeded")
    assert held < 50
    assert failed == 0, "no answer is no failure"
    assert load.counts().failed == 0, load.failed()[:5]


async def test_a_release_that_is_blind_for_long_goes_back_to_the_first_step(
    app: App, backend: Backend
) -> None:
    await app.create()
    ladder = {"stepWeights": [10, 30, 50], "interval": f"{INTERVAL}s"}
    await app.initialized(analysis={**ladder, "blindTimeout": f"{BLIND_TIMEOUT}s"})
    async with app.traffic(RPS) as load:
        await app.release("2.0.0")
        await app.weight(30)
        stopping = datetime.now(UTC)
        await asyncio.to_thread(backend.stop, "prometheus")
        stopped = datetime.now(UTC)
        try:
            blind = await app.condition("Blind", "True", "PrometheusUnavailable")
            await app.weight(10)
            back = datetime.now(UTC)
            # Being back, it stays there: no check passes by what is not known.
            await load.more(int(2 * INTERVAL * RPS))
            held = await app.status()
        finally:
            await asyncio.to_thread(backend.start, "prometheus")
        await app.condition("Blind", "False", "NotBlind")
        await app.phase("Succeeded")
    since = since_of(blind["message"], stopped)
    assert stopping - SEEN_BEFORE <= since <= stopped + SEEN_AFTER, blind["message"]
    assert back - since >= timedelta(seconds=BLIND_TIMEOUT), "it goes back no sooner than asked"
    (gone_back,) = [one for one in held["decisions"] if one["reason"] == "PrometheusUnavailable"]
    assert gone_back["weight"] == 10
    assert f"longer than blindTimeout ({BLIND_TIMEOUT} s)" in gone_back["message"]
    assert (held["canaryWeight"], held["failedChecks"]) == (10, 0)
    assert load.counts().failed == 0, load.failed()[:5]


def since_of(message: str, day: datetime) -> datetime:
    """Return the instant that a condition says something has been so since."""
    told = re.search(r"since (\d\d):(\d\d):(\d\d) UTC", message)
    assert told, message
    hour, minute, second = map(int, told.groups())
    since = day.replace(hour=hour, minute=minute, second=second, microsecond=0)
    return since if since <= day + timedelta(hours=1) else since - timedelta(days=1)


async def test_a_release_goes_on_after_the_api_server_was_restarted(
    app: App, second_app: App, backend: Backend
) -> None:
    await app.create()
    await app.initialized(analysis={"interval": "2s", "stepWeights": [10, 20, 30, 40, 50]})
    async with app.traffic() as load:
        await app.release("2.0.0")
        await app.weight(20)
        await asyncio.to_thread(backend.stop, "kube-apiserver")
        await asyncio.to_thread(backend.start, "kube-apiserver")
        # istiod, too, has to find the API server again, with pauses of up to a minute between its
        # tries. Until then it would not learn that the promotion replaces the primary's pods.
        await app.edit(paused=True)
        await second_app.create()  # which is served once istiod has heard of all that it is made of
        await app.edit(paused=False)
        await app.phase("Succeeded")
    assert load.counts().failed == 0, load.failed()[:5]


async def test_a_failing_release_is_taken_back_after_the_api_server_was_restarted(
    app: App, backend: Backend
) -> None:
    await app.create()
    # At the worst istiod learns of pods that are gone before it learns of the routes: the pods must
    # outlast that.
    await app.initialized(analysis={"threshold": 4}, scaleDownDelaySeconds=120)
    async with app.traffic() as load:
        await app.release("2.0.0-errors-100")
        await app.weight(20)
        await asyncio.to_thread(backend.stop, "kube-apiserver")
        await asyncio.to_thread(backend.start, "kube-apiserver")
        await app.phase("Failed")
        await app.weight(0)
        async with asyncio.timeout(WITHIN):
            while "2.0.0-errors-100" in load.requests()[-50:].by_version():
                await load.more(10)
        learned = time.time()
        await load.more(100)
    others = [request for request in load.failed() if request.version != "2.0.0-errors-100"]
    assert not others, others[-5:]
    assert load.between(learned).counts().failed == 0, load.failed()[-5:]


async def test_weights_reach_the_proxies_after_istiod_was_away(app: App, backend: Backend) -> None:
    await app.create()
    await app.initialized()
    async with app.traffic() as load:
        await asyncio.to_thread(backend.stop, "istiod")
        try:
            await app.release("2.0.0")
            await app.available("-primary")
        finally:
            await asyncio.to_thread(backend.start, "istiod")
        await app.phase("Succeeded", "Failed")
    assert load.by_version()["1.0.0"]


async def test_the_operator_goes_on_within_seconds_of_a_restart(
    app: App, operator: Operator
) -> None:
    await app.create()
    await app.initialized(analysis={"stepWeights": [10, 20, 30], "interval": "2s"})
    async with app.traffic() as load:
        await app.release("2.0.0")
        await app.weight(10)
        await operator.restart_after_kill9()
        await app.weight(20, within=15)
        await app.phase("Succeeded")
    assert load.counts().failed == 0, load.failed()[:5]
