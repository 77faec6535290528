"""The local cluster itself: what the other tests rely on."""

import json
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pytest

from cluster.addresses import API_SERVER_URL
from cluster.credentials import ca_file
from cluster.envoy import CALLER_ADDRESS, CALLER_PORTS, GATEWAY_ADDRESS
from cluster.load import Load
from cluster.local import Cluster
from integration.kubectl import apply, create, kubectl, refusal
from integration.prometheus_lab import wait_for

GATEWAY = "istio-system/public-gateway"


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster.current()


@pytest.fixture
def ns() -> Iterator[str]:
    made = create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "bed-"}})
    name = made["metadata"]["name"]
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def deployment(ns: str, name: str, tag: str, replicas: int = 2, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": ns, **metadata},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "containers": [
                        {
                            "name": "app",
                            "image": f"podinfo:{tag}",
                            "ports": [{"name": "http", "containerPort": 9898}],
                        }
                    ]
                },
            },
        },
    }


def service(ns: str, name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": ns},
        "spec": {
            "selector": {"app": name},
            "ports": [{"name": "http", "port": 80, "targetPort": 9898}],
        },
    }


def routes(ns: str, weights: dict[str, int]) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "app", "namespace": ns},
        "spec": {
            "hosts": [f"{ns}.example.com", f"stable.{ns}.svc.cluster.local"],
            "gateways": [GATEWAY, "mesh"],
            "http": [
                {
                    "route": [
                        {"destination": {"host": host, "port": {"number": 80}}, "weight": weight}
                        for host, weight in weights.items()
                    ]
                }
            ],
        },
    }


def available(ns: str, name: str) -> None:
    kubectl("-n", ns, "rollout", "status", f"deployment/{name}", "--timeout=180s")


def items(ns: str, kinds: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(kubectl("-n", ns, "get", kinds, "-o", "json"))["items"]
    return found


def containers(pods: list[dict[str, Any]]) -> list[tuple[bool, str]]:
    """Return readiness and the reason it waits for, for each container there is."""
    return [
        (status["ready"], status["state"].get("waiting", {}).get("reason", ""))
        for pod in pods
        for status in pod["status"].get("containerStatuses", [])
    ]


def pods_since(ns: str, version: str) -> list[dict[str, Any]]:
    """Return each pod as it was, for each change since a version of the list."""
    query = f"watch=1&resourceVersion={version}&timeoutSeconds=1"
    lines = kubectl("get", "--raw", f"/api/v1/namespaces/{ns}/pods?{query}").splitlines()
    return [json.loads(line)["object"] for line in lines]


def query(cluster: Cluster, promql: str) -> list[dict[str, Any]]:
    parameters = urllib.parse.urlencode({"query": promql})
    url = f"{cluster.prometheus_url}/api/v1/query?{parameters}"
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310  # our own Prometheus
        found: list[dict[str, Any]] = json.load(response)["data"]["result"]
        return found


def two_versions(ns: str, stable: int, canary: int) -> None:
    """Two Deployments behind one host, with these weights, ready to serve."""
    names = ("stable", "canary")
    apply([deployment(ns, name, f"1.0.0-{name}") for name in names])
    apply([service(ns, name) for name in names])
    for name in names:
        available(ns, name)
    apply([routes(ns, {"stable": stable, "canary": canary})])


async def serves(target: tuple[str, int], host: str, version: str) -> Counter[str]:
    """Wait until a request is answered by this version; return how many each version answered."""
    answered: Counter[str] = Counter()
    # istiod looks for an API server that was away with pauses of up to a minute.
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        async with Load(target, host=host, rps=50, duration=0.5) as load:
            await load.wait()
        answered += load.by_version()
        if answered[version]:
            return answered
    pytest.fail(f"{host} is not served by {version}: {load.counts()}")


def test_a_deployment_becomes_available(ns: str) -> None:
    apply([deployment(ns, "app", "1.0.0", replicas=3)])
    available(ns, "app")
    assert containers(items(ns, "pods")) == [(True, "")] * 3


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        pytest.param("1.0.0-never-ready", (False, ""), id="never-ready runs without being ready"),
        pytest.param("1.0.0-crash", (False, "CrashLoopBackOff"), id="crash exits again and again"),
    ],
)
def test_a_bad_version_is_not_ready(ns: str, tag: str, expected: tuple[bool, str]) -> None:
    apply([deployment(ns, "bad", tag, replicas=1), deployment(ns, "good", "1.0.0", replicas=1)])
    available(ns, "good")
    wait_for(lambda: expected in containers(items(ns, "pods")), f"a container that is {expected}")
    pods = {pod["metadata"]["labels"]["app"]: pod["status"] for pod in items(ns, "pods")}
    assert pods["bad"]["podIP"], "it has an address, as a real one would"
    assert pods["bad"]["phase"] == "Running"
    by_name = {d["metadata"]["name"]: d["status"] for d in items(ns, "deployments")}
    assert by_name["bad"].get("readyReplicas", 0) == 0


def test_a_slow_version_is_ready_after_its_time(ns: str) -> None:
    before = json.loads(kubectl("get", "--raw", f"/api/v1/namespaces/{ns}/pods"))
    apply([deployment(ns, "app", "1.0.0-slow-start-2", replicas=1)])
    available(ns, "app")
    changes = pods_since(ns, before["metadata"]["resourceVersion"])
    states = [state for state, _ in groupby(containers([pod]) for pod in changes)]
    assert states == [[], [(False, "")], [(True, "")]]
    (pod,) = items(ns, "pods")
    times = {c["type"]: c["lastTransitionTime"] for c in pod["status"]["conditions"]}
    assert times["Ready"] > pod["status"]["startTime"]


