"""Weight and promotion by evidence: no ladder, no threshold, real traffic."""

import time
from datetime import datetime, timedelta
from typing import Any

from e2e.app import App
from e2e.cost import Cost, Report, is_bad

RPS = 50.0
SOAK = timedelta(seconds=10)
BUDGET = 20
MARGIN = 2
ANALYSIS: dict[str, Any] = {
    "interval": "2s",
    "metrics": [],
    "ramp": {"exposureBudget": BUDGET},
    "promotion": {
        "evidence": True,
        "minSoak": f"{SOAK.total_seconds():g}s",
        "margin": MARGIN,
        "deadline": "5m",
    },
}
WARM_UP = 500
"""Requests before a release: their rate decides how small the first weight is."""
BAD = "3.0.0-errors-100"


async def first_traffic(app: App) -> dict[str, Any]:
    """Wait until the canary has traffic; return the status."""
    canary = await app.api.until(app.canary_ref, lambda canary: canary["status"]["canaryWeight"])
    return dict(canary["status"])


async def test_weight_and_promotion_follow_the_evidence(app: App, report: Report) -> None:
    await app.create("1.0.0")
    manifest = app.manifest(analysis=ANALYSIS)
    del manifest["spec"]["analysis"]["stepWeights"]  # the ramp stands in its place
    await app.api.apply(manifest)
    await app.phase("Initialized")
    await app.weight(0)
    async with app.traffic(RPS) as load:
        await load.more(WARM_UP)
        await app.release("2.0.0")
        begin = await first_traffic(app)
        promoted = await app.phase("Succeeded", "Failed", within=150)
        assert load.counts().failed == 0, load.failed()[:5]

        await app.release(BAD)
        await first_traffic(app)
        since = time.time()
        failed = await app.phase("Failed", "Succeeded", within=150)
        await app.weight(0)
        back = time.time()
    bad = sum(is_bad(request) for request in load.between(since).of(BAD))
    cost = Cost(failed["phase"], failed["decisions"][-1]["reason"], bad, back - since)

    assert promoted["phase"] == "Succeeded"
    (promoting,) = [one for one in promoted["decisions"] if one["reason"] == "Promoting"]
    report.row(
        f"Ramp and promotion by evidence at {RPS:g} requests a second; budget {BUDGET}, margin"
        f" {MARGIN} %",
        {
            "healthy: weights": f"{begin['canaryWeight']} to {promoting['weight']} %",
            "requests compared": f"{promoting['exposure']['requests']:g}",
            "promoted after": f"{soaked(begin, promoting).total_seconds():.0f} s",
            "fails 100 %": cost,
        },
    )
    assert begin["canaryWeight"] <= 5, "what fails everything is to keep to the budget"
    assert promoting["weight"] >= 5 * begin["canaryWeight"]
    grown = [one["message"] for one in promoted["decisions"] if one["reason"] == "Advanced"]
    assert any(f"the budget is {BUDGET} failed requests" in message for message in grown), grown
    assert soaked(begin, promoting) >= SOAK
    assert "evidence to promote" in promoting["message"]
    assert promoting["exposure"]["requests"] >= 300 / MARGIN, "fewer are no evidence"

    assert (failed["phase"], cost.reason) == ("Failed", "GuardTripped")
    assert 0 < bad <= 3 * BUDGET, "a budget is kept as a rule, not to the request"


def soaked(begin: dict[str, Any], decision: dict[str, Any]) -> timedelta:
    """Return for how long the canary had had traffic when something was decided."""
    since = datetime.fromisoformat(begin["trafficSince"])
    return datetime.fromisoformat(decision["time"]) - since
