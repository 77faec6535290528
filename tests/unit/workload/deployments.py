"""Deployments as users write them, to be modified by the test that needs something special."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

CONTAINER = {
    "name": "app",
    "image": "podinfo:1.0.0",
    "ports": [{"name": "http", "containerPort": 9898}],
}


def deployment(
    name: str = "podinfo",
    namespace: str = "test",
    *,
    labels: Mapping[str, str] | None = None,
    pod: Mapping[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """Return a Deployment whose selector and pods have `labels` (app: NAME by default).

    `pod` adds to the spec of its pods, `spec` to that of the Deployment.
    """
    labels = {"app": name} if labels is None else labels
    return deepcopy(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": dict(labels)},
                "template": {
                    "metadata": {"labels": dict(labels)},
                    "spec": {"containers": [CONTAINER], **(pod or {})},
                },
                **spec,
            },
        }
    )


def selecting(**labels: str) -> dict[str, Any]:
    """Return a label selector."""
    return {"matchLabels": labels}


RICH: Mapping[str, Any] = {
    "containers": [
        {
            "name": "app",
            "image": "podinfo:1.0.0",
            "command": ["podinfo", "--level=info"],
            # Kubernetes takes two of one key, though it warns: the later value wins.
            "env": [
                {"name": "A", "value": "1"},
                {"name": "A", "value": "$(A)2"},
                {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ],
            "envFrom": [{"configMapRef": {"name": "settings"}}],
            "ports": [
                {"name": "http", "containerPort": 9898},
                {"name": "metrics", "containerPort": 9898},
            ],
            "resources": {
                "requests": {"cpu": "1000m", "memory": "1024Mi"},
                "limits": {"cpu": 2, "memory": "2G"},
            },
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
            "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
            "volumeMounts": [
                {"name": "scratch", "mountPath": "/scratch"},
                {"name": "all", "mountPath": "/all", "readOnly": True},
            ],
            "securityContext": {"readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        },
        {"name": "helper", "image": "helper:1"},
    ],
    "initContainers": [
        {
            "name": "proxy",
            "image": "proxy:1",
            "restartPolicy": "Always",
            "ports": [{"name": "proxy", "containerPort": 8443}],
        }
    ],
    "volumes": [
        {"name": "scratch", "emptyDir": {}},
        {
            "name": "all",
            "projected": {
                "sources": [
                    {"configMap": {"name": "settings"}},
                    {"serviceAccountToken": {"path": "token"}},
                ]
            },
        },
    ],
    "affinity": {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 100,
                    "podAffinityTerm": {
                        "topologyKey": "kubernetes.io/hostname",
                        "labelSelector": selecting(app="podinfo"),
                    },
                }
            ]
        }
    },
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "zone",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": selecting(app="podinfo"),
        }
    ],
    "tolerations": [{"key": "spot", "operator": "Exists"}],
    "imagePullSecrets": [{"name": "registry"}],
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["legacy"]}],
    "terminationGracePeriodSeconds": 45,
}
"""The spec of a pod that has a bit of everything."""
