"""The admission policies of deploy/, on the test cluster for a while."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from deployment import KUSTOMIZE
from integration.kubectl import kubectl

POLICIES = KUSTOMIZE / "components" / "admission-policies"


@contextmanager
def applied() -> Iterator[None]:
    """Have the policies applied meanwhile; it takes a moment until they are in force."""
    with tempfile.TemporaryDirectory() as name:
        component = os.path.relpath(POLICIES, name)
        (Path(name) / "kustomization.yaml").write_text(yaml.safe_dump({"components": [component]}))
        kubectl(
            *("apply", "--server-side", "--force-conflicts", "--validate=strict"),
            *("--kustomize", name),
        )
        try:
            yield
        finally:
            kubectl("delete", "--kustomize", name)
