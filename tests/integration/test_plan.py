"""`linnet plan` with real tools: kubectl builds kustomizations, Prometheus knows the traffic."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kubernetes import client, dynamic

from cluster.binaries import program
from integration.kubectl import create, kubectl
from integration.mesh_past import requests, steady, target
from integration.prometheus_lab import Prometheus, Scene, openmetrics
from linnet.cli import main

APP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "web:1"}]}
---
apiVersion: linnet.dev/v1beta1
kind: Canary
metadata: {name: web}
spec:
  targetRef: {name: web}
  service: {port: 80}
  analysis:
    interval: 30s
    stepWeights: [10, 50]
    metrics:
    - {name: request-success-rate, thresholdRange: {min: 97}}
"""


def plan(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plan", *arguments, "--runs", "10", "-o", "json"])


def planned(*arguments: str) -> dict[str, Any]:
    result = plan(*arguments)
    assert result.exit_code == 0, result.output
    (canary,) = json.loads(result.stdout)["canaries"]
    found: dict[str, Any] = canary
    return found


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kustomization, with the cluster's kubectl on PATH and no kustomize."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "kubectl").symlink_to(program("kubectl"))
    monkeypatch.setenv("PATH", str(tools))
    folder = tmp_path / "app" / "base"
    folder.mkdir(parents=True)
    (folder / "app.yaml").write_text(APP)
    (folder / "kustomization.yaml").write_text("resources: [app.yaml]\n")
    return folder


def test_a_kustomization_is_built_and_its_base_is_not_planned_twice(base: Path) -> None:
    overlay = base.parent / "production"
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text(
        "namespace: shop\nresources: [../base]\npatches:\n- target: {kind: Canary}\n  patch: |-\n"
        "    - {op: replace, path: /spec/analysis/stepWeights, value: [5]}\n"
    )
    found = planned(str(base.parent))
    assert (found["namespace"], found["name"]) == ("shop", "web")
    assert [step["weight"] for step in found["schedule"]["steps"]] == [5]


def test_a_kustomization_that_cannot_be_built_is_refused_in_its_own_words(base: Path) -> None:
    (base / "app.yaml").unlink()
    result = plan(str(base))
    assert result.exit_code == 2
    assert "cannot be built" in result.stderr
    assert "app.yaml" in result.stderr


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """15 minutes of traffic, 40 requests a second, of which one in 40 fails."""
    scene = target(Scene(datetime.now(UTC)))
    requests(scene, steady(195))
    requests(scene, steady(5), code="503")
    server = Prometheus(tmp_path_factory.mktemp("prometheus"), listen="0.0.0.0")
    server.import_history(openmetrics([scene]))
    with server:
        yield server


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    path = tmp_path / "app.yaml"
    path.write_text(APP)
    return str(path)


def test_the_traffic_of_the_last_hour_comes_from_prometheus(
    prometheus: Prometheus, manifest: str
) -> None:
    found = planned(manifest, "--namespace", "shop", "--prometheus-url", prometheus.url)
    # The history is a quarter of the hour that is asked for.
    assert found["assumed"]["rps"] == pytest.approx(10, rel=0.1)
    assert found["assumed"]["primaryErrors"] == pytest.approx(1 / 40, rel=0.01)
    assert prometheus.url in found["assumed"]["source"]


@pytest.fixture
def service(api: client.ApiClient, prometheus: Prometheus, namespace: str) -> str:
    """A Service and a pod, at whose address Prometheus answers."""
    labels = {"app": "prometheus"}
    metadata = {"name": "prometheus", "namespace": namespace}
    container = {"name": "prometheus", "image": "prometheus"}
    port = {"name": "web", "port": 9090, "targetPort": prometheus.port}
    create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": [port]},
        }
    )
    create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**metadata, "labels": labels},
            "spec": {"containers": [container]},
        }
    )
    kubectl("wait", "--for=condition=Ready", "pod/prometheus", "-n", namespace, "--timeout=120s")
    address = kubectl("get", "pod/prometheus", "-n", namespace, "-o", "jsonpath={.status.podIP}")
    # The API server's proxy goes by Endpoints, whose controller the local cluster does without.
    target = {"kind": "Pod", "name": "prometheus", "namespace": namespace}
    subset = {
        "addresses": [{"ip": address, "targetRef": target}],
        "ports": [{"name": "web", "port": prometheus.port}],
    }
    endpoints: Any = dynamic.DynamicClient(api).resources.get(api_version="v1", kind="Endpoints")
    endpoints.create(body={"metadata": metadata, "subsets": [subset]}, namespace=namespace)
    return f"http://prometheus.{namespace}:9090"


def test_a_prometheus_in_the_cluster_is_asked_through_the_api_server(
    service: str, manifest: str, namespace: str
) -> None:
    context = kubectl("config", "current-context").strip()
    options = ["--kubeconfig", os.environ["KUBECONFIG"], "--context", context]
    found = planned(manifest, "--namespace", "shop", "--prometheus-url", service, *options)
    assert found["assumed"]["rps"] == pytest.approx(10, rel=0.1)
    assert f"prometheus.{namespace} behind https://" in found["assumed"]["source"]

    missing = plan(manifest, "--prometheus-url", f"http://gone.{namespace}:9090", *options)
    assert missing.exit_code == 2
    assert f"{namespace}/gone" in missing.stderr


def test_a_prometheus_that_does_not_answer_is_an_error_and_one_that_knows_nothing_is_said(
    prometheus: Prometheus, manifest: str
) -> None:
    result = plan(manifest, "--prometheus-url", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert "http://127.0.0.1:1" in result.stderr
    found = planned(manifest, "--namespace", "elsewhere", "--prometheus-url", prometheus.url)
    assert found["assumed"]["rps"] == 50
    assert "knows of no request in the last hour" in found["assumed"]["source"]
