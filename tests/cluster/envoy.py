"""The two Envoys of the test cluster, and what istiod must be told for them.

`GATEWAY` is the ingress gateway, `CALLER` a pod inside the mesh that calls others through its
sidecar. Both are plain Envoys: Istio's own filters (metrics, ALPN, metadata exchange) are not in
them, which is why `mesh_config` leaves those out and asks for an access log that carries all the
metrics need, the names of the upstream workload and service included: istiod puts them into the
metadata of endpoints and clusters for this purpose.

Each Envoy writes its access log to standard output, so start it with that on a file of its own.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cluster.pods import CLUSTER_ID, Workload, workload_of

ISTIOD_ADDRESS = ("127.0.0.1", 15010)
GATEWAY_ADDRESS = ("127.0.0.1", 80)
"""Where requests from outside enter: send them here with the host in their Host header."""
CALLER_ADDRESS = "127.0.0.2"
"""Where the caller's sidecar listens, one port for each service port: send requests for a service
here with its full name (NAME.NAMESPACE.svc.cluster.local) as Host."""
CALLER_PORTS = (80,)

_ISTIO_VERSION = "1.31.0"


@dataclass(frozen=True)
class Proxy:
    """One Envoy. `address` is its pod IP, from which it connects to other pods."""

    name: str
    kind: Literal["router", "sidecar"]
    pod: str
    namespace: str
    workload_name: str
    address: str
    admin_port: int
    labels: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def node_id(self) -> str:
        """The name it gives istiod."""
        return "~".join(
            (
                self.kind,
                self.address,
                f"{self.pod}.{self.namespace}",
                f"{self.namespace}.svc.cluster.local",
            )
        )

    @property
    def workload(self) -> Workload:
        """Who it is in Istio's metrics."""
        return workload_of(
            {"name": self.workload_name, "namespace": self.namespace, "labels": self.labels}
        )

    @property
    def ready_url(self) -> str:
        """Answers 200 once istiod has sent the first full configuration."""
        return f"http://127.0.0.1:{self.admin_port}/ready"

    def bootstrap(self, istiod: tuple[str, int] = ISTIOD_ADDRESS) -> dict[str, Any]:
        """What Envoy starts from: who it is, where istiod is; all else comes from istiod."""
        return {
            "node": {
                "id": self.node_id,
                "cluster": f"{self.workload_name}.{self.namespace}",
                "metadata": {
                    "CLUSTER_ID": CLUSTER_ID,
                    "INSTANCE_IPS": self.address,
                    "ISTIO_VERSION": _ISTIO_VERSION,
                    "LABELS": dict(self.labels),
                    "MESH_ID": "cluster.local",
                    "NAME": self.pod,
                    "NAMESPACE": self.namespace,
                    "WORKLOAD_NAME": self.workload_name,
                    **self.metadata,
                },
            },
            "admin": {"address": _socket("127.0.0.1", self.admin_port)},
            "dynamic_resources": {
                "ads_config": {
                    "api_type": "DELTA_GRPC",
                    "transport_api_version": "V3",
                    "set_node_on_first_message_only": True,
                    "grpc_services": [{"envoy_grpc": {"cluster_name": "istiod"}}],
                },
                "cds_config": _ADS,
                "lds_config": _ADS,
            },
            "static_resources": {"clusters": [_istiod_cluster(*istiod)]},
            "cluster_manager": {
                # The workload process tells by this address who called a pod.
                "upstream_bind_config": {"source_address": _address(self.address, 0)}
            },
            # Thousands of clusters have hundreds of counters each; nobody reads them.
            "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": _STATS}}},
        }

    def command(self, envoy: Path, bootstrap: Path, log: Path) -> list[str]:
        """The command line; `log` gets Envoy's own messages, standard output the access log."""
        return [
            str(envoy),
            *("--config-path", str(bootstrap)),
            *("--concurrency", "1"),
            # Hot restart needs shared memory, which a network namespace does not keep apart.
            "--disable-hot-restart",
            *("--drain-time-s", "5"),
            *("--file-flush-interval-msec", "100"),
            *("--log-level", "warning"),
            # About every route: istiod sets a field that Envoy is going to drop.
            *("--component-log-level", "misc:error"),
            *("--log-path", str(log)),
        ]


