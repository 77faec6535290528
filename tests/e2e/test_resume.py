"""kill -9 at every write: a restart changes nothing but time."""

from collections.abc import Callable

import pytest

from e2e.app import SUCCESS_RATE, App
from e2e.operator import Operator
from e2e.proxy import ApiProxy, Write

STEPS = {"stepWeights": [50], "metrics": [SUCCESS_RATE], "threshold": 1}
BEGINNING = (
    "status Progressing at weight 0",
    "scale podinfo to 2",
    "status Progressing at weight 50",
    "routes at weight 50",
)
PROMOTION = (
    *BEGINNING,
    "status Promoting at weight 50",
    "deployments podinfo-primary",
    "status Finalising at weight 0",
    "routes at weight 0",
    "status Succeeded at weight 0",
    "scale podinfo to 0",
)
ROLLBACK = (
    *BEGINNING,
    "status Failed at weight 0",
    "routes at weight 0",
    "scale podinfo to 0",
)

Starter = Callable[..., Operator]


class Killer:
    """Kills an operator twice in a release: at one write before it is sent, and when it is tried
    again, after it was carried out but before the operator hears of it."""

    def __init__(self, proxy: ApiProxy, operator: Operator, victim: str) -> None:
        proxy.writes.clear()
        proxy.before, proxy.after = self.before, self.after
        self._operator = operator
        self._victim = victim
        self.kills = 0

    async def before(self, write: Write) -> None:
        """Kill in the place of the write."""
        if str(write) == self._victim and self.kills == 0:
            self.kills += 1
            await self._operator.restart_after_kill9()
            raise ConnectionResetError("the operator was killed before it could send this")

    async def after(self, write: Write) -> None:
        """Kill between the API server's answer and the operator's hearing of it."""
        if str(write) == self._victim and self.kills == 1:
            self.kills += 1
            await self._operator.restart_after_kill9()


@pytest.mark.parametrize(
    ("tag", "ends", "writes"),
    [
        pytest.param("2.{}.0", "Succeeded", PROMOTION, id="a promotion"),
        pytest.param("2.{}.0-errors-100", "Failed", ROLLBACK, id="a rollback"),
    ],
)
async def test_killed_at_every_write_the_operator_goes_on_where_it_was(
    app: App, own_operator: Starter, tag: str, ends: str, writes: tuple[str, ...]
) -> None:
    await app.create("1.0.0")
    async with ApiProxy(app.api.server) as proxy:
        operator = own_operator(server=proxy.url)
        await operator.ready()
        await app.initialized(analysis=STEPS)
        await app.api.until(app.ref("Deployment"), lambda d: d["spec"]["replicas"] == 0)
        for number, victim in enumerate(("none", *writes)):
            killer = Killer(proxy, operator, victim)
            version = tag.format(number)
            async with app.traffic(rps=40) as load:
                await app.release_until(version, ends)
                await app.api.until(app.ref("Deployment"), lambda d: d["spec"]["replicas"] == 0)
                await app.weight(0)
            seen = list(dict.fromkeys(map(str, proxy.writes)))
            counts = load.counts()
            print(f"killed at {victim}: {counts.sent} requests, {counts.failed} failed")
            assert operator.running, "the operator died by itself"
            if ends == "Succeeded":
                assert counts.failed == 0, (victim, load.failed()[:5])
                assert load.by_version()[version]
            if victim == "none":
                assert seen == list(writes), "the table names every write of a release, in order"
            else:
                assert killer.kills == 2, f"{victim} was not written twice: {seen}"
