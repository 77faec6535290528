"""Argo CD's own program reads the notifications of docs/outcomes.md, as its controller would."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.binaries import program

PAGE = Path(__file__).parents[2] / "docs" / "outcomes.md"
NOBODY = "http://127.0.0.1:9"


def written(path: Path, obj: Any) -> Path:
    path.write_text(yaml.safe_dump(obj), encoding="utf-8")
    return path


def settings() -> dict[str, str]:
    """Return what the page says belongs in argocd-notifications-cm."""
    page = PAGE.read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(trigger\..*?)^```", page, re.MULTILINE | re.DOTALL)
    given: dict[str, str] = yaml.safe_load(block)
    return given


def application(health: str) -> dict[str, Any]:
    """Return an Application as Argo CD has it, with what its status says."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://git.example.com/platform.git"},
            "destination": {"namespace": "shop"},
        },
        "status": {
            "health": {"status": health, "lastTransitionTime": "2026-01-31T12:00:00Z"},
            "sync": {"status": "Synced", "revision": "2f1c9d4"},
        },
    }


def notifications(folder: Path, *arguments: str, health: str = "") -> str:
    """Run `argocd admin notifications` with the page's settings; return what it prints."""
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-notifications-cm", "namespace": "argocd"},
        "data": settings(),
    }
    # It wants to know of a cluster, and asks it nothing.
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "none", "cluster": {"server": NOBODY}}],
        "contexts": [{"name": "none", "context": {"cluster": "none", "user": ""}}],
        "current-context": "none",
    }
    on = [str(written(folder / "application.yaml", application(health)))] if health else []
    command, verb, *rest = arguments
    done = subprocess.run(
        [
            *(str(program("argocd")), "admin", "notifications", command, verb),
            *(*rest[:1], *on, *rest[1:], "--namespace", "argocd", "--secret", ":empty"),
            *("--config-map", str(written(folder / "cm.yaml", config))),
        ],
        check=False,
        capture_output=True,
        text=True,
        env={
            "ARGOCD_BINARY_NAME": "argocd",
            "HOME": str(folder),
            "KUBECONFIG": str(written(folder / "kubeconfig", kubeconfig)),
            "PATH": os.defpath,
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("health", ["Progressing", "Healthy", "Suspended", "Degraded"])
@pytest.mark.parametrize(
    ("trigger", "wanted"),
    [("on-release-failed", "Degraded"), ("on-release-waits", "Suspended")],
)
def test_a_trigger_fires_at_one_health_only(
    tmp_path: Path, trigger: str, wanted: str, health: str
) -> None:
    said = notifications(tmp_path, "trigger", "run", trigger, health=health)
    (result,) = (line.split()[-1] for line in said.splitlines()[1:])
    assert result == str(health == wanted).lower()


def test_each_trigger_sends_a_template_that_is_there(tmp_path: Path) -> None:
    rows = [line.split() for line in notifications(tmp_path, "trigger", "get").splitlines()[1:]]
    sent = {trigger: template for trigger, template, *_ in rows}
    assert sent == {"on-release-failed": "release-failed", "on-release-waits": "release-waits"}
    templates = notifications(tmp_path, "template", "get").splitlines()[1:]
    assert {line.split()[0] for line in templates} == set(sent.values())


@pytest.mark.parametrize("template", ["release-failed", "release-waits"])
def test_a_message_names_the_application_and_the_commit(tmp_path: Path, template: str) -> None:
    recipient = ("--recipient", "console:stdout")
    said = notifications(tmp_path, "template", "notify", template, *recipient, health="Degraded")
    assert "shop: a release" in said
    assert "at commit 2f1c9d4." in said