_ADS = {"ads": {}, "resource_api_version": "V3"}
_STATS = [
    {"prefix": prefix}
    for prefix in ("cluster_manager.", "control_plane.", "listener_manager.", "server.")
]

GATEWAY = Proxy(
    name="gateway",
    kind="router",
    pod="istio-ingressgateway-0",
    namespace="istio-system",
    workload_name="istio-ingressgateway",
    address="10.244.250.1",
    admin_port=9901,
    labels={"app": "istio-ingressgateway", "istio": "ingressgateway"},
)
CALLER = Proxy(
    name="caller",
    kind="sidecar",
    pod="client-0",
    namespace="default",
    workload_name="client",
    address="10.244.250.2",
    admin_port=9902,
    labels={"app": "client"},
    metadata={"INTERCEPTION_MODE": "NONE"},
)
PROXIES = (GATEWAY, CALLER)


def gateway_object(hosts: Iterable[str] = ("*",)) -> dict[str, Any]:
    """The Gateway istio-system/public-gateway, which `GATEWAY` serves at `GATEWAY_ADDRESS`."""
    bind, port = GATEWAY_ADDRESS
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "public-gateway", "namespace": GATEWAY.namespace},
        "spec": {
            "selector": {"istio": "ingressgateway"},
            "servers": [
                {
                    "bind": bind,
                    "hosts": list(hosts),
                    "port": {"name": "http", "number": port, "protocol": "HTTP"},
                }
            ],
        },
    }


def sidecar_object(ports: Iterable[int] = CALLER_PORTS) -> dict[str, Any]:
    """The Sidecar that makes `CALLER` listen at `CALLER_ADDRESS`, on each of these ports."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Sidecar",
        "metadata": {"name": CALLER.workload_name, "namespace": CALLER.namespace},
        "spec": {
            "workloadSelector": {"labels": dict(CALLER.labels)},
            "egress": [
                {
                    "bind": CALLER_ADDRESS,
                    "captureMode": "NONE",
                    "hosts": ["*/*"],
                    "port": {"name": f"http-{port}", "number": port, "protocol": "HTTP"},
                }
                for port in ports
            ],
        },
    }


ACCESS_LOG = {
    "start": "%START_TIME%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "authority": "%REQ(:AUTHORITY)%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(:PATH)%",
    "content_type": "%REQ(CONTENT-TYPE)%",
    "route": "%ROUTE_NAME%",
    "cluster": "%UPSTREAM_CLUSTER_RAW%",
    "services": "%CLUSTER_METADATA(istio:services)%",
    "upstream": "%UPSTREAM_HOST%",
    "workload": "%UPSTREAM_METADATA(istio:workload)%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "code": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "grpc_status": "%GRPC_STATUS_NUMBER%",
    "duration": "%DURATION%",
}


def mesh_config() -> dict[str, Any]:
    """istiod's meshConfig: sidecars without mTLS, which log each request for the exporter."""
    return {
        "accessLogFile": "/dev/stdout",
        "accessLogEncoding": "JSON",
        "accessLogFormat": json.dumps(ACCESS_LOG),
        "enableAutoMtls": False,
        "enableTracing": False,
        # Takes the place of istiod's own: a Telemetry object that names it would have Istio's
        # metrics filter put into listeners, which a plain Envoy refuses as a whole.
        "extensionProviders": [{"name": "prometheus", "envoyFileAccessLog": {"path": "/dev/null"}}],
        "rootNamespace": GATEWAY.namespace,
    }


def _istiod_cluster(host: str, port: int) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _socket(host, port)}}
    protocol = {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    return {
        "name": "istiod",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": "istiod",
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": protocol
        },
    }


def _socket(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": _address(host, port)}


def _address(host: str, port: int) -> dict[str, Any]:
    return {"address": host, "port_value": port}
