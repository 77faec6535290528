from typing import Any

import pytest

from cluster.telemetry import UNTOUCHED, Metric, Rule, Rules, Side, rules

REMOVE = {"operation": "REMOVE"}


def telemetry(
    *overrides: dict[str, Any], namespace: str = "istio-system", **labels: str
) -> dict[str, Any]:
    spec: dict[str, Any] = {"metrics": [{"overrides": list(overrides)}]}
    if labels:
        spec["selector"] = {"matchLabels": labels}
    return {"metadata": {"namespace": namespace}, "spec": spec}


def removal(*labels: str, **match: str) -> dict[str, Any]:
    return {"match": match, "tagOverrides": dict.fromkeys(labels, REMOVE)}


def both(*labels: str) -> Rules:
    return dict.fromkeys(Metric, Rule(removed=frozenset(labels)))


@pytest.mark.parametrize(
    ("telemetries", "expected"),
    [
        pytest.param([], UNTOUCHED, id="without any, all labels stay"),
        pytest.param(
            [telemetry(removal("source_app"))],
            both("source_app"),
            id="one in the root namespace holds for the mesh",
        ),
        pytest.param(
            [telemetry(removal("source_app"), namespace="shop")],
            both("source_app"),
            id="one in the reporter's namespace holds there",
        ),
        pytest.param(
            [telemetry(removal("source_app"), namespace="bank")],
            UNTOUCHED,
            id="one in another namespace does not concern it",
        ),
        pytest.param(
            [telemetry(removal("source_app"), namespace="shop", app="web")],
            both("source_app"),
            id="a selector that picks the reporter",
        ),
        pytest.param(
            [telemetry(removal("source_app"), namespace="shop", app="db")],
            UNTOUCHED,
            id="a selector that picks another",
        ),
        pytest.param(
            [telemetry(removal("source_app"), app="web")],
            UNTOUCHED,
            id="a selector in the root namespace picks only there",
        ),
        pytest.param(
            [telemetry(removal("source_app")), telemetry(removal("source_cluster"))],
            both("source_app", "source_cluster"),
            id="removals add up",
        ),
        pytest.param(
            [telemetry(removal("source_app", metric="REQUEST_COUNT"))],
            {**UNTOUCHED, Metric.REQUEST_COUNT: Rule(removed=frozenset({"source_app"}))},
            id="for one metric only",
        ),
        pytest.param(
            [telemetry(removal("source_app", mode="CLIENT"))],
            both("source_app"),
            id="for the side that reports",
        ),
        pytest.param(
            [telemetry(removal("source_app", mode="SERVER"))],
            UNTOUCHED,
            id="for the other side",
        ),
        pytest.param(
            [telemetry({"tagOverrides": {"source_app": {"operation": "UPSERT", "value": "'x'"}}})],
            UNTOUCHED,
            id="another value is not a removal",
        ),
        pytest.param(
            [telemetry({"match": {"metric": "REQUEST_DURATION"}, "disabled": True})],
            {**UNTOUCHED, Metric.REQUEST_DURATION: Rule(disabled=True)},
            id="a metric can be switched off",
        ),
        pytest.param(
            [telemetry({"disabled": False}, namespace="shop"), telemetry({"disabled": True})],
            UNTOUCHED,
            id="and on again nearer to the reporter, in whatever order they come",
        ),
        pytest.param(
            [{"metadata": {"namespace": "shop"}, "spec": {"tracing": []}}],
            UNTOUCHED,
            id="one that is not about metrics",
        ),
    ],
)
def test_rules_of_a_client_in_namespace_shop(
    telemetries: list[dict[str, Any]], expected: Rules
) -> None:
    assert rules(telemetries, Side.CLIENT, "shop", {"app": "web", "tier": "front"}) == expected
