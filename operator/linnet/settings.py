"""What `linnet run` is told."""

import os
import socket
from dataclasses import dataclass, field

DEFAULT_PROMETHEUS = "http://prometheus.istio-system:9090"
DEFAULT_BIND = ":8080"
DEFAULT_LEASE_NAMESPACE = "linnet-system"
DEFAULT_LEASE_NAME = "linnet"


def default_identity() -> str:
    """Return the pod's name, or the machine's: the same after a restart in place."""
    return os.environ.get("POD_NAME") or socket.gethostname()


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, with its default.

    `namespaces` restricts linnet to these; empty means the whole cluster. `metrics_bind` is
    `[HOST]:PORT` with port 0 for any free one, or empty for no HTTP server. `scrape_interval` is
    in seconds; None: it is found out. `outcome_webhook_url` may be a secret by itself; empty for
    no webhook.
    """

    kubeconfig: str = ""
    context: str = ""
    namespaces: tuple[str, ...] = ()
    prometheus_url: str = DEFAULT_PROMETHEUS
    scrape_interval: float | None = None
    metrics_bind: str = DEFAULT_BIND
    outcome_webhook_url: str = field(default="", repr=False)
    leader_election: bool = True
    lease_namespace: str = DEFAULT_LEASE_NAMESPACE
    lease_name: str = DEFAULT_LEASE_NAME
    identity: str = field(default_factory=default_identity)
