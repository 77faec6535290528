"""The kind cluster: made with everything the tests need in it, checked, and reached.

Nothing here reads $KUBECONFIG or ~/.kube/config: the kubeconfig is the one that kind gives out for
the cluster of this name, and lies in a folder of its own.
"""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from cluster.errors import ClusterError
from deployment import tool

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NAME = "linnet-e2e"
NODE = f"{NAME}-control-plane"
NEEDED_KIND = (0, 33)
"""The oldest kind that the node image of cluster.yaml works with."""
ISTIO = "1.30.4"
CHARTS = "https://istio-release.storage.googleapis.com/charts"
RELEASES = (
    ("istio-base", "base", ()),
    ("istiod", "istiod", (f"--values={HERE / 'istiod-values.yaml'}",)),
    ("istio-ingressgateway", "gateway", (f"--values={HERE / 'gateway-values.yaml'}",)),
)
"""Helm releases in their order: name, chart, arguments."""
MANIFESTS = (HERE / "mesh.yaml", HERE / "prometheus.yaml")
DEPLOYMENTS = (("linnet-e2e", "caller"), ("istio-system", "prometheus"))
MARK = "linnet.dev/test-cluster"
"""The node's label that says from what the cluster was made; set when it is complete."""
IMAGE = "linnet.test/podinfo"


class KindError(ClusterError):
    """What a person has to do before the tests can run with kind."""


def kubeconfig() -> Path:
    """Where the cluster's kubeconfig is kept."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser().absolute() / "linnet-kind" / "kubeconfig"


def made_from() -> str:
    """Changes whenever another cluster would be made."""
    digest = hashlib.sha256(repr((ISTIO, RELEASES)).replace(str(HERE), "").encode())
    for file in sorted(HERE.glob("*.yaml")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def up(tell: Callable[[str], None]) -> None:
    """Make the cluster unless it is there. KindError when that can't be done."""
    _check_tools()
    if _exists():
        attach()
        return
    tell(f"making the kind cluster {NAME}")
    kubeconfig().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    run(
        *("kind", "create", "cluster", f"--config={HERE / 'cluster.yaml'}"),
        *(f"--kubeconfig={kubeconfig()}", "--wait=3m"),
    )
    for name, chart, arguments in RELEASES:
        tell(f"installing Istio {ISTIO}: {chart}")
        run(
            *(tool("helm"), "install", name, chart, f"--repo={CHARTS}", f"--version={ISTIO}"),
            *("--namespace=istio-system", "--create-namespace", "--wait", "--timeout=5m"),
            *(f"--kubeconfig={kubeconfig()}", *arguments),
        )
    for manifest in MANIFESTS:
        tell(f"applying {manifest.name}")
        kubectl("apply", "--server-side", f"--filename={manifest}")
    for namespace, name in DEPLOYMENTS:
        rolled_out(namespace, name)
    kubectl("label", "node", NODE, f"{MARK}={made_from()}")


def down() -> None:
    """Delete the cluster, if there is one."""
    _check_tools()
    run("kind", "delete", "cluster", f"--name={NAME}", f"--kubeconfig={kubeconfig()}")


def attach() -> None:
    """Get the kubeconfig of the cluster. KindError when there is none, or another one is there."""
    _check_tools()
    if not _exists():
        raise KindError(f"there is no kind cluster {NAME}: run `python -m kind up`")
    kubeconfig().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    run("kind", "export", "kubeconfig", f"--name={NAME}", f"--kubeconfig={kubeconfig()}")
    mark = MARK.replace(".", r"\.")
    found = kubectl("get", "node", NODE, f"--output=jsonpath={{.metadata.labels.{mark}}}")
    if found != made_from():
        raise KindError(
            f"the kind cluster {NAME} was not made, or not completely, from tests/kind as it is"
            " now: run `python -m kind down`, then `python -m kind up`"
        )


def load_image(tag: str) -> str:
    """Build the workload's image of this tag, put it on the node, and return its name."""
    image = f"{IMAGE}:{tag}"
    build_image(image, tag)
    run("kind", "load", "docker-image", image, f"--name={NAME}")
    return image


def build_image(image: str, tag: str) -> None:
    """Build the workload that behaves as the tag says."""
    run(
        *("docker", "build", "--quiet", f"--file={HERE / 'Dockerfile'}"),
        *(f"--build-arg=TAG={tag}", f"--tag={image}", str(HERE.parent)),
    )


def kubectl(*arguments: str) -> str:
    """Run kubectl as the cluster's administrator and return its output."""
    return run(tool("kubectl"), f"--kubeconfig={kubeconfig()}", *arguments)


def rolled_out(namespace: str, deployment: str) -> None:
    """Wait until a Deployment's pods are ready."""
    kubectl("-n", namespace, "rollout", "status", f"deployment/{deployment}", "--timeout=5m")


def on_node(script: str) -> str:
    """Run a shell script on the cluster's node and return its output."""
    return run("docker", "exec", NODE, "sh", "-ec", script)


def run(*command: str) -> str:
    """Run a program in the repository's root. KindError, with what it said, when it fails."""
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise KindError(f"`{shlex.join(command)}` failed:\n{done.stderr.strip()}")
    return done.stdout


def _exists() -> bool:
    return NAME in run("kind", "get", "clusters").split()


def _check_tools() -> None:
    missing = [name for name in ("docker", "kind") if not shutil.which(name)]
    if missing:
        raise KindError(f"not on PATH: {', '.join(missing)} (docs/testing.md says what is needed)")
    check_version(run("kind", "version"))


def check_version(text: str) -> None:
    """KindError when what `kind version` printed is older than NEEDED_KIND."""
    found = re.search(r"v(\d+)\.(\d+)", text)
    if found is None or (int(found[1]), int(found[2])) < NEEDED_KIND:
        needed = ".".join(map(str, NEEDED_KIND))
        raise KindError(
            f"{text.strip()} is too old for the node image: use kind v{needed} or newer"
        )
