"""Policies of others that a Canary's would shadow, or break."""

from typing import Any

import pytest

from unit.routing.canaries import Object, canary, conflict, objects, of_linnet, of_somebody
from unit.workload.deployments import deployment


def _rule(host: str, mode: str | None = "DISABLE", namespace: str = "test", **spec: Any) -> Object:
    policy = {"trafficPolicy": {"tls": {"mode": mode}}} if mode else {}
    return of_somebody("DestinationRule", "other", namespace, host=host, **policy, **spec)


def _at(port: int, mode: str) -> Object:
    return {"portLevelSettings": [{"port": {"number": port}, "tls": {"mode": mode}}]}


EVERYWHERE = "*.local"
PER_PORT = of_somebody("DestinationRule", "o", host=EVERYWHERE, trafficPolicy=_at(80, "SIMPLE"))
OTHER_PORT = of_somebody("DestinationRule", "o", host=EVERYWHERE, trafficPolicy=_at(81, "SIMPLE"))


@pytest.mark.parametrize(
    ("rule", "policy"),
    [
        pytest.param(_rule("podinfo-primary", None), {}, id="for the same host"),
        pytest.param(
            _rule("podinfo-canary.test.svc.cluster.local"),
            {"tls": {"mode": "DISABLE"}},
            id="for the same host in full, even if it says the same",
        ),
        pytest.param(_rule("*.test.svc.cluster.local"), {}, id="for the namespace"),
        pytest.param(_rule(EVERYWHERE, "SIMPLE", "istio-system"), {}, id="for the mesh"),
        pytest.param(
            _rule("*", "MUTUAL"), {"loadBalancer": {}}, id="which the Canary's policy leaves open"
        ),
        pytest.param(PER_PORT, {}, id="for the port"),
        pytest.param(_rule("*"), _at(81, "DISABLE"), id="which the Canary sets for another port"),
    ],
)
def test_a_policy_that_would_be_shadowed_or_merged(rule: Object, policy: Any) -> None:
    error = conflict(canary(trafficPolicy=policy), {}, [rule])
    assert error is not None
    assert error.reason == "MeshPolicyConflict"
    assert "spec.service.trafficPolicy" in error.message
    assert f"DestinationRule {rule['metadata']['namespace']}/" in error.message


@pytest.mark.parametrize(
    ("rule", "policy"),
    [
        pytest.param(_rule("elsewhere"), {}, id="for another host"),
        pytest.param(_rule("podinfo"), {}, id="for the apex, where no request goes"),
        pytest.param(_rule("*.test.svc.cluster.local", "ISTIO_MUTUAL"), {}, id="what is automatic"),
        pytest.param(_rule("*", None), {}, id="without a word on encryption"),
        pytest.param(_rule("*"), {"tls": {"mode": "DISABLE"}}, id="which the Canary repeats"),
        pytest.param(_rule("*"), _at(80, "DISABLE"), id="which the Canary repeats for the port"),
        pytest.param(OTHER_PORT, {}, id="for another port"),
        pytest.param(_rule("*", namespace="b"), {}, id="for callers of another namespace"),
        pytest.param(
            _rule("podinfo-primary.test.svc.cluster.local", namespace="b"),
            {},
            id="for callers of another namespace, who keep it",
        ),
        pytest.param(
            _rule("podinfo-primary.test.svc.cluster.local", namespace="istio-system"),
            {},
            id="for the same host in the mesh's namespace, which gives way",
        ),
        pytest.param(_rule("*", workloadSelector={"matchLabels": {}}), {}, id="for some callers"),
        pytest.param(
            of_linnet("DestinationRule", "podinfo-canary", host="podinfo-canary"), {}, id="ours"
        ),
        pytest.param(of_somebody("DestinationRule", "broken"), {}, id="an empty one"),
    ],
)
def test_a_policy_that_does_not_matter(rule: Object, policy: Any) -> None:
    assert conflict(canary(trafficPolicy=policy), {}, [rule]) is None


def _peers(mode: str | None, namespace: str = "test", name: str = "default", **spec: Any) -> Object:
    mtls = {"mtls": {"mode": mode}} if mode else {}
    return of_somebody("PeerAuthentication", name, namespace, **mtls, **spec)


def _for(app: str) -> Any:
    return {"matchLabels": {"app": app}}


STRICT, PERMISSIVE = _peers("STRICT"), _peers("PERMISSIVE")
MESH = _peers("STRICT", "istio-system")
OF_TARGET = _peers("PERMISSIVE", name="target", selector=_for("podinfo"))
OF_PRIMARY = _peers("PERMISSIVE", name="primary", selector=_for("podinfo-primary"))


@pytest.mark.parametrize(
    ("policies", "breaks"),
    [
        pytest.param([], False, id="no policy"),
        pytest.param([STRICT], True, id="the namespace's"),
        pytest.param([MESH], True, id="the mesh's"),
        pytest.param([PERMISSIVE, MESH], False, id="the mesh's, but not the namespace's"),
        pytest.param([_peers(None), MESH], True, id="the mesh's, on which the namespace is silent"),
        pytest.param([_peers("UNSET"), MESH], True, id="the mesh's, which the namespace inherits"),
        pytest.param([STRICT, OF_TARGET], True, id="the primary's"),
        pytest.param([STRICT, OF_PRIMARY], True, id="the canary's"),
        pytest.param([STRICT, OF_TARGET, OF_PRIMARY], False, id="that of other pods"),
        pytest.param([_peers("STRICT", selector=_for("elsewhere"))], False, id="that of others"),
        pytest.param(
            [_peers("STRICT", selector=_for("podinfo-primary"))], True, id="that of one side"
        ),
        pytest.param(
            [_peers("STRICT", "istio-system", selector=_for("podinfo"))],
            False,
            id="that of pods in the mesh's namespace",
        ),
        pytest.param(
            [
                _peers(
                    "STRICT",
                    name=app,
                    selector=_for(app),
                    portLevelMtls={"9898": {"mode": "DISABLE"}},
                )
                for app in ("podinfo", "podinfo-primary")
            ],
            False,
            id="but not for the port",
        ),
        pytest.param(
            [_peers(None, selector=_for("podinfo"), portLevelMtls={"9898": {"mode": "STRICT"}})],
            True,
            id="for the port",
        ),
    ],
)
def test_mutual_tls_that_is_a_must(policies: list[Object], breaks: bool) -> None:
    for mode in ("DISABLE", "SIMPLE"):
        it = canary(targetPort="http", trafficPolicy={"tls": {"mode": mode}})
        error = conflict(it, objects(deployment()), policies)
        assert (error.reason if error else None) == ("BreaksMutualTLS" if breaks else None)
        if error:
            assert f"mode is {mode}, but PeerAuthentication" in error.message


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(None, id="a Canary that leaves it to Istio"),
        pytest.param({"tls": {"mode": "ISTIO_MUTUAL"}}, id="a Canary that says so itself"),
        pytest.param({"tls": {"mode": "MUTUAL"}}, id="a Canary with certificates of its own"),
        pytest.param(
            {"tls": {"mode": "DISABLE"}, **_at(80, "ISTIO_MUTUAL")},
            id="a Canary that says so there",
        ),
    ],
)
def test_mutual_tls_is_not_broken_by(policy: Any) -> None:
    assert conflict(canary(trafficPolicy=policy), objects(deployment()), [STRICT]) is None
