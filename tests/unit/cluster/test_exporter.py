import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cluster.envoy import CALLER, GATEWAY
from cluster.exporter import Exporter, LogFile, source_labels

# As Envoy 1.40 writes them under istiod's configuration.
ANSWERED: dict[str, Any] = {
    "start": "2026-01-01T00:00:00.000Z",
    "request_id": "7f7b9c2e-0000-4000-8000-000000000000",
    "authority": "shop.example.com",
    "method": "GET",
    "path": "/",
    "content_type": None,
    "route": None,
    "cluster": "outbound|80||web-canary.shop.svc.cluster.local",
    "services": [
        {"host": "web-canary.shop.svc.cluster.local", "name": "web-canary", "namespace": "shop"}
    ],
    "upstream": "10.244.0.7:9898",
    "workload": "web;shop;web;;Kubernetes",
    "attempts": 1,
    "code": 200,
    "flags": "-",
    "details": "via_upstream",
    "grpc_status": None,
    "duration": 7,
}
NO_HOST: dict[str, Any] = ANSWERED | {"code": 503, "upstream": None, "workload": None}
NO_ROUTE: dict[str, Any] = NO_HOST | {"cluster": None, "services": None}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(
            ANSWERED,
            {
                "reporter": "source",
                "source_workload": "istio-ingressgateway",
                "source_workload_namespace": "istio-system",
                "source_app": "istio-ingressgateway",
                "destination_workload": "web",
                "destination_workload_namespace": "shop",
                "destination_canonical_service": "web",
                "destination_canonical_revision": "latest",
                "destination_cluster": "Kubernetes",
                "destination_service": "web-canary.shop.svc.cluster.local",
                "destination_service_name": "web-canary",
                "destination_service_namespace": "shop",
                "request_protocol": "http",
                "response_code": "200",
                "response_flags": "-",
                "grpc_response_status": "",
                "connection_security_policy": "unknown",
            },
            id="a request that was answered",
        ),
        pytest.param(
            ANSWERED | {"code": 503, "flags": "UF"},
            {"destination_workload": "web", "response_code": "503", "response_flags": "UF"},
            id="a pod that could not be reached is named all the same",
        ),
        pytest.param(
            NO_HOST | {"flags": "UH"},
            {
                "destination_workload": "unknown",
                "destination_workload_namespace": "unknown",
                "destination_canonical_revision": "latest",
                "destination_service_name": "web-canary",
                "destination_service_namespace": "shop",
                "response_flags": "UH",
            },
            id="without a healthy pod the service is known, the workload is not",
        ),
        pytest.param(
            NO_ROUTE | {"code": 404, "flags": "NR"},
            {
                "destination_workload": "unknown",
                "destination_service": "shop.example.com",
                "destination_service_name": "shop.example.com",
                "destination_service_namespace": "unknown",
                "response_code": "404",
                "response_flags": "NR",
            },
            id="without a route only the host asked for is known",
        ),
        pytest.param(
            NO_ROUTE | {"cluster": "PassthroughCluster", "route": "allow_any", "code": 200},
            {"destination_service_name": "PassthroughCluster", "destination_workload": "unknown"},
            id="traffic to a host outside the mesh",
        ),
        pytest.param(
            NO_ROUTE | {"cluster": "BlackHoleCluster", "route": "block_all", "code": 502},
            {"destination_service_name": "BlackHoleCluster"},
            id="traffic to such a host when that is forbidden",
        ),
        pytest.param(
            ANSWERED | {"code": 0, "flags": "DC"},
            {"response_code": "0", "response_flags": "DC", "destination_workload": "web"},
            id="a client that did not wait for the answer",
        ),
        pytest.param(
            ANSWERED | {"content_type": "application/grpc+proto", "grpc_status": 14},
            {"request_protocol": "grpc", "grpc_response_status": "14", "response_code": "200"},
            id="a gRPC call that failed although HTTP says 200",
        ),
        pytest.param(
            ANSWERED | {"workload": "web-v2;shop;web;v2;Kubernetes"},
            {"destination_workload": "web-v2", "destination_canonical_revision": "v2"},
            id="a version label is the revision",
        ),
    ],
)
def test_labels_are_those_of_istio(entry: dict[str, Any], expected: dict[str, str]) -> None:
    labels = source_labels(GATEWAY, entry)._asdict()
    assert {name: labels[name] for name in expected} == expected


class Logs:
    """The logs of both proxies, and an exporter that reads them."""

    def __init__(self, folder: Path) -> None:
        self.gateway, self.caller = folder / "gateway.log", folder / "caller.log"
        self.exporter = self.start()

    def start(self) -> Exporter:
        return Exporter([(GATEWAY, LogFile(self.gateway)), (CALLER, LogFile(self.caller))])

    def write(self, path: Path, *entries: dict[str, Any], end: str = "\n") -> None:
        with path.open("a") as file:
            file.write("\n".join(map(json.dumps, entries)) + end)

    def series(self, name: str = "istio_requests_total", **labels: str) -> dict[str, float]:
        """Values of the series with these labels, by source and destination workload."""
        return {
            f"{found.labels['source_workload']}>{found.labels.get('destination_workload', '')}": (
                found.value
            )
            for family in text_string_to_metric_families(self.exporter.exposition().decode())
            for found in family.samples
            if found.name == name and labels.items() <= found.labels.items()
        }


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path)


