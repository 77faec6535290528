"""Istio's client-side metrics (reporter="source"), made from the access logs of plain Envoys.

    python -m cluster.exporter --kubeconfig FILE --log gateway=FILE --log caller=FILE

The logs are read when Prometheus asks, from their beginning: each line counts once, nothing is
counted late, and an exporter that was restarted goes on with the same figures. How labels are
filled in follows Istio's `istio_stats` filter for a client: the workload is known whenever an
upstream host was chosen, whether or not it could be reached (UF); without one (UH, NR) it is
"unknown", and the service is still known when the route led to a cluster.
"""

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from cluster.daemon import (
    TELEMETRIES,
    TelemetryStore,
    kubeconfig_option,
    listen_option,
    run,
    setup_logging,
)
from cluster.envoy import PROXIES, Proxy
from cluster.istio_metrics import RequestLabels, RequestMetrics, Service, request_labels
from cluster.pods import UNKNOWN, Workload
from cluster.reflector import Change, Object
from cluster.telemetry import Rules, Side

log = logging.getLogger(__name__)

DEFAULT_LISTEN = "127.0.0.1:9091"

_SPECIAL_CLUSTERS = ("BlackHoleCluster", "PassthroughCluster")
_SPECIAL_ROUTES = {"block_all": "BlackHoleCluster", "allow_any": "PassthroughCluster"}
_CHUNK = 1 << 20


class LogFile:
    """The complete lines added to a file since it was last asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""

    def lines(self) -> Iterator[bytes]:
        """New lines, without a last one that is still being written. No file yet: no lines."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return
        with file:
            if file.seek(0, 2) < self._offset:  # the proxy was started anew with an empty log
                self._offset, self._rest = 0, b""
            file.seek(self._offset)
            while chunk := file.read(_CHUNK):
                self._offset += len(chunk)
                *lines, self._rest = (self._rest + chunk).split(b"\n")
                yield from lines


def source_labels(proxy: Proxy, entry: Mapping[str, Any]) -> RequestLabels:
    """The labels that this proxy's metrics would have for a request it logged."""
    content_type = entry.get("content_type") or ""
    grpc_status = None
    if content_type.startswith("application/grpc"):
        grpc_status = str(entry.get("grpc_status") or "")
    destination = _destination(entry.get("workload"))
    return request_labels(
        "source",
        proxy.workload,
        destination,
        _service(entry, destination),
        code=entry.get("code") or 0,
        flags=entry.get("flags") or "-",
        grpc_status=grpc_status,
    )


def _destination(workload: str | None) -> Workload:
    """From what istiod tells of an endpoint: NAME;NAMESPACE;CANONICAL NAME;REVISION;CLUSTER."""
    if not workload:
        return Workload()
    name, namespace, canonical_name, revision, cluster = workload.split(";")
    return Workload(
        name=name or UNKNOWN,
        namespace=namespace or UNKNOWN,
        canonical_service=canonical_name or UNKNOWN,
        canonical_revision=revision or "latest",
        cluster=cluster or UNKNOWN,
    )


def _service(entry: Mapping[str, Any], destination: Workload) -> Service:
    authority = entry.get("authority") or UNKNOWN
    if special := _SPECIAL_ROUTES.get(entry.get("route") or ""):
        return Service(authority, special, destination.namespace)
    if entry.get("cluster") in _SPECIAL_CLUSTERS:
        return Service(authority, entry["cluster"], destination.namespace)
    services = entry.get("services")
    if not services:
        return Service(authority, authority, destination.namespace)
    first = services[0]
    host = first.get("host", authority)
    return Service(
        host,
        first.get("name", host.partition(".")[0]),
        first.get("namespace", destination.namespace),
    )


class Exporter:
    """Request metrics of several proxies, each with its log."""

    def __init__(self, logs: Sequence[tuple[Proxy, LogFile]]) -> None:
        self._logs = logs
        self._telemetry = TelemetryStore()
        self._metrics = RequestMetrics()
        self._rules = self._current_rules()

    def exposition(self) -> bytes:
        """The metrics of all requests logged until now."""
        self._read()
        return self._metrics.exposition()

    def telemetry_changed(self, change: Change, obj: Object) -> None:
        """Go over to new rules. Series made by the old ones end, as those of a proxy do."""
        self._telemetry.changed(change, obj)
        rules = self._current_rules()
        if rules != self._rules:
            self._read()
            self._metrics.reset()
            self._rules = rules

    def _current_rules(self) -> dict[str, Rules]:
        return {
            proxy.name: self._telemetry.rules(Side.CLIENT, proxy.namespace, proxy.labels)
            for proxy, _ in self._logs
        }

    def _read(self) -> None:
        for proxy, file in self._logs:
            rules = self._rules[proxy.name]
            for line in file.lines():
                try:
                    entry = json.loads(line)
                except ValueError:
                    log.warning("not a line of an access log, ignored: %r", line[:200])
                    continue
                self._metrics.record(source_labels(proxy, entry), entry["duration"], rules)


@click.command()
@kubeconfig_option
@listen_option(DEFAULT_LISTEN)
@click.option(
    "--log",
    "logs",
    metavar="PROXY=FILE",
    multiple=True,
    required=True,
    help=f"The access log of a proxy ({' or '.join(proxy.name for proxy in PROXIES)}).",
)
def main(kubeconfig: str, listen: tuple[str, int], logs: tuple[str, ...]) -> None:
    """Serve Istio's client-side metrics, made from Envoys' access logs."""
    setup_logging()
    exporter = Exporter([_log(option) for option in logs])
    watches = {TELEMETRIES: exporter.telemetry_changed}
    asyncio.run(run(kubeconfig, watches, exporter.exposition, listen))


def _log(option: str) -> tuple[Proxy, LogFile]:
    name, _, path = option.partition("=")
    for proxy in PROXIES:
        if proxy.name == name and path:
            return proxy, LogFile(Path(path))
    raise click.BadParameter(f"{option!r} is not PROXY=FILE with a proxy known here")


if __name__ == "__main__":
    main()
