"""What has to agree between the kind cluster's files, and which cluster the tests refuse."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e import kind as backend
from e2e.backend import Audited, audited_since
from kind import kind_cluster
from kind.kind_cluster import HERE, ROOT, KindError


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((HERE / name).read_text()))


def node() -> dict[str, Any]:
    (config,) = documents("cluster.yaml")
    assert config["name"] == kind_cluster.NAME
    (only,) = config["nodes"]
    return dict(only)


def test_the_ports_are_the_same_everywhere_and_open_to_this_machine_only() -> None:
    mappings = node()["extraPortMappings"]
    used = [backend.GATEWAY, backend.CALLER, ("127.0.0.1", int(backend.PROMETHEUS.split(":")[-1]))]
    assert [(m["listenAddress"], m["hostPort"]) for m in mappings] == used
    services = [
        obj
        for name in ("mesh.yaml", "prometheus.yaml")
        for obj in documents(name)
        if obj["kind"] == "Service"
    ]
    node_ports = [documents("gateway-values.yaml")[0]["service"]["ports"][0]["nodePort"]]
    node_ports += [service["spec"]["ports"][0]["nodePort"] for service in services]
    assert [m["containerPort"] for m in mappings] == node_ports


def test_the_audit_log_is_written_where_it_is_read() -> None:
    (patch,) = node()["kubeadmConfigPatches"]
    server = yaml.safe_load(patch)["apiServer"]
    arguments = {argument["name"]: argument["value"] for argument in server["extraArgs"]}
    assert arguments["audit-log-path"] == backend.AUDIT_LOG
    (mount,) = node()["extraMounts"]
    assert arguments["audit-policy-file"] == mount["containerPath"]
    assert (ROOT / mount["hostPath"]).is_file()
    seen = {volume["mountPath"] for volume in server["extraVolumes"]}
    assert {str(Path(value).parent) for value in arguments.values()} == seen


def test_only_requests_since_the_given_time_are_read_from_the_audit_log() -> None:
    log = (
        '{"requestReceivedTimestamp":"2026-01-01T00:00:01.5Z","verb":"get","requestURI":"/a"}\n'
        '{"requestReceivedTimestamp":"2026-01-01T00:00:02.5Z","verb":"update","requestURI":"/b",'
        '"responseStatus":{"code":409}}\n'
    )
    assert audited_since(1767225602.0, log) == [Audited("update", "/b", 409)]


@pytest.mark.parametrize("text", ["kind v0.32.0 go1.25.0 linux/amd64", "kind v0.9.0", "what?"])
def test_a_kind_older_than_the_node_image_needs_is_refused(text: str) -> None:
    with pytest.raises(KindError, match=r"use kind v0\.33 or newer"):
        kind_cluster.check_version(text)


@pytest.mark.parametrize("text", ["kind v0.33.0 go1.26.8 linux/amd64", "kind v0.40.1", "kind v1.0"])
def test_a_newer_kind_is_taken(text: str) -> None:
    kind_cluster.check_version(text)


@pytest.mark.parametrize(
    ("clusters", "mark", "said"),
    [
        pytest.param("other\n", "", "run `python -m kind up`", id="there is none"),
        pytest.param("linnet-e2e\n", "", "not completely", id="it was not finished"),
        pytest.param("linnet-e2e\n", "0123", "`python -m kind down`", id="it is of other files"),
    ],
)
def test_a_cluster_is_refused_when(
    clusters: str, mark: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers = {"version": "kind v0.33.0", "get": clusters, "export": ""}
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(
        kind_cluster, "run", lambda *command: answers[command[1]] if command[0] == "kind" else mark
    )
    with pytest.raises(KindError, match=said):
        kind_cluster.attach()


def test_a_program_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(KindError, match="not on PATH: docker, kind"):
        kind_cluster.attach()
