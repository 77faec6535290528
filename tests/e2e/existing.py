"""BACKEND=kubeconfig: a cluster that is there already, with Istio and Prometheus in it."""

import os
from collections.abc import Mapping
from pathlib import Path

import yaml

from e2e.backend import Audited, address
from kind.kind_cluster import build_image, run

NEEDED = {
    "KUBECONFIG": "how to reach the cluster",
    "LINNET_TEST_CONTEXT": "the kubeconfig's current context, to say that it is meant",
    "LINNET_GATEWAY": "HOST:PORT of the ingress gateway on this machine (kubectl port-forward)",
    "LINNET_MESH_CALLER": "HOST:PORT by which requests leave a pod in the mesh",
    "LINNET_PROMETHEUS_URL": "the URL of Prometheus",
    "LINNET_TEST_IMAGE": "the test workload's image, without its tag",
}
PUSH = "LINNET_TEST_PUSH"
"""Set to anything to have images built and pushed as tests ask for them."""


class Existing:
    """A cluster of the user's. Nothing in it is stopped, and its audit log is not read."""

    name = "kubeconfig"
    restartable = False
    audited = False
    namespace_labels: Mapping[str, str] = {"istio-injection": "enabled"}

    def __init__(self) -> None:
        self._pushed: set[str] = set()
        missing = [f"{key} ({what})" for key, what in NEEDED.items() if not os.environ.get(key)]
        if missing:
            raise ValueError(f"BACKEND=kubeconfig needs {', '.join(missing)}")
        content = yaml.safe_load(self.kubeconfig.read_text())
        if content.get("current-context") != os.environ["LINNET_TEST_CONTEXT"]:
            raise ValueError(
                f"KUBECONFIG leads to context {content.get('current-context')!r}, and"
                f" LINNET_TEST_CONTEXT says {os.environ['LINNET_TEST_CONTEXT']!r}: these tests"
                " create and delete namespaces, so both must name the same cluster"
            )

    @property
    def kubeconfig(self) -> Path:
        return Path(os.environ["KUBECONFIG"])

    @property
    def gateway(self) -> tuple[str, int]:
        return address(os.environ["LINNET_GATEWAY"])

    @property
    def caller(self) -> tuple[str, int]:
        return address(os.environ["LINNET_MESH_CALLER"])

    @property
    def prometheus(self) -> str:
        return os.environ["LINNET_PROMETHEUS_URL"]

    def image(self, tag: str) -> str:
        image = f"{os.environ['LINNET_TEST_IMAGE']}:{tag}"
        if os.environ.get(PUSH) and image not in self._pushed:
            build_image(image, tag)
            run("docker", "push", "--quiet", image)
            self._pushed.add(image)
        return image

    def stop(self, component: str) -> None:
        raise ValueError(f"{component} of a cluster that is not ours is not stopped")

    def start(self, component: str) -> None:
        raise ValueError(f"{component} of a cluster that is not ours is not started")

    def operator_requests(self, since: float) -> list[Audited]:
        raise ValueError("the audit log of a cluster that is not ours is not read")
