"""Every pod of the test cluster, in one process.

    python -m cluster.workload --kubeconfig FILE

It listens on all addresses, tells by the address a connection was made to which pod is meant, and
does what that pod's image tag says (`cluster.behaviour`). A pod that is not ready answers 503; an
address without a pod, with a crashing one, or with one that is gone for good, closes the
connection without an answer: whoever sends traffic there sees it fail. Every answer names pod and
version, in headers and as JSON.

It also serves Istio's server-side metrics (reporter="destination") for the requests that reached a
pod, as the pods' sidecars would.
"""

import asyncio
import json
import logging
import random
import time
from collections.abc import Mapping
from typing import Any

import click
import httptools

from cluster.behaviour import Behaviour
from cluster.daemon import (
    PODS,
    SERVICES,
    TELEMETRIES,
    TelemetryStore,
    kubeconfig_option,
    listen_option,
    run,
    setup_logging,
)
from cluster.envoy import PROXIES
from cluster.istio_metrics import RequestLabels, RequestMetrics, Service, request_labels
from cluster.pods import DEFAULT_GRACE, Answer, Pod, PodTable, Workload
from cluster.reflector import Change, Object
from cluster.telemetry import Rules, Side

log = logging.getLogger(__name__)

DEFAULT_LISTEN = "127.0.0.1:9092"
DEFAULT_PORTS = (9898,)

_CALLERS = {proxy.address: proxy.workload for proxy in PROXIES}
_STRANGER = Workload()


class ServiceTable:
    """The Services there are; finds the one that a pod's sidecar would name in its metrics."""

    def __init__(self) -> None:
        self._services: dict[str, Object] = {}

    def changed(self, change: Change, obj: Object) -> None:
        """Take over a change."""
        if change == "DELETED":
            self._services.pop(obj["metadata"]["uid"], None)
        else:
            self._services[obj["metadata"]["uid"]] = obj

    def of(self, namespace: str, labels: Mapping[str, str], workload: Workload) -> Service:
        """The oldest Service that selects the pod; without one, its canonical service."""
        found = [
            service["metadata"]
            for service in self._services.values()
            if service["metadata"]["namespace"] == namespace
            and (selector := service["spec"].get("selector"))
            and selector.items() <= labels.items()
        ]
        if not found:
            name = workload.canonical_service
            return Service(name, name, namespace)
        name = min(found, key=lambda m: (m["creationTimestamp"], m["name"]))["name"]
        return Service(f"{name}.{namespace}.svc.cluster.local", name, namespace)


