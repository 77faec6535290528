"""What is applied to the kind cluster, judged by a real API server and by Istio's validation."""

import pytest
import yaml

from integration.kubectl import apply
from kind.kind_cluster import MANIFESTS


@pytest.mark.parametrize("name", [path.name for path in MANIFESTS])
def test_every_object_is_accepted(name: str) -> None:
    (path,) = (path for path in MANIFESTS if path.name == name)
    objects = [obj for obj in yaml.safe_load_all(path.read_text()) if obj["kind"] != "Namespace"]
    for obj in objects:
        if "namespace" in obj["metadata"]:  # the only one that exists here
            obj["metadata"]["namespace"] = "istio-system"
    accepted = apply(objects, "--dry-run=server")
    assert len(accepted.splitlines()) == len(objects)
