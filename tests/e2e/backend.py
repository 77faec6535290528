"""The cluster that the end-to-end tests run on, and what they need of it.

Chosen by $BACKEND: `local` (the default: processes in namespaces of their own), `kind`, or
`kubeconfig` (a cluster of yours, named by $LINNET_TEST_CONTEXT).
"""

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol


class Audited(NamedTuple):
    """One request of the operator, from the API server's audit log."""

    verb: str
    path: str
    code: int


class Backend(Protocol):
    """A cluster with Istio and Prometheus, reached over addresses of this machine."""

    name: str
    restartable: bool
    """Components can be stopped and started; otherwise tests that do so are skipped."""
    audited: bool
    """The operator's requests can be read; otherwise tests that count them are skipped."""
    namespace_labels: Mapping[str, str]
    """What makes the pods of a namespace part of the mesh."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        ...

    @property
    def gateway(self) -> tuple[str, int]:
        """Where the ingress gateway listens."""
        ...

    @property
    def caller(self) -> tuple[str, int]:
        """Where requests enter the mesh from a pod of it."""
        ...

    @property
    def prometheus(self) -> str:
        """The URL of Prometheus."""
        ...

    def image(self, tag: str) -> str:
        """Return the image of the test workload whose tag says how it behaves."""
        ...

    def stop(self, component: str) -> None:
        """Stop a component and wait until it is gone."""
        ...

    def start(self, component: str) -> None:
        """Start a stopped component and wait until it is ready."""
        ...

    def operator_requests(self, since: float) -> list[Audited]:
        """Return what the operator asked of the API server since then (seconds of the epoch)."""
        ...


def address(text: str) -> tuple[str, int]:
    """Read HOST:PORT."""
    host, _, port = text.rpartition(":")
    return host, int(port)


def audited_since(since: float, log: str) -> list[Audited]:
    """Read an audit log: the requests received since then (seconds of the epoch)."""
    requests = []
    for line in log.splitlines():
        event = json.loads(line)
        if datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp() >= since:
            code = event.get("responseStatus", {}).get("code", 0)
            requests.append(Audited(event["verb"], event["requestURI"], code))
    return requests


def from_environment() -> Backend:
    """Return the backend that $BACKEND names."""
    name = os.environ.get("BACKEND", "local")
    if name == "local":
        from e2e.local import Local

        return Local()
    if name == "kind":
        from e2e.kind import Kind

        return Kind()
    if name == "kubeconfig":
        from e2e.existing import Existing

        return Existing()
    raise ValueError(f"BACKEND={name}: it must be local, kind or kubeconfig")
