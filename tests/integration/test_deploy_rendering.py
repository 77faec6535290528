"""The kustomize base and the Helm chart make the same objects."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.binaries import program
from deployment import CHART, KUSTOMIZE, charted, only, rendered
from linnet import __version__

Object = dict[str, Any]

HELMS_OWN = {
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "helm.sh/chart",
    "helm.sh/resource-policy",
}
"""Labels and annotations by which Helm knows what is its own."""


def without_helms_own(value: Any) -> Any:
    if isinstance(value, list):
        return [without_helms_own(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: without_helms_own(item) for key, item in value.items() if key not in HELMS_OWN}
    return {key: item for key, item in kept.items() if (key, item) != ("annotations", {})}


def by_name(objects: list[Object]) -> dict[str, Object]:
    """Key objects by kind, namespace and name; the Namespace is Helm's --create-namespace."""
    return {
        f"{obj['kind']} {obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}": (
            without_helms_own(obj)
        )
        for obj in objects
        if obj["kind"] != "Namespace"
    }


def overlay(folder: Path, **content: Any) -> Path:
    """Write an overlay of a user's own; kustomize takes relative paths only."""
    base = os.path.relpath(KUSTOMIZE, folder)
    text = yaml.safe_dump(content).replace("BASE", base)
    (folder / "kustomization.yaml").write_text(text)
    return folder


