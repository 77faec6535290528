"""What components are told, as far as it can be seen without them."""

import base64
from pathlib import Path

import pytest
import yaml

from cluster import configuration, credentials, namespaces
from cluster.behaviour import parse_tag
from cluster.errors import ClusterError
from cluster.stages import stages
from cluster.state import Folder, Settings


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "c")
    folder.create()
    return folder


def test_each_user_has_a_token_and_a_kubeconfig_of_its_own(folder: Folder) -> None:
    credentials.write(folder, "mine", ["kwok"])
    files = {"admin": folder.kubeconfig, "kwok": folder.component_kubeconfig("kwok")}
    rows = {
        row.split(",")[1]: row.split(",")[0]
        for row in credentials.token_file(folder).read_text().splitlines()
    }
    assert rows.keys() == files.keys()
    assert len(set(rows.values())) == len(rows)
    for user, file in files.items():
        content = yaml.safe_load(file.read_text())
        assert content["current-context"] == "linnet-mine"
        assert content["users"] == [{"name": user, "user": {"token": rows[user]}}]
        trusted = content["clusters"][0]["cluster"]["certificate-authority-data"]
        assert base64.b64decode(trusted) == credentials.ca_file(folder).read_bytes()
        assert file.stat().st_mode & 0o077 == 0


def test_prometheus_asks_as_often_as_it_is_told(folder: Folder) -> None:
    written = configuration.prometheus(folder, Settings("c", "5s"))
    assert written["global"]["scrape_interval"] == "5s"
    jobs = {job["job_name"] for job in written["scrape_configs"]}
    assert {"exporter", "workload"} <= jobs


@pytest.mark.parametrize("word", ["never-ready", "crash", "slow-start-2"])
def test_every_behaviour_left_to_the_node_has_a_stage(word: str) -> None:
    assert parse_tag(f"1.0.0-{word}") != parse_tag("1.0.0")
    name = word.rstrip("-0123456789")
    assert f"pod-{name}" in {stage["metadata"]["name"] for stage in stages()}


@pytest.mark.parametrize(
    ("uid", "expected"),
    [
        pytest.param(0, False, id="root needs no user namespace"),
        pytest.param(1000, True, id="everybody else does"),
    ],
)
def test_namespaces(monkeypatch: pytest.MonkeyPatch, uid: int, expected: bool) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    assert ("--user" in namespaces.creating(["true"])) is expected
    assert ("--user" in namespaces.wrapper(7, ["true"])) is expected


def test_a_machine_without_namespaces_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for tool in ("unshare", "nsenter", "ip"):
        (tmp_path / tool).write_text("#!/bin/sh\necho 'unshare failed: no' >&2\nexit 1\n")
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match=r"(?s)unshare failed: no.*user\.max_user_namespaces"):
        namespaces.check()
    (tmp_path / "nsenter").unlink()
    with pytest.raises(ClusterError, match="install util-linux"):
        namespaces.check()
