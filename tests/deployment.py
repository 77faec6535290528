"""What `deploy/` makes of a cluster, for tests that run the operator as a cluster would."""

import copy
import functools
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from cluster.binaries import program
from cluster.errors import ClusterError

Object = dict[str, Any]

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
KUSTOMIZE = DEPLOY / "kustomize"
CHART = DEPLOY / "helm" / "linnet"
SERVICE_ACCOUNT = ("linnet-system", "linnet")
"""Namespace and name of the ServiceAccount that the operator runs under."""


def rendered(folder: Path = KUSTOMIZE) -> list[Object]:
    """What `kubectl apply -k` would apply, in its order."""
    return copy.deepcopy(_kustomized(folder))


def charted(*arguments: str, namespace: str = SERVICE_ACCOUNT[0]) -> list[Object]:
    """What `helm install linnet` would apply; `arguments` are Helm's, such as `--set`."""
    return _run(*("helm", "template", "linnet", str(CHART), "--namespace", namespace), *arguments)


def tool(name: str) -> str:
    """The path of kubectl or helm: of the one built for the local cluster, else of the one on PATH.

    On kind, or a cluster of yours, nothing needs to be built. ClusterError when there is neither.
    """
    try:
        return str(program(name))
    except ClusterError as error:
        if found := shutil.which(name):
            return found
        raise ClusterError(f"{name} is not on PATH, and {error}") from error


def only(kind: str, objects: list[Object]) -> Object:
    """The one object of a kind."""
    (found,) = (obj for obj in objects if obj["kind"] == kind)
    return found


def operator_arguments(objects: list[Object] | None = None) -> list[str]:
    """The arguments of `linnet` that the Deployment gives, the subcommand among them."""
    return [str(argument) for argument in _container(objects or rendered())["args"]]


def operator_environment(
    objects: list[Object] | None = None, *, pod_name: str = "linnet-0"
) -> dict[str, str]:
    """The environment that the operator has in a pod of this name."""
    objects = objects or rendered()
    namespace = only("Deployment", objects)["metadata"]["namespace"]
    fields = {"metadata.name": pod_name, "metadata.namespace": namespace}
    return {
        entry["name"]: entry["value"]
        if "value" in entry
        else fields[entry["valueFrom"]["fieldRef"]["fieldPath"]]
        for entry in _container(objects)["env"]
    }


def _container(objects: list[Object]) -> Object:
    (container,) = only("Deployment", objects)["spec"]["template"]["spec"]["containers"]
    return dict(container)


@functools.cache
def _kustomized(folder: Path) -> list[Object]:
    return _run("kubectl", "kustomize", str(folder))


def _run(name: str, *arguments: str) -> list[Object]:
    done = subprocess.run([tool(name), *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [obj for obj in yaml.safe_load_all(done.stdout) if obj]
