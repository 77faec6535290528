"""BACKEND=local: the cluster of processes that `python -m cluster exec` runs the tests inside."""

from collections.abc import Mapping
from pathlib import Path

from cluster.envoy import CALLER_ADDRESS, CALLER_PORTS, GATEWAY_ADDRESS
from cluster.local import Cluster
from e2e.backend import Audited, audited_since


class Local:
    """The local cluster: everything in it can be stopped, and every request is on record."""

    name = "local"
    restartable = True
    audited = True
    namespace_labels: Mapping[str, str] = {}

    def __init__(self) -> None:
        self._cluster = Cluster.current()

    @property
    def kubeconfig(self) -> Path:
        return self._cluster.kubeconfig

    @property
    def gateway(self) -> tuple[str, int]:
        return GATEWAY_ADDRESS

    @property
    def caller(self) -> tuple[str, int]:
        return CALLER_ADDRESS, CALLER_PORTS[0]

    @property
    def prometheus(self) -> str:
        return self._cluster.prometheus_url

    def image(self, tag: str) -> str:
        return f"podinfo:{tag}"

    def stop(self, component: str) -> None:
        self._cluster.stop(component)

    def start(self, component: str) -> None:
        self._cluster.start(component)

    def operator_requests(self, since: float) -> list[Audited]:
        return audited_since(since, self._cluster.folder.audit_log.read_text())
