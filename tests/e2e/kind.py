"""BACKEND=kind: Istio, its sidecars and Prometheus as containers, in a cluster made by kind."""

import time
from collections.abc import Mapping
from pathlib import Path

from cluster.behaviour import parse_tag
from e2e.backend import Audited, audited_since
from kind import kind_cluster as cluster

GATEWAY = ("127.0.0.1", 30080)
CALLER = ("127.0.0.1", 30081)
PROMETHEUS = "http://127.0.0.1:30090"
"""As in tests/kind/cluster.yaml."""
API_SERVER = "kube-apiserver"
API_SERVER_WITHIN = 120.0
STATIC_PODS = "/etc/kubernetes/manifests"
PUT_ASIDE = "/etc/kubernetes/stopped"
AUDIT_LOG = "/var/log/kubernetes/audit.log"


class Kind:
    """The kind cluster that `python -m kind up` made."""

    name = "kind"
    restartable = True
    audited = True
    namespace_labels: Mapping[str, str] = {"istio-injection": "enabled"}

    def __init__(self) -> None:
        cluster.attach()
        self._images: dict[str, str] = {}

    @property
    def kubeconfig(self) -> Path:
        return cluster.kubeconfig()

    @property
    def gateway(self) -> tuple[str, int]:
        return GATEWAY

    @property
    def caller(self) -> tuple[str, int]:
        return CALLER

    @property
    def prometheus(self) -> str:
        return PROMETHEUS

    def image(self, tag: str) -> str:
        if tag not in self._images:
            parse_tag(tag)
            self._images[tag] = cluster.load_image(tag)
        return self._images[tag]

    def stop(self, component: str) -> None:
        if component == API_SERVER:
            cluster.on_node(
                f"mkdir -p {PUT_ASIDE}\n"
                f"mv {STATIC_PODS}/{API_SERVER}.yaml {PUT_ASIDE}/\n"
                f"while crictl ps --quiet --name={API_SERVER} | grep -q .; do sleep 0.2; done"
            )
            return
        scaled = ("-n", "istio-system")
        cluster.kubectl(*scaled, "scale", f"deployment/{component}", "--replicas=0")
        cluster.kubectl(
            *(*scaled, "wait", "pod", f"--selector=app={component}"),
            *("--for=delete", "--timeout=2m"),
        )

    def start(self, component: str) -> None:
        if component == API_SERVER:
            cluster.on_node(f"mv {PUT_ASIDE}/{API_SERVER}.yaml {STATIC_PODS}/")
            _await_api_server()
            return
        cluster.kubectl("-n", "istio-system", "scale", f"deployment/{component}", "--replicas=1")
        cluster.rolled_out("istio-system", component)

    def operator_requests(self, since: float) -> list[Audited]:
        return audited_since(since, cluster.on_node(f"cat {AUDIT_LOG}"))


def _await_api_server() -> None:
    end = time.monotonic() + API_SERVER_WITHIN
    while True:
        try:
            cluster.kubectl("get", "--raw=/readyz")
        except cluster.KindError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)  # the polling interval of this wait
        else:
            return
