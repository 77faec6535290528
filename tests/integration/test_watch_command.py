"""`--watch` while a real API server goes away, comes back, and refuses: as a user without power."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cluster.local import Cluster
from integration.kubectl import create, kubectl
from integration.operator_lab import canary

pytestmark = pytest.mark.usefixtures("crds")

PATIENCE = 60
VIEWER = "viewer"


@pytest.fixture
def kubeconfig(namespace: str, tmp_path: Path) -> Iterator[str]:
    """A kubeconfig of somebody who may look at the Canaries of this namespace only."""
    kubectl("create", "serviceaccount", VIEWER, "--namespace", namespace)
    kubectl(
        *("create", "role", VIEWER, "--namespace", namespace),
        *("--verb=get,list", "--resource=canaries.linnet.dev"),
    )
    kubectl(
        *("create", "rolebinding", VIEWER, "--namespace", namespace),
        *(f"--role={VIEWER}", f"--serviceaccount={namespace}:{VIEWER}"),
    )
    config = yaml.safe_load(Cluster.current().kubeconfig.read_text(encoding="utf-8"))
    token = kubectl("create", "token", VIEWER, "--namespace", namespace).strip()
    for user in config["users"]:
        user["user"] = {"token": token}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    yield str(path)
    for kind in ("serviceaccount", "role", "rolebinding"):
        kubectl("delete", kind, VIEWER, "--namespace", namespace, "--ignore-not-found")


@pytest.fixture
def watching(namespace: str, kubeconfig: str) -> Iterator[subprocess.Popen[str]]:
    """`linnet status web --watch`, into a pipe."""
    create(canary(namespace))
    command = [sys.executable, "-m", "linnet", "status", "web", "--watch"]
    with subprocess.Popen(
        [*command, "--kubeconfig", kubeconfig, "--namespace", namespace],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
            kubectl("delete", "canary", "web", "--namespace", namespace)


def line_with(words: str, process: subprocess.Popen[str]) -> str:
    """Return the next line; it has these words."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert words in line, line or process.communicate(timeout=PATIENCE)[1]
    return line


def decided(namespace: str, weight: int) -> None:
    """Write what linnet would have decided."""
    status = {"status": {"phase": "Progressing", "canaryWeight": weight}}
    kubectl(
        *("patch", "canary", "web", "--namespace", namespace, "--subresource=status"),
        *("--type=merge", "--patch", json.dumps(status)),
    )


def test_an_outage_is_told_and_outlasted_a_refusal_ends_it(
    namespace: str, watching: subprocess.Popen[str]
) -> None:
    cluster = Cluster.current()
    line_with("TIME", watching)
    line_with("web", watching)
    cluster.kill("kube-apiserver")
    try:
        told = line_with(f"out of sight, trying again: Canary {namespace}/web: ", watching)
        assert "the API server is out of reach" in told
    finally:
        cluster.start("kube-apiserver")
    line_with("in sight again", watching)
    decided(namespace, 20)
    line_with("20%", watching)
    kubectl("delete", "rolebinding", VIEWER, "--namespace", namespace)
    rest, said = watching.communicate(timeout=PATIENCE)
    assert (watching.returncode, rest) == (1, "")
    assert 'cannot get resource "canaries"' in said
