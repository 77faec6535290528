"""A Canary and its target, to be modified by the test that needs something special."""

from typing import Any

from unit.engine.world import World


def canary(**spec: Any) -> dict[str, Any]:
    """Return a Canary of Deployment podinfo: interval 10 s, threshold 3, weights 10 to 30."""
    analysis = {
        "interval": "10s",
        "threshold": 3,
        "stepWeights": [10, 20, 30],
        "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}}],
        **spec.pop("analysis", {}),
    }
    return {
        "apiVersion": "linnet.dev/v1beta1",
        "kind": "Canary",
        "metadata": {
            "name": "podinfo",
            "namespace": "test",
            "uid": "canary-uid",
            "generation": 1,
            "resourceVersion": "1",
        },
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "service": {"port": 80, "targetPort": 9898},
            "analysis": analysis,
            **spec,
        },
    }


def deployment(tag: str = "1.0.0", replicas: int = 2) -> dict[str, Any]:
    """Return Deployment podinfo as the API server would."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "podinfo", "namespace": "test"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "podinfo"}},
            "template": {
                "metadata": {"labels": {"app": "podinfo"}},
                "spec": {"containers": [{"name": "app", "image": f"podinfo:{tag}"}]},
            },
        },
    }


def world(tag: str = "1.0.0", **spec: Any) -> World:
    """Return a cluster in which the Canary was just created."""
    return World(canary(**spec), deployment(tag))


def initialized(**spec: Any) -> World:
    """Return a cluster whose Canary serves 1.0.0 and has nothing to do."""
    it = world(**spec)
    it.run(60)
    return it