def env_of(objects: list[Object]) -> dict[str, Object]:
    (container,) = only("Deployment", objects)["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry for entry in container["env"]}


def test_the_chart_with_its_defaults_is_the_base() -> None:
    assert by_name(charted()) == by_name(rendered())


def test_both_can_be_kept_to_some_namespaces() -> None:
    chart = by_name(charted("--set", "watchNamespaces={team-a,team-b}"))
    assert chart == by_name(rendered(KUSTOMIZE / "namespaced"))
    assert "Role team-a/linnet" in chart
    assert "ClusterRole /linnet" not in chart
    assert "ClusterRoleBinding /linnet" not in chart


def test_both_have_a_pod_monitor_where_asked_for(tmp_path: Path) -> None:
    mine = overlay(tmp_path, resources=["BASE"], components=["BASE/components/podmonitor"])
    chart = by_name(charted("--set", "podMonitor.enabled=true"))
    assert chart == by_name(rendered(mine))
    assert "PodMonitor linnet-system/linnet" in chart


def test_both_have_admission_policies_where_asked_for(tmp_path: Path) -> None:
    mine = overlay(tmp_path, resources=["BASE"], components=["BASE/components/admission-policies"])
    chart = by_name(charted("--set", "admissionPolicies.enabled=true"))
    base = by_name(rendered(mine))
    assert chart.keys() == base.keys()
    for kept in ("weights", "replicas"):
        name = f"MutatingAdmissionPolicy /linnet-{kept}"
        ours, anybodys = (objs[name]["spec"]["matchConditions"].pop(0) for objs in (chart, base))
        assert "'^system:serviceaccount:linnet-system:linnet$'" in ours["expression"]
        assert "'^system:serviceaccount:[^:]+:linnet$'" in anybodys["expression"]
    assert chart == base


def test_both_can_go_to_another_namespace(tmp_path: Path) -> None:
    mine = overlay(tmp_path, resources=["BASE"], namespace="delivery")
    chart = by_name(charted(namespace="delivery"))
    assert chart == by_name(rendered(mine))
    assert not [name for name in chart if "linnet-system" in name]
    (subject,) = chart["ClusterRoleBinding /linnet"]["subjects"]
    assert subject["namespace"] == "delivery"


def test_the_version_is_that_of_the_package() -> None:
    (container,) = only("Deployment", rendered())["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"linnet:{__version__}"
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_helm_keeps_the_crds_unless_told_otherwise() -> None:
    policy = {"helm.sh/resource-policy": "keep"}
    crd = only("CustomResourceDefinition", charted())
    assert crd["metadata"]["annotations"] == policy
    crd = only("CustomResourceDefinition", charted("--set", "crds.keep=false"))
    assert "annotations" not in crd["metadata"]
    kinds = {obj["kind"] for obj in charted("--set", "crds.install=false")}
    assert "CustomResourceDefinition" not in kinds


def test_two_releases_in_one_namespace_share_no_lease() -> None:
    objects = charted("--set", "fullnameOverride=second,watchNamespaces={team-b}")
    assert env_of(objects)["LINNET_LEASE_NAME"]["value"] == "second"


def test_helm_values_reach_the_pod() -> None:
    values = (
        *("--set", "replicas=2,prometheusUrl=https://prometheus.monitoring:9090/prefix"),
        *("--set", "logLevel=debug,logFormat=text,image.repository=registry.example/linnet"),
        *("--set", "image.tag=1.2.3,priorityClassName=high,resources.limits.memory=1Gi"),
        *(
            "--set-json",
            'extraEnv=[{"name":"LINNET_PROMETHEUS_TOKEN_FILE","value":"/run/t/token"}]',
        ),
        *("--set-json", 'extraVolumes=[{"name":"t","secret":{"secretName":"prometheus"}}]'),
        *("--set-json", 'extraVolumeMounts=[{"name":"t","mountPath":"/run/t"}]'),
        *("--set-json", 'podLabels={"sidecar.istio.io/inject":"true"}'),
    )
    objects = charted(*values)
    deployment = only("Deployment", objects)["spec"]
    pod = deployment["template"]["spec"]
    (container,) = pod["containers"]
    assert deployment["replicas"] == 2
    assert deployment["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] == "true"
    assert container["image"] == "registry.example/linnet:1.2.3"
    assert container["args"][-2:] == ["--log-format=text", "--log-level=debug"]
    assert container["resources"]["limits"] == {"memory": "1Gi"}
    assert pod["priorityClassName"] == "high"
    env = env_of(objects)
    assert env["LINNET_PROMETHEUS_URL"]["value"] == "https://prometheus.monitoring:9090/prefix"
    assert env["LINNET_PROMETHEUS_TOKEN_FILE"]["value"] == "/run/t/token"
    assert pod["volumes"] == [{"name": "t", "secret": {"secretName": "prometheus"}}]
    assert container["volumeMounts"] == [{"name": "t", "mountPath": "/run/t"}]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        pytest.param("replica=2", "'replica' not allowed", id="a misspelt value"),
        pytest.param("crds.instal=false", "'instal' not allowed", id="a misspelt value in a group"),
        pytest.param("replicas=two", "/replicas", id="a number in words"),
        pytest.param("prometheusUrl=prometheus:9090", "/prometheusUrl", id="a URL without scheme"),
        pytest.param(
            "prometheusUrl=http://me:pass@prometheus",
            "/prometheusUrl",
            id="a URL with a password",
        ),
        pytest.param("watchNamespaces={team_a}", "/watchNamespaces", id="no name of a namespace"),
        pytest.param("watchNamespaces={a,a}", "/watchNamespaces", id="a namespace twice"),
        pytest.param("logLevel=verbose", "/logLevel", id="a level that there is not"),
    ],
)
def test_helm_refuses(value: str, says: str) -> None:
    done = subprocess.run(
        [program("helm"), "template", "linnet", CHART, "--set", value],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert says in done.stderr


def test_helm_finds_nothing_wrong_with_the_chart() -> None:
    done = subprocess.run(
        [program("helm"), "lint", "--strict", CHART], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_packaged_chart_holds_all_it_needs(tmp_path: Path) -> None:
    subprocess.run(
        [program("helm"), "package", CHART, "--destination", tmp_path],
        check=True,
        capture_output=True,
    )
    (package,) = tmp_path.glob("*.tgz")
    done = subprocess.run(
        [program("helm"), "template", "linnet", package, "--namespace", "linnet-system"],
        check=True,
        capture_output=True,
        text=True,
    )
    objects = [obj for obj in yaml.safe_load_all(done.stdout) if obj]
    assert by_name(objects) == by_name(rendered())