def test_deleting_an_owner_deletes_what_it_owns(ns: str) -> None:
    owner = create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner", "namespace": ns}}
    )
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    apply([deployment(ns, "app", "1.0.0", ownerReferences=[reference])])
    available(ns, "app")
    kubectl("-n", ns, "delete", "configmap", "owner")
    wait_for(lambda: not items(ns, "deployments,replicasets,pods"), "everything owned to be gone")


def test_istio_refuses_what_makes_no_sense(ns: str) -> None:
    wrong = routes(ns, {"stable": 0, "canary": 0})
    assert "total destination weight = 0" in refusal("apply", "-f", "-", stdin=json.dumps(wrong))


async def test_real_requests_follow_the_weights_through_the_gateway(
    cluster: Cluster, ns: str
) -> None:
    two_versions(ns, stable=90, canary=10)
    probes = await serves(GATEWAY_ADDRESS, f"{ns}.example.com", "1.0.0-canary")
    async with Load(GATEWAY_ADDRESS, host=f"{ns}.example.com", rps=200, duration=5) as load:
        await load.wait()
    assert load.counts().failed == 0, load.failed()[:5]
    # Of 1000 requests 100 are due, with a standard deviation of 9.5: four of them either way.
    assert 62 <= load.by_version()["1.0.0-canary"] <= 138

    def counted() -> dict[str, float]:
        sums = query(
            cluster,
            "sum by (reporter) (istio_requests_total{"
            f'destination_workload="canary",destination_workload_namespace="{ns}",'
            'response_code="200",source_workload="istio-ingressgateway"})',
        )
        return {sample["metric"]["reporter"]: float(sample["value"][1]) for sample in sums}

    # `probes` are those that waited for the routes.
    expected = float(probes["1.0.0-canary"] + load.by_version()["1.0.0-canary"])
    wait_for(
        lambda: counted() == {"source": expected, "destination": expected},
        "each request in Prometheus once, told by both ends",
    )


async def test_requests_inside_the_mesh_follow_the_weights(ns: str) -> None:
    two_versions(ns, stable=70, canary=30)
    target, host = (CALLER_ADDRESS, CALLER_PORTS[0]), f"stable.{ns}.svc.cluster.local"
    await serves(target, host, "1.0.0-canary")
    async with Load(target, host=host, rps=100, duration=5) as load:
        await load.wait()
    assert load.counts().failed == 0, load.failed()[:5]
    # Of 500 requests 150 are due, with a standard deviation of 10.2.
    assert 109 <= load.by_version()["1.0.0-canary"] <= 191


@pytest.mark.parametrize("component", ["kube-apiserver", "istiod", "etcd", "prometheus", "kwok"])
async def test_a_component_comes_back_after_it_was_killed(
    cluster: Cluster, ns: str, component: str
) -> None:
    two_versions(ns, stable=100, canary=0)
    cluster.kill(component)
    down = {status.name for status in cluster.status() if not status.running}
    assert down == {component}
    cluster.start(component)
    assert all(status.running for status in cluster.status())
    # Whatever it does, it does it again: a change makes its way to the pods and the proxies.
    wait_for(lambda: bool(kubectl("-n", ns, "get", "deployments", "-o", "name")), "the API")
    apply([deployment(ns, "canary", "2.0.0"), routes(ns, {"stable": 0, "canary": 100})])
    available(ns, "canary")
    addresses = Counter(pod["status"]["podIP"] for pod in items(ns, "pods"))
    assert max(addresses.values()) == 1, "each pod has an address of its own"
    await serves(GATEWAY_ADDRESS, f"{ns}.example.com", "2.0.0")
    wait_for(
        lambda: bool(
            query(cluster, f'istio_requests_total{{destination_workload_namespace="{ns}"}}')
        ),
        "the requests in Prometheus",
    )


def test_each_request_of_linnet_is_on_record_once(cluster: Cluster, ns: str) -> None:
    """The budget of API requests is measured by this record."""
    account = {"kind": "ServiceAccount", "name": "linnet", "namespace": "linnet-system"}
    namespace = {"metadata": {"name": "linnet-system"}, "apiVersion": "v1", "kind": "Namespace"}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "linnet", "namespace": ns},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "view",
        },
        "subjects": [account],
    }
    apply([namespace])
    metadata = {key: account[key] for key in ("name", "namespace")}
    apply([{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}, binding])
    token = kubectl("-n", "linnet-system", "create", "token", "linnet").strip()
    as_linnet = (
        *(f"--token={token}", f"--server={API_SERVER_URL}", "--kubeconfig=/dev/null"),
        f"--certificate-authority={ca_file(cluster.folder)}",
    )
    path = f"/api/v1/namespaces/{ns}/pods"
    question = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": "system:serviceaccount:linnet-system:linnet",
            "resourceAttributes": {"namespace": ns, "verb": "watch", "resource": "pods"},
        },
    }
    wait_for(lambda: bool(create(question)["status"]["allowed"]), "the permission")
    kubectl("get", "--raw", path, *as_linnet)
    kubectl("get", "--raw", f"{path}?watch=1&timeoutSeconds=1", *as_linnet)
    refusal("delete", "--raw", f"{path}/x", *as_linnet)
    kubectl("get", "--raw", path)  # the administrator's is nobody's business

    def recorded() -> list[tuple[str, int]]:
        events = map(json.loads, cluster.folder.audit_log.read_text().splitlines())
        return sorted(
            (event["verb"], event["responseStatus"]["code"])
            for event in events
            if path in event["requestURI"]
        )

    wait_for(lambda: len(recorded()) >= 3, "three requests on record")
    assert recorded() == [("delete", 403), ("list", 200), ("watch", 200)]
