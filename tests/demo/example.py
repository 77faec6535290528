"""The objects of the demo: examples/podinfo.yaml, behind the gateway and with shorter times."""

from pathlib import Path
from typing import Any

import yaml

from demo.options import APP, HOST, NAMESPACE, Options

EXAMPLE = Path(__file__).parents[2] / "examples" / "podinfo.yaml"
GATEWAY = "istio-system/public-gateway"
LADDER = (10, 25, 50)
THRESHOLD = 2
REPLICAS = 2

Object = dict[str, Any]


def namespace() -> Object:
    """Return the namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}


def deployment(options: Options) -> Object:
    """Return the Deployment as the example has it, with two replicas of the first version."""
    found = _example("Deployment")
    found["spec"]["replicas"] = REPLICAS
    container = found["spec"]["template"]["spec"]["containers"][0]
    container["image"] = image(options.stable)
    return found


def canary(options: Options) -> Object:
    """Return the Canary as the example has it, judged every few seconds on errors and latency."""
    found = _example("Canary")
    found["spec"] |= {"progressDeadlineSeconds": 60, "scaleDownDelaySeconds": 5}
    found["spec"]["service"] |= {"gateways": [GATEWAY], "hosts": [HOST]}
    found["spec"]["analysis"] |= {
        "interval": options.interval,
        "threshold": THRESHOLD,
        "stepWeights": list(LADDER),
        "metrics": [
            {"name": "request-success-rate", "thresholdRange": {"min": 99}},
            {"name": "request-duration", "thresholdRange": {"max": 500}},
        ],
    }
    return found


def image(version: str) -> str:
    """Return the example's image at another version."""
    container = _example("Deployment")["spec"]["template"]["spec"]["containers"][0]
    name, _, _ = str(container["image"]).rpartition(":")
    return f"{name}:{version}"


def release(version: str) -> list[str]:
    """Return the command that releases a version."""
    return [
        *("kubectl", "--namespace", NAMESPACE, "set", "image"),
        *(f"deployment/{APP}", f"{APP}={image(version)}"),
    ]


def _example(kind: str) -> Object:
    for document in yaml.safe_load_all(EXAMPLE.read_text(encoding="utf-8")):
        if document["kind"] == kind and document["metadata"]["name"] == APP:
            found: Object = document
            found["metadata"]["namespace"] = NAMESPACE
            return found
    raise LookupError(f"{EXAMPLE} has no {kind} {APP}")
