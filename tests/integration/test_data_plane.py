"""The local cluster's traffic: what a caller meets while pods come and go, and what is counted."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cluster.behaviour import BEHAVIOUR_ANNOTATION
from cluster.envoy import CALLER_ADDRESS, CALLER_PORTS, GATEWAY_ADDRESS
from cluster.load import Load
from cluster.local import Cluster
from integration.kubectl import apply, create, kubectl
from integration.prometheus_lab import wait_for
from integration.test_cluster import available, deployment, query, routes, service

CALLER = (CALLER_ADDRESS, CALLER_PORTS[0])


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster.current()


@pytest.fixture
def ns() -> Iterator[str]:
    made = create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "bed-"}})
    name = made["metadata"]["name"]
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def outside(ns: str, rps: float = 100, **options: Any) -> Load:
    """Traffic through the gateway."""
    return Load(GATEWAY_ADDRESS, host=f"{ns}.example.com", rps=rps, **options)


def inside(ns: str, rps: float = 100, **options: Any) -> Load:
    """Traffic through the caller's sidecar."""
    return Load(CALLER, host=f"stable.{ns}.svc.cluster.local", rps=rps, **options)


async def deploy(ns: str, **tags: str) -> None:
    """Deployments with Services, all traffic to `stable`; returns when both ways lead there."""
    apply([deployment(ns, name, tag, replicas=3) for name, tag in tags.items()])
    apply([service(ns, name) for name in tags])
    for name in tags:
        available(ns, name)
    weights = {name: 100 if name == "stable" else 0 for name in tags}
    apply([routes(ns, weights)])
    async with asyncio.timeout(120):
        for load in (outside(ns), inside(ns)):
            async with load:
                while (await load.more(10)).counts().failed:
                    pass


async def meanwhile(function: Callable[..., object], *arguments: Any) -> None:
    """Call what would block the event loop, and with it the traffic."""
    await asyncio.to_thread(function, *arguments)


def roll(ns: str, name: str, tag: str) -> None:
    kubectl("-n", ns, "set", "image", f"deployment/{name}", f"app=podinfo:{tag}")


async def test_rolling_updates_lose_no_request_and_mix_no_workloads(ns: str) -> None:
    await deploy(ns, stable="1.0", canary="9.0")
    async with outside(ns) as gateway, inside(ns) as mesh:
        for minor in range(1, 4):
            await meanwhile(roll, ns, "stable", f"1.{minor}")
            await meanwhile(roll, ns, "canary", f"9.{minor}")
            await meanwhile(available, ns, "stable")
            await gateway.more(200)
    for load in (gateway, mesh):
        assert load.failed() == []
        # Addresses of deleted pods are given to new ones; no request may follow them there.
        assert sorted(load.by_version()) == ["1.0", "1.1", "1.2", "1.3"]
        assert load.by_version().total() == load.counts().sent


async def test_traffic_to_nothing_fails_and_is_counted(cluster: Cluster, ns: str) -> None:
    await deploy(ns, stable="1.0")
    await meanwhile(kubectl, "-n", ns, "scale", "deployment/stable", "--replicas=0")
    async with outside(ns) as load:
        async with asyncio.timeout(120):
            while (await load.more(20)).counts().ok:
                pass
        await load.more(100)
    failed = load.counts().failed
    assert load.counts().reasons == {"503: no healthy upstream": failed}

    def counted() -> dict[tuple[str, ...], float]:
        names = ("destination_service_name", "destination_workload", "response_flags")
        selector = f'destination_service_namespace="{ns}",response_code="503"'
        samples = query(cluster, f"sum by ({','.join(names)}) (istio_requests_total{{{selector}}})")
        return {
            tuple(sample["metric"][name] for name in names): float(sample["value"][1])
            for sample in samples
        }

    wait_for(lambda: counted() == {("stable", "unknown", "UH"): failed}, "each failure once")


async def test_a_pod_that_turns_bad_is_seen_by_callers_and_metrics(
    cluster: Cluster, ns: str
) -> None:
    await deploy(ns, stable="1.0")
    kubectl("-n", ns, "annotate", "pods", "--all", f"{BEHAVIOUR_ANNOTATION}=errors-100")
    async with asyncio.timeout(120):
        async with inside(ns) as load:
            while (await load.more(20)).counts().ok:
                pass
    errors = load.counts().statuses[500]
    assert errors == load.counts().failed

    def counted() -> dict[str, float]:
        selector = f'destination_workload_namespace="{ns}",response_code="500"'
        samples = query(cluster, f"sum by (reporter) (istio_requests_total{{{selector}}})")
        return {sample["metric"]["reporter"]: float(sample["value"][1]) for sample in samples}

    both = {"source": errors, "destination": errors}
    wait_for(lambda: counted() == both, "each error once, told by both ends")


async def test_a_telemetry_object_takes_a_label_away(cluster: Cluster, ns: str) -> None:
    await deploy(ns, stable="1.0")
    override = {"tagOverrides": {"destination_version": {"operation": "REMOVE"}}}
    # It names the provider, as Istio's documentation does: the proxies must survive that.
    entry = {"providers": [{"name": "prometheus"}], "overrides": [override]}
    telemetry = {
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": {"name": "fewer-labels", "namespace": ns},
        "spec": {"metrics": [entry]},
    }
    apply([telemetry])

    def labelled(matcher: str) -> set[str]:
        selector = f'destination_workload_namespace="{ns}",destination_version{matcher}'
        samples = query(cluster, f"istio_requests_total{{{selector}}}")
        return {sample["metric"]["reporter"] for sample in samples}

    # The pods are in this namespace, the gateway is not.
    async with outside(ns):
        await meanwhile(
            wait_for,
            lambda: labelled('=""') == {"destination"},
            "the server's series without the label",
        )
        await meanwhile(wait_for, lambda: labelled('!=""') == {"source"}, "the client's with it")


async def test_an_api_server_that_is_away_costs_no_request(cluster: Cluster, ns: str) -> None:
    await deploy(ns, stable="1.0")
    async with outside(ns) as gateway, inside(ns) as mesh:
        await meanwhile(cluster.kill, "kube-apiserver")
        await gateway.more(100)
        await meanwhile(cluster.start, "kube-apiserver")
        await gateway.more(200)
    assert gateway.failed() == []
    assert mesh.failed() == []
