"""What is no fault of the canary: it waits, and is neither taken back nor promoted."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from cluster.behaviour import BEHAVIOUR_ANNOTATION
from e2e.api import Api
from e2e.app import App
from linnet.api.objects import ObjectRef, ref_of

CHECKED: dict[str, Any] = {"interval": "10s", "threshold": 2, "stepWeights": [30]}
RPS = 50.0


async def let_all_pods(app: App, behave: str) -> None:
    """Have both versions behave like this, as where all depend on something that fails."""
    for pod in await app.api.list("Pod", app.namespace):
        await app.api.patch(
            ref_of({"kind": "Pod", **pod}),
            {"metadata": {"annotations": {BEHAVIOUR_ANNOTATION: behave}}},
        )


@pytest.mark.needs_local_pods
async def test_a_release_waits_while_the_primary_fails_too(app: App) -> None:
    await app.create("1.0.0")
    await app.initialized(analysis=CHECKED)
    async with app.traffic(RPS) as load:
        await load.more(int(5 * RPS))
        await app.release("2.0.0")
        await app.weight(30)
        await let_all_pods(app, behave="errors-50")
        frozen = await app.condition("Progressing", "True", "PrimaryMissesObjective")
        await app.event("PrimaryMissesObjective")
        await load.more(int(15 * RPS))  # another check
        status = await app.status()
        await let_all_pods(app, behave="")
        end = await app.phase("Finalising", "Succeeded", "Failed", within=300)
    assert "the primary itself fails" in frozen["message"]
    assert (status["phase"], status["canaryWeight"], status["failedChecks"]) == (
        ("Progressing", 30, 0)
    )
    assert end["phase"] != "Failed", end["decisions"][-1]


@pytest.fixture
async def without_workloads(api: Api) -> AsyncIterator[None]:
    """Remove from the gateway's metrics the label that tells canary and primary apart."""
    override = {
        "match": {"metric": "ALL_METRICS"},
        "tagOverrides": {"destination_workload": {"operation": "REMOVE"}},
    }
    telemetry = {
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": {"name": "without-workloads", "namespace": "istio-system"},
        "spec": {"metrics": [{"providers": [{"name": "prometheus"}], "overrides": [override]}]},
    }
    await api.apply(telemetry)
    yield
    await api.delete(ObjectRef("Telemetry", "istio-system", "without-workloads"))


async def test_labels_that_telemetry_removes_are_said_to_be_missing(
    app: App, without_workloads: None
) -> None:
    await app.create("1.0.0")
    await app.initialized(analysis={**CHECKED, "blindTimeout": "20s"})
    async with app.traffic(RPS) as load:
        await load.more(int(5 * RPS))
        await app.release("2.0.0")
        held = await app.condition("Progressing", "True", "Inconclusive")
        blind = await app.condition("Blind", "True", "NoData")
        status = await app.status()
    for condition in (held, blind):
        assert "have no label destination_workload" in condition["message"]
        assert "tagOverrides" in condition["message"]
    assert (status["phase"], status["canaryWeight"]) == ("Progressing", 30)
