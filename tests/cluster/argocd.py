"""Argo CD in the cluster: started when somebody asks for it, out of its own single program.

Redis is a small program of ours around a library that Argo CD has in its own go.mod. Nobody logs
in: the API server lets everybody do everything, which in the cluster's network is only us.
"""

import os
from pathlib import Path
from typing import Any

import yaml

from cluster import addresses
from cluster.binaries import module_file, program
from cluster.components import Component
from cluster.state import Folder

NAME = "argocd"
"""What all of it together is called where components are named."""
NAMESPACE = "argocd"
CRDS = ("application-crd.yaml", "applicationset-crd.yaml", "appproject-crd.yaml")
RESYNC = "10s"
"""How often it compares by itself, besides at every change that it sees."""

REDIS = "argocd-redis"
REPO_SERVER = "argocd-repo-server"
CONTROLLER = "argocd-application-controller"
SERVER = "argocd-server"


def components(folder: Folder) -> tuple[Component, ...]:
    """Argo CD's processes, in the order of starting."""
    plaintext = (f"--repo-server={addresses.ARGOCD_REPO_SERVER}", "--repo-server-plaintext")
    return (
        Component(
            REDIS,
            (str(program("argocd-redis")), f"-listen={addresses.ARGOCD_REDIS}"),
        ),
        _role(
            folder,
            REPO_SERVER,
            addresses.ARGOCD_REPO_SERVER,
            addresses.ARGOCD_REPO_SERVER_METRICS,
            "--disable-tls",
        ),
        _role(
            folder,
            CONTROLLER,
            "",
            addresses.ARGOCD_CONTROLLER_METRICS,
            f"--namespace={NAMESPACE}",
            *plaintext,
        ),
        _role(
            folder,
            SERVER,
            addresses.ARGOCD_SERVER,
            addresses.ARGOCD_SERVER_METRICS,
            f"--namespace={NAMESPACE}",
            "--disable-auth",
            "--insecure",
            *plaintext,
        ),
    )


def _role(folder: Folder, name: str, listen: str, metrics: str, *arguments: str) -> Component:
    """One of the roles of the program; which, it takes from the environment."""
    home = folder.data / NAME
    address, _, port = listen.rpartition(":")
    metrics_address, _, metrics_port = metrics.rpartition(":")
    where = [f"--metrics-port={metrics_port}"]
    if listen:
        where += [
            f"--address={address}",
            f"--port={port}",
            f"--metrics-address={metrics_address}",
        ]
    return Component(
        name,
        (
            str(program("argocd")),
            f"--redis={addresses.ARGOCD_REDIS}",
            "--logformat=text",
            *where,
            *arguments,
        ),
        ready_url=f"http://{listen if name == SERVER else metrics}/healthz",
        environment={
            "ARGOCD_BINARY_NAME": name,
            "ARGOCD_FAKE_IN_CLUSTER": "true",
            "ARGOCD_GPG_ENABLED": "false",
            "ARGOCD_RECONCILIATION_JITTER": "0s",
            "ARGOCD_RECONCILIATION_TIMEOUT": RESYNC,
            "ARGOCD_SSH_DATA_PATH": str(home / "ssh"),
            "ARGOCD_TLS_DATA_PATH": str(home / "tls"),
            "HOME": str(home),
            "KUBECONFIG": str(folder.component_kubeconfig(NAME)),
            # The repo-server runs kustomize, and clones into the folder for temporary files.
            "PATH": f"{program('kustomize').parent}:{os.environ.get('PATH', os.defpath)}",
            "TMPDIR": str(home / "tmp"),
        },
    )


def prepare(folder: Folder) -> None:
    """Make the folders that it writes to."""
    for name in ("ssh", "tls", "tmp"):
        (folder.data / NAME / name).mkdir(parents=True, exist_ok=True)


def crds() -> list[Path]:
    """The manifests of its CustomResourceDefinitions."""
    return [module_file(name) for name in CRDS]


def objects() -> list[dict[str, Any]]:
    """Its namespace and settings: those that it is installed with, and a project for everything."""
    settings = yaml.safe_load(module_file("argocd-cm.yaml").read_text())
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        _own("ConfigMap", "argocd-cm", data=settings["data"]),
        *(
            _own("ConfigMap", name)
            for name in (
                "argocd-rbac-cm",
                "argocd-gpg-keys-cm",
                "argocd-ssh-known-hosts-cm",
                "argocd-tls-certs-cm",
            )
        ),
        # The key that signs sessions, of which there are none.
        _own("Secret", "argocd-secret", stringData={"server.secretkey": "unused"}),
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AppProject",
            "metadata": {"name": "default", "namespace": NAMESPACE},
            "spec": {
                "sourceRepos": ["*"],
                "destinations": [{"namespace": "*", "server": "*"}],
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
            },
        },
    ]


def _own(kind: str, name: str, **content: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "argocd"}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}
