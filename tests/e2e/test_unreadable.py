"""A Canary that is older than a rule which it breaks, as after an upgrade of the CRD."""

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from e2e.api import WITHIN, Api
from e2e.app import App
from linnet.api.objects import ObjectRef
from linnet.errors import SpecError

DEFINITION = ObjectRef("CustomResourceDefinition", "", "canaries.linnet.dev")


def without_rules(schema: Any) -> Any:
    """Return a schema as it was before there were rules."""
    if isinstance(schema, dict):
        kept = {k: v for k, v in schema.items() if k != "x-kubernetes-validations"}
        return {key: without_rules(value) for key, value in kept.items()}
    return [without_rules(item) for item in schema] if isinstance(schema, list) else schema


@asynccontextmanager
async def lenient(api: Api) -> AsyncIterator[None]:
    """Let the API server take Canaries that break a rule, for a while."""
    definition = await api.get(DEFINITION)
    assert definition is not None
    versions = copy.deepcopy(definition["spec"]["versions"])
    await api.patch(DEFINITION, {"spec": {"versions": without_rules(versions)}})
    try:
        yield
    finally:
        await api.patch(DEFINITION, {"spec": {"versions": versions}})


async def once_accepted(app: App, **spec: Any) -> None:
    """Change the Canary as soon as the API server goes by its new definition."""
    async with asyncio.timeout(WITHIN):
        while True:
            try:
                return await app.edit(**spec)
            except SpecError:
                await asyncio.sleep(0.2)  # the polling interval of this wait


async def test_a_canary_that_breaks_a_newer_rule_can_be_deleted(app: App) -> None:
    """It says what is wrong, and ends like any other: no request fails, all is given back."""
    await app.create("1.0.0")
    async with app.traffic(rps=50) as load:
        await app.initialized()
        await app.api.until(app.ref("Deployment"), lambda d: d["spec"]["replicas"] == 0)
        async with lenient(app.api):
            await once_accepted(app, analysis={"stepWeights": None})
            await app.condition("Stalled", "True", "InvalidSpec")
        await app.api.delete(app.canary_ref)
        await app.api.until_gone(app.canary_ref)
        await app.api.until_gone(app.ref("Deployment", "-primary"))
        await app.available()
        await app.serving()
    assert load.counts().failed == 0, load.failed()[:5]
    routes = await app.api.get(app.ref("VirtualService"))
    assert routes is not None
    assert routes["spec"] == app.routes()["spec"], "the team's routes are given back"
