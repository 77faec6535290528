"""The files that the components read, and the objects that a cluster begins with."""

import base64
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from cluster import addresses, credentials, envoy, exporter, workload
from cluster.binaries import module_file, program
from cluster.components import USERS
from cluster.stages import stages
from cluster.state import Folder, Settings

MANIFESTS = Path(__file__).parent / "manifests"
NODE = "node-0"
KWOK_STAGES = (
    "node-initialize",
    "node-heartbeat-with-lease",
    "pod-ready",
    "pod-complete",
)


def write(folder: Folder, settings: Settings) -> None:
    """Write everything that must be there before the first component starts."""
    credentials.write(folder, settings.name, USERS)
    shutil.copyfile(MANIFESTS / "audit-policy.yaml", folder.config / "audit-policy.yaml")
    (folder.config / "stages.yaml").write_text(
        "---\n".join(
            [
                *(module_file(f"{name}.yaml").read_text() for name in KWOK_STAGES),
                yaml.safe_dump_all(stages()),
            ]
        )
    )
    (folder.config / "mesh.yaml").write_text(yaml.safe_dump(envoy.mesh_config()))
    (folder.config / "prometheus.yml").write_text(yaml.safe_dump(prometheus(folder, settings)))
    for proxy in envoy.PROXIES:
        (folder.config / f"{proxy.name}.json").write_text(json.dumps(proxy.bootstrap()))
    kubectl = folder.programs / "kubectl"
    kubectl.symlink_to(program("kubectl"))


def prometheus(folder: Folder, settings: Settings) -> dict[str, Any]:
    """Prometheus' configuration."""
    return {
        "global": {
            "scrape_interval": settings.scrape_interval,
            "scrape_timeout": settings.scrape_interval,
        },
        "scrape_configs": [
            _job("exporter", exporter.DEFAULT_LISTEN),
            _job("workload", workload.DEFAULT_LISTEN),
            {
                "job_name": "others",
                "file_sd_configs": [
                    {"files": [str(folder.scrape_targets / "*.json")], "refresh_interval": "1m"}
                ],
            },
        ],
    }


def _job(name: str, address: str) -> dict[str, Any]:
    return {"job_name": name, "static_configs": [{"targets": [address]}]}


def istio_crds() -> Path:
    """The manifest of Istio's CustomResourceDefinitions."""
    return module_file("crd-all.gen.yaml")


def first_objects() -> list[dict[str, Any]]:
    """What is applied as soon as the API server answers: a node, and Istio's namespace."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": envoy.GATEWAY.namespace},
        },
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}},
        },
    ]


def mesh_objects(folder: Folder) -> list[dict[str, Any]]:
    """What is applied once istiod validates objects: the gateway, the caller, and validation."""
    return [_validation(folder), envoy.gateway_object(), envoy.sidecar_object()]


def _validation(folder: Folder) -> dict[str, Any]:
    """istiod's webhook as its chart has it, but at an address instead of a Service."""
    authority = base64.b64encode(credentials.ca_file(folder).read_bytes()).decode()
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "istio-validator-istio-system"},
        "webhooks": [
            {
                "name": "rev.validation.istio.io",
                "clientConfig": {
                    "url": f"https://{addresses.ISTIOD_WEBHOOK}/validate",
                    "caBundle": authority,
                },
                "rules": [
                    {
                        "operations": ["CREATE", "UPDATE"],
                        "apiGroups": [
                            "security.istio.io",
                            "networking.istio.io",
                            "telemetry.istio.io",
                            "extensions.istio.io",
                        ],
                        "apiVersions": ["*"],
                        "resources": ["*"],
                    }
                ],
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }


def write_objects(path: Path, objects: Iterable[Mapping[str, Any]]) -> Path:
    """Write a manifest for kubectl; returns its path."""
    path.write_text(yaml.safe_dump_all(objects))
    return path
