"""How the primary is derived from its target."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from linnet.api.canary import Canary
from linnet.api.names import REVISION_ANNOTATION
from linnet.errors import SpecError
from linnet.ownership import owned_metadata
from linnet.workload.primary import (
    primary_deployment,
    primary_labels,
    primary_template,
    same_template,
    target_labels,
)
from linnet.workload.revision import revision_of
from unit.workload.deployments import RICH, deployment, selecting

CANARY = Canary.from_object(
    {
        "metadata": {"name": "podinfo", "namespace": "test", "uid": "uid-1"},
        "spec": {
            "targetRef": {"name": "podinfo"},
            "skipAnalysis": True,
            "service": {"port": 80},
        },
    }
)
NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"


@pytest.mark.parametrize(
    ("labels", "primary"),
    [
        pytest.param({"app": "a"}, {"app": "a-primary"}, id="app"),
        pytest.param({"name": "a"}, {"name": "a-primary"}, id="name"),
        pytest.param({NAME: "a", INSTANCE: "a"}, {NAME: "a-primary", INSTANCE: "a"}, id=NAME),
        pytest.param(
            {"app": "a", "name": "b", "tier": "c"},
            {"app": "a-primary", "name": "b", "tier": "c"},
            id="app before others",
        ),
        pytest.param(
            {"tier": "a", "part": "b"}, {"tier": "a", "part": "b-primary"}, id="the first otherwise"
        ),
        pytest.param({"app": "a" * 55}, {"app": "a" * 55 + "-primary"}, id="one that just fits"),
    ],
)
def test_target_and_primary_differ_in_one_label(
    labels: Mapping[str, str], primary: Mapping[str, str]
) -> None:
    target = deployment(labels=labels)
    assert target_labels(target) == labels
    assert primary_labels(target) == primary
    made = primary_deployment(CANARY, target, None, 2)["spec"]
    assert made["selector"] == {"matchLabels": primary}
    assert made["template"]["metadata"]["labels"] == primary


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        pytest.param({}, "NoSelectorLabel", id="no label"),
        pytest.param({"app": "a" * 56}, "LabelTooLong", id="a label that gets too long"),
    ],
)
def test_a_selector_that_cannot_do(labels: Mapping[str, str], reason: str) -> None:
    target = deployment(labels=labels)
    for function in (target_labels, primary_labels, primary_template):
        with pytest.raises(SpecError, match="Deployment test/podinfo: ") as caught:
            function(target)
        assert caught.value.reason == reason


def test_the_live_primary_knows_best_whom_it_selects() -> None:
    target = deployment(labels={"app": "renamed"})
    live = primary_deployment(CANARY, deployment(), None, 2)
    assert primary_labels(target, live) == {"app": "podinfo-primary"}
    with pytest.raises(SpecError, match="delete Canary podinfo and create it again") as caught:
        primary_deployment(CANARY, target, live, 2)
    assert caught.value.reason == "SelectorChanged"


def test_a_deployment_of_somebody_is_not_touched() -> None:
    with pytest.raises(SpecError, match=r"Deployment test/podinfo-primary was not made") as caught:
        primary_deployment(CANARY, deployment(), deployment("podinfo-primary"), 2)
    assert caught.value.reason == "NotOurs"


def test_the_template_is_the_targets_but_for_its_identity() -> None:
    target = deployment(pod=RICH)
    target["spec"]["template"]["metadata"] |= {
        "labels": {"app": "podinfo", INSTANCE: "shop", "version": "1"},
        "annotations": {"argocd.argoproj.io/x": "y"},
    }
    untouched = copy.deepcopy(target)
    made = primary_template(target)
    assert target == untouched
    expected = copy.deepcopy(target["spec"]["template"])
    expected["metadata"]["labels"]["app"] = "podinfo-primary"
    spread, affinity = expected["spec"]["topologySpreadConstraints"], expected["spec"]["affinity"]
    spread[0]["labelSelector"] = selecting(app="podinfo-primary")
    [term] = affinity["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    term["podAffinityTerm"]["labelSelector"] = selecting(app="podinfo-primary")
    assert made == expected


def _affinity(kind: str, **term: Any) -> dict[str, Any]:
    term = {"topologyKey": "zone", **term}
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


def _is(operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": "app", "operator": operator, "values": list(values)}]}


ON_NODES = {
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [_is("In", "podinfo")]
            }
        }
    }
}


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        pytest.param(
            _affinity("podAffinity", labelSelector=_is("In", "podinfo", "redis")),
            _affinity("podAffinity", labelSelector=_is("In", "podinfo-primary", "redis")),
            id="by an expression",
        ),
        pytest.param(
            _affinity("podAntiAffinity", labelSelector=_is("NotIn", "podinfo")),
            _affinity("podAntiAffinity", labelSelector=_is("NotIn", "podinfo-primary")),
            id="by exclusion",
        ),
        pytest.param(
            _affinity("podAffinity", labelSelector=selecting(app="redis")), None, id="not others"
        ),
        pytest.param(
            _affinity("podAffinity", labelSelector=selecting(tier="podinfo")),
            None,
            id="not by another label",
        ),
        pytest.param(
            _affinity(
                "podAffinity",
                labelSelector={"matchExpressions": [{"key": "app", "operator": "Exists"}]},
            ),
            None,
            id="not by its mere presence",
        ),
        pytest.param(
            _affinity("podAffinity", namespaceSelector=selecting(app="podinfo")),
            None,
            id="not namespaces",
        ),
        pytest.param(_affinity("podAffinity", labelSelector=None), None, id="not without one"),
        pytest.param(ON_NODES, None, id="not nodes"),
    ],
)
def test_the_template_selects_the_primarys_pods(pod: Any, expected: Any) -> None:
    made = primary_template(deployment(pod=pod))["spec"]
    assert made["affinity"] == (expected or pod)["affinity"]


def test_an_expression_in_the_selector_is_of_the_primary_too() -> None:
    target = deployment()
    target["spec"]["selector"] |= _is("In", "podinfo")
    made = primary_deployment(CANARY, target, None, 2)["spec"]["selector"]
    assert made == {"matchLabels": {"app": "podinfo-primary"}, **_is("In", "podinfo-primary")}


def test_what_the_primary_has_of_its_target() -> None:
    copied: dict[str, Any] = {
        "strategy": {"rollingUpdate": {"maxSurge": 1}},
        "minReadySeconds": 1,
        "progressDeadlineSeconds": 2,
        "revisionHistoryLimit": 3,
    }
    target = deployment(**copied, paused=True)
    target["metadata"] |= {
        "labels": {INSTANCE: "shop"},
        "annotations": {"argocd.argoproj.io/tracking-id": "shop"},
    }
    made = primary_deployment(CANARY, target, None, 5)
    assert made["metadata"] == {
        **owned_metadata(CANARY, "podinfo-primary"),
        "annotations": {REVISION_ANNOTATION: revision_of(target["spec"]["template"])},
    }
    assert made["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "linnet"}
    assert set(made["spec"]) == {*copied, "replicas", "selector", "template"}
    assert made["spec"].items() >= {**copied, "replicas": 5}.items()


def _with_default(obj: Any) -> dict[str, Any]:
    upgraded = copy.deepcopy(dict(obj))
    upgraded["spec"]["template"]["spec"]["newField"] = "default"
    return upgraded


def test_a_default_that_a_new_api_server_adds_to_both_is_no_difference() -> None:
    target = deployment()
    primary = primary_deployment(CANARY, target, None, 2)
    assert same_template(target, primary)
    assert same_template(_with_default(target), _with_default(primary))
    assert not same_template(_with_default(target), primary)
