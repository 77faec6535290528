"""The components of a cluster: the command line of each, and how one sees that it is ready."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cluster import addresses, credentials, envoy, exporter, workload
from cluster.binaries import program
from cluster.envoy import CALLER, GATEWAY, Proxy
from cluster.namespaces import SERVICE_NETWORK
from cluster.pods import CLUSTER_ID
from cluster.state import Folder

# Users of the API server besides the administrator.
USERS = (
    *("controller-manager", "scheduler", "kwok", "istiod", "exporter", "workload"),
    "argocd",
)

# What Deployments, their Services, deletion, ServiceAccounts and roles need; the rest of the
# controllers would only cost memory and time.
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "daemonset-controller",
    "deployment-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "node-lifecycle-controller",
    "pod-garbage-collector-controller",
    "replicaset-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "validatingadmissionpolicy-status-controller",
)


@dataclass(frozen=True)
class Component:
    """One process. It is ready once `ready_url` answers 200; without one, once it runs.

    `arguments` are added to the command: those of its n-th start, from 0. Standard output goes to
    `output` when that is set, else to the component's log like standard error.
    """

    name: str
    command: tuple[str, ...]
    ready_url: str = ""
    arguments: Callable[[int], tuple[str, ...]] = lambda start: ()
    environment: Mapping[str, str] = field(default_factory=dict)
    output: str = ""


def components(folder: Folder) -> dict[str, Component]:
    """All components, by name, in the order in which they are listed to people."""
    return {
        component.name: component
        for component in (
            _etcd(folder),
            _api_server(folder),
            _controller_manager(folder),
            _scheduler(folder),
            _kwok(folder),
            _istiod(folder),
            _proxy(folder, GATEWAY),
            _proxy(folder, CALLER),
            _workload(folder),
            _exporter(folder),
            _prometheus(folder),
        )
    }


def _etcd(folder: Folder) -> Component:
    return Component(
        "etcd",
        (
            str(program("etcd")),
            f"--data-dir={folder.data / 'etcd'}",
            f"--listen-client-urls={addresses.ETCD_URL}",
            f"--advertise-client-urls={addresses.ETCD_URL}",
            f"--listen-peer-urls={addresses.ETCD_PEER_URL}",
            f"--initial-advertise-peer-urls={addresses.ETCD_PEER_URL}",
            f"--initial-cluster=default={addresses.ETCD_PEER_URL}",
            # Throw-away data: what it costs to survive a power cut buys nothing.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ),
        ready_url=f"{addresses.ETCD_URL}/health",
    )


def _api_server(folder: Folder) -> Component:
    account_key = credentials.service_account_key(folder)
    return Component(
        "kube-apiserver",
        (
            str(program("kube-apiserver")),
            f"--etcd-servers={addresses.ETCD_URL}",
            f"--secure-port={addresses.API_SERVER_PORT}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            # There is no pod network that would need the Service `kubernetes` to have endpoints.
            "--endpoint-reconciler-type=none",
            f"--tls-cert-file={credentials.certificate_file(folder)}",
            f"--tls-private-key-file={credentials.key_file(folder)}",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            f"--service-account-key-file={account_key}",
            f"--service-account-signing-key-file={account_key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--authorization-mode=RBAC",
            f"--token-auth-file={credentials.token_file(folder)}",
            # Pods without a container runtime need no token mounted.
            "--disable-admission-plugins=ServiceAccount",
            f"--audit-policy-file={folder.config / 'audit-policy.yaml'}",
            f"--audit-log-path={folder.audit_log}",
            "--audit-log-maxsize=0",
            # By default it waits at its end, for up to a minute, for watches that don't end.
            "--shutdown-watch-termination-grace-period=1s",
            "--profiling=false",
        ),
        ready_url=f"{addresses.API_SERVER_URL}/readyz",
    )


def _controller_manager(folder: Folder) -> Component:
    return Component(
        "kube-controller-manager",
        (
            str(program("kube-controller-manager")),
            f"--kubeconfig={folder.component_kubeconfig('controller-manager')}",
            f"--controllers={','.join(CONTROLLERS)}",
            f"--service-account-private-key-file={credentials.service_account_key(folder)}",
            f"--root-ca-file={credentials.ca_file(folder)}",
            "--leader-elect=false",
            "--secure-port=0",
            "--allocate-node-cidrs=false",
            # The defaults (20, 30) make a hundred Deployments at once wait for the limit.
            "--kube-api-qps=300",
            "--kube-api-burst=600",
            "--profiling=false",
        ),
    )


def _scheduler(folder: Folder) -> Component:
    return Component(
        "kube-scheduler",
        (
            str(program("kube-scheduler")),
            f"--kubeconfig={folder.component_kubeconfig('scheduler')}",
            "--leader-elect=false",
            "--secure-port=0",
            "--kube-api-qps=300",
            "--kube-api-burst=600",
            "--profiling=false",
        ),
    )


def _kwok(folder: Folder) -> Component:
    return Component(
        "kwok",
        (
            str(program("kwok")),
            f"--kubeconfig={folder.component_kubeconfig('kwok')}",
            f"--config={folder.config / 'stages.yaml'}",
            "--manage-all-nodes=true",
            "--node-ip=10.244.255.1",
            # Without a lease the node counts as lost after a minute, its pods as not ready. After a
            # restart kwok does nothing until the lease of its former self has run out.
            "--node-lease-duration-seconds=12",
            f"--server-address={addresses.KWOK}",
        ),
        ready_url=f"http://{addresses.KWOK}/readyz",
        arguments=lambda start: (f"--cidr={_pod_network(start)}",),
    )


def _pod_network(start: int) -> str:
    """A part of the network of pods for each start of kwok: it forgets which addresses it gave."""
    return f"10.{128 + start % 100}.0.0/16"


def _istiod(folder: Folder) -> Component:
    host, port = envoy.ISTIOD_ADDRESS
    return Component(
        "istiod",
        (
            str(program("pilot-discovery")),
            "discovery",
            f"--kubeconfig={folder.component_kubeconfig('istiod')}",
            f"--meshConfig={folder.config / 'mesh.yaml'}",
            "--registries=Kubernetes",
            f"--grpcAddr={host}:{port}",
            "--secureGRPCAddr=",
            f"--httpAddr={addresses.ISTIOD_HTTP}",
            f"--httpsAddr={addresses.ISTIOD_WEBHOOK}",
            f"--monitoringAddr={addresses.ISTIOD_MONITORING}",
            f"--tlsCertFile={credentials.certificate_file(folder)}",
            f"--tlsKeyFile={credentials.key_file(folder)}",
            f"--caCertFile={credentials.ca_file(folder)}",
            "--ctrlz_port=0",
            "--profile=false",
        ),
        ready_url=f"http://{addresses.ISTIOD_HTTP}/ready",
        environment={
            "POD_NAME": "istiod-0",
            "POD_NAMESPACE": GATEWAY.namespace,
            "CLUSTER_ID": CLUSTER_ID,
            "ENABLE_CA_SERVER": "false",
            "ENABLE_LEADER_ELECTION": "false",
            "INJECT_ENABLED": "false",
            "INJECTION_WEBHOOK_CONFIG_NAME": "",
            "PILOT_CERT_PROVIDER": "none",
            "PILOT_ENABLE_ALPN_FILTER": "false",
            "PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER": "false",
            "PILOT_ENABLE_METADATA_EXCHANGE": "false",
            # The webhook's configuration is complete as applied.
            "VALIDATION_WEBHOOK_CONFIG_NAME": "",
        },
    )


def _proxy(folder: Folder, proxy: Proxy) -> Component:
    return Component(
        proxy.name,
        tuple(
            proxy.command(
                program("envoy"), folder.config / f"{proxy.name}.json", folder.log(proxy.name)
            )
        ),
        ready_url=proxy.ready_url,
        output=str(folder.access_log(proxy.name)),
    )


def _workload(folder: Folder) -> Component:
    return Component(
        "workload",
        (
            *(sys.executable, "-m", "cluster.workload"),
            f"--kubeconfig={folder.component_kubeconfig('workload')}",
        ),
        ready_url=f"http://{workload.DEFAULT_LISTEN}/healthz",
    )


def _exporter(folder: Folder) -> Component:
    logs = (f"--log={p.name}={folder.access_log(p.name)}" for p in envoy.PROXIES)
    return Component(
        "exporter",
        (
            *(sys.executable, "-m", "cluster.exporter"),
            f"--kubeconfig={folder.component_kubeconfig('exporter')}",
            *logs,
        ),
        ready_url=f"http://{exporter.DEFAULT_LISTEN}/healthz",
    )


def _prometheus(folder: Folder) -> Component:
    return Component(
        "prometheus",
        (
            str(program("prometheus")),
            f"--config.file={folder.config / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder.data / 'prometheus'}",
            f"--web.listen-address={addresses.PROMETHEUS}",
            # By default a new target is not looked at for five seconds.
            "--scrape.discovery-reload-interval=100ms",
            "--log.level=warn",
        ),
        ready_url=f"{addresses.PROMETHEUS_URL}/-/ready",
    )