class Pods:
    """What all connections share: who is where, and the metrics of what they answered."""

    def __init__(self, grace: float) -> None:
        self._table = PodTable(grace)
        self._services = ServiceTable()
        self._telemetry = TelemetryStore()
        self._metrics = RequestMetrics()
        self._labels: dict[tuple[str, str, int, str], tuple[RequestLabels, Rules]] = {}

    def at(self, ip: str) -> tuple[Answer, Pod | None]:
        """What a request to `ip` gets now, and from whom."""
        return self._table.at(ip, time.monotonic())

    def count(self, pod: Pod, caller: str, code: int, flags: str, seconds: float) -> None:
        """Count a request that reached a pod; `code` is 0 when it got no answer."""
        key = (pod.uid, caller, code, flags)
        known = self._labels.get(key)
        if known is None:
            known = self._labels[key] = self._labels_of(pod, caller, code, flags)
        labels, rules = known
        self._metrics.record(labels, seconds * 1000, rules)

    def exposition(self) -> bytes:
        """The server-side metrics."""
        return self._metrics.exposition()

    def pod_changed(self, change: Change, obj: Object) -> None:
        """Take over a change of a pod."""
        now = time.monotonic()
        if change == "DELETED":
            self._table.remove(obj, now)
            return
        try:
            self._table.put(obj, now)
        except ValueError as error:
            metadata = obj["metadata"]
            log.error("pod %s/%s crashes: %s", metadata["namespace"], metadata["name"], error)

    def service_changed(self, change: Change, obj: Object) -> None:
        """Take over a change of a Service."""
        self._services.changed(change, obj)
        self._labels.clear()

    def telemetry_changed(self, change: Change, obj: Object) -> None:
        """Go over to new rules. Series made by the old ones end, as those of a proxy do."""
        if self._telemetry.changed(change, obj):
            self._labels.clear()
            self._metrics.reset()

    def _labels_of(
        self, pod: Pod, caller: str, code: int, flags: str
    ) -> tuple[RequestLabels, Rules]:
        labels = request_labels(
            "destination",
            _CALLERS.get(caller, _STRANGER),
            pod.workload,
            self._services.of(pod.namespace, pod.labels, pod.workload),
            code=code,
            flags=flags,
        )
        return labels, self._telemetry.rules(Side.SERVER, pod.namespace, pod.labels)


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection to one address; requests on it are answered one after another."""

    def __init__(self, pods: Pods) -> None:
        self._pods = pods
        self._parser = httptools.HttpRequestParser(self)
        self._address = ""
        self._caller = ""
        self._began = 0.0
        self._late: tuple[Pod, asyncio.TimerHandle] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._address = transport.get_extra_info("sockname")[0]
        self._caller = transport.get_extra_info("peername")[0]
        if self._pods.at(self._address)[0] is Answer.CLOSE:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._late is not None:
            pod, timer = self._late
            timer.cancel()
            self._count(pod, 0, "DC")

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def on_message_begin(self) -> None:
        self._began = time.monotonic()

    def on_message_complete(self) -> None:
        answer, pod = self._pods.at(self._address)
        if pod is None or self._late is not None:  # requests in a pipeline are not taken
            self._transport.abort()
        elif answer is Answer.UNAVAILABLE:
            self._reply(pod, 503)
        else:
            self._behave(pod, pod.behaviour.at(self._began - pod.ready_at))

    def _behave(self, pod: Pod, behaviour: Behaviour) -> None:
        code = behaviour.status(random.random())
        if not code:
            self._count(pod, 0, "UC")
            self._transport.abort()
            return
        if behaviour.slow:
            loop = asyncio.get_running_loop()
            self._late = (pod, loop.call_later(behaviour.slow, self._reply, pod, code))
        else:
            self._reply(pod, code)

    def _reply(self, pod: Pod, code: int) -> None:
        self._late = None
        keep_alive = self._parser.should_keep_alive()
        self._transport.write(_response(pod, code, keep_alive))
        self._count(pod, code, "-")
        if not keep_alive:
            self._transport.close()

    def _count(self, pod: Pod, code: int, flags: str) -> None:
        self._pods.count(pod, self._caller, code, flags, time.monotonic() - self._began)


_REASONS = {200: "OK", 500: "Internal Server Error", 503: "Service Unavailable"}


def _response(pod: Pod, code: int, keep_alive: bool) -> bytes:
    facts: dict[str, Any] = {
        "code": code,
        "namespace": pod.namespace,
        "workload": pod.workload.name,
        "pod": pod.name,
        "version": pod.version,
    }
    body = json.dumps(facts) + "\n"
    connection = "" if keep_alive else "connection: close\r\n"
    return (
        f"HTTP/1.1 {code} {_REASONS[code]}\r\n"
        "content-type: application/json\r\n"
        f"content-length: {len(body)}\r\n"
        f"x-pod: {pod.name}\r\n"
        f"x-workload: {pod.workload.name}\r\n"
        f"x-version: {pod.version}\r\n"
        f"{connection}\r\n{body}"
    ).encode()


async def serve(
    kubeconfig: str, listen: tuple[str, int], ports: tuple[int, ...], grace: float
) -> None:
    """Be the pods until SIGTERM."""
    pods = Pods(grace)
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(lambda: Connection(pods), "0.0.0.0", port, backlog=1024)
        for port in ports
    ]
    watches = {
        PODS: pods.pod_changed,
        SERVICES: pods.service_changed,
        TELEMETRIES: pods.telemetry_changed,
    }
    try:
        await run(kubeconfig, watches, pods.exposition, listen)
    finally:
        for server in servers:
            server.close()


@click.command()
@kubeconfig_option
@listen_option(DEFAULT_LISTEN)
@click.option(
    "--port",
    "ports",
    type=int,
    multiple=True,
    default=DEFAULT_PORTS,
    show_default=True,
    help="A container port that pods answer on.",
)
@click.option(
    "--grace",
    type=float,
    default=DEFAULT_GRACE,
    show_default=True,
    help="Seconds that a pod goes on serving after its deletion began.",
)
def main(kubeconfig: str, listen: tuple[str, int], ports: tuple[int, ...], grace: float) -> None:
    """Be every pod of the test cluster."""
    setup_logging()
    asyncio.run(serve(kubeconfig, listen, ports, grace))


if __name__ == "__main__":
    main()