def test_without_a_log_there_are_no_series(logs: Logs) -> None:
    assert logs.series() == {}


def test_each_line_counts_once_however_it_arrives(logs: Logs) -> None:
    logs.write(logs.gateway, *[ANSWERED] * 3)
    assert logs.series() == {"istio-ingressgateway>web": 3}
    half = json.dumps(ANSWERED)
    with logs.gateway.open("a") as file:
        file.write(half[:40])
    assert logs.series() == {"istio-ingressgateway>web": 3}
    with logs.gateway.open("a") as file:
        file.write(half[40:] + "\n" + half)
    assert logs.series() == {"istio-ingressgateway>web": 4}
    assert logs.series() == {"istio-ingressgateway>web": 4}


def test_proxies_are_told_apart(logs: Logs) -> None:
    logs.write(logs.gateway, ANSWERED)
    logs.write(logs.caller, ANSWERED, ANSWERED)
    assert logs.series() == {"istio-ingressgateway>web": 1, "client>web": 2}


def test_a_restarted_exporter_goes_on_with_the_same_figures(logs: Logs) -> None:
    logs.write(logs.gateway, ANSWERED, ANSWERED)
    assert logs.series() == {"istio-ingressgateway>web": 2}
    logs.exporter = logs.start()
    logs.write(logs.gateway, ANSWERED)
    assert logs.series() == {"istio-ingressgateway>web": 3}


def test_a_log_that_begins_anew_is_read_anew(logs: Logs) -> None:
    logs.write(logs.gateway, ANSWERED, ANSWERED)
    assert logs.series() == {"istio-ingressgateway>web": 2}
    logs.gateway.write_text("")
    logs.write(logs.gateway, ANSWERED)
    assert logs.series() == {"istio-ingressgateway>web": 3}


def test_what_is_no_request_is_passed_over(logs: Logs, caplog: pytest.LogCaptureFixture) -> None:
    logs.gateway.write_text("[warning] not for the metrics\n")
    logs.write(logs.gateway, ANSWERED)
    assert logs.series() == {"istio-ingressgateway>web": 1}
    assert "not a line of an access log" in caplog.text


def test_durations_fall_into_istios_buckets(logs: Logs) -> None:
    logs.write(logs.gateway, *(ANSWERED | {"duration": duration} for duration in (0, 10, 11, 300)))

    def within(bound: str) -> float:
        name = "istio_request_duration_milliseconds_bucket"
        return logs.series(name, le=bound)["istio-ingressgateway>web"]

    assert [within(le) for le in ("0.5", "10", "25", "250", "500", "+Inf")] == [1, 2, 3, 3, 4, 4]
    total = logs.series("istio_request_duration_milliseconds_sum")
    assert total == {"istio-ingressgateway>web": 321}


def test_whatever_host_was_asked_for_is_a_label(logs: Logs) -> None:
    host = 'a"b\\c\nd'
    logs.write(logs.gateway, NO_ROUTE | {"authority": host, "code": 404})
    assert logs.series(destination_service=host) == {"istio-ingressgateway>unknown": 1}


def telemetry(label: str, namespace: str = "istio-system") -> dict[str, Any]:
    override = {"tagOverrides": {label: {"operation": "REMOVE"}}}
    return {
        "metadata": {"uid": f"{namespace}-{label}", "namespace": namespace},
        "spec": {"metrics": [{"overrides": [override]}]},
    }


def test_removing_a_label_merges_the_series(logs: Logs) -> None:
    logs.write(logs.gateway, ANSWERED)
    logs.exporter.telemetry_changed("ADDED", telemetry("destination_workload"))
    other = ANSWERED | {"workload": "web-primary;shop;web;;Kubernetes"}
    logs.write(logs.gateway, ANSWERED, other, other)
    assert logs.series() == {"istio-ingressgateway>": 3}
    durations = logs.series("istio_request_duration_milliseconds_count")
    assert durations == {"istio-ingressgateway>": 3}
    logs.exporter.telemetry_changed("DELETED", telemetry("destination_workload"))
    logs.write(logs.gateway, other)
    assert logs.series() == {"istio-ingressgateway>web-primary": 1}


def test_a_telemetry_of_a_namespace_concerns_the_proxies_there(logs: Logs) -> None:
    logs.exporter.telemetry_changed("ADDED", telemetry("destination_workload", "default"))
    logs.write(logs.gateway, ANSWERED)
    logs.write(logs.caller, ANSWERED)
    assert logs.series() == {"istio-ingressgateway>web": 1, "client>": 1}


def test_a_telemetry_that_changes_nothing_here_keeps_the_figures(logs: Logs) -> None:
    logs.write(logs.gateway, ANSWERED)
    assert logs.series() == {"istio-ingressgateway>web": 1}
    logs.exporter.telemetry_changed("ADDED", telemetry("destination_workload", "elsewhere"))
    assert logs.series() == {"istio-ingressgateway>web": 1}
