"""The folder of a cluster."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.state import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "c")


def test_clusters_lie_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LINNET_CLUSTER_STATE", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "/s")
    assert Folder.of("a").path == Path("/s/linnet/a")
    assert Folder.of("b").path == Path("/s/linnet/b")


def test_the_environment_can_name_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINNET_CLUSTER_STATE", "/elsewhere")
    assert Folder.of("a").path == Path("/elsewhere")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param("../x", id="leads elsewhere"),
        pytest.param("A b", id="capitals and blanks"),
        pytest.param("x" * 41, id="too long"),
    ],
)
def test_names_that_no_cluster_can_have(name: str) -> None:
    with pytest.raises(ClusterError, match="can't be a cluster's name"):
        Folder.of(name)


def test_a_path_too_long_for_a_socket_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINNET_CLUSTER_STATE", "/" + "x" * 100)
    with pytest.raises(ClusterError, match="too long for the control socket"):
        Folder.of("a")


def test_one_cluster_at_a_time(folder: Folder) -> None:
    assert not folder.in_use()
    lock = folder.acquire()
    assert lock
    with lock:
        assert folder.in_use()
        assert folder.acquire() is None
    assert not folder.in_use()


def test_a_lock_that_was_taken_away_is_made_anew(folder: Folder) -> None:
    first = folder.acquire()
    assert first
    with first:
        folder.release()
        second = folder.acquire()
        assert second
        with second:
            assert folder.in_use()


def test_only_the_owner_can_look_inside(folder: Folder) -> None:
    folder.create()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("keep_logs", "left"),
    [
        pytest.param(False, None, id="nothing is left"),
        pytest.param(True, {"logs"}, id="logs are left when they are to be kept"),
    ],
)
def test_what_a_cluster_leaves(folder: Folder, keep_logs: bool, left: set[str] | None) -> None:
    lock = folder.acquire()
    assert lock
    with lock:
        folder.create()
        folder.kubeconfig.write_text("text")
        folder.log("etcd").write_text("text")
        (folder.programs / "kubectl").symlink_to("/bin/true")
        folder.clear(keep_logs=keep_logs)
        folder.release()
    entries = {e.name for e in folder.path.iterdir()} if folder.path.exists() else None
    assert entries == left


def test_a_new_cluster_takes_the_place_of_one_that_was_killed(folder: Folder) -> None:
    folder.create()
    folder.log("etcd").write_text("text")
    folder.clear()
    folder.create()
    assert not folder.log("etcd").exists()


def test_many_may_ask_for_a_folder_that_is_just_taken_away(folder: Folder) -> None:
    def come_and_go(_: int) -> None:
        for _ in range(300):
            if lock := folder.acquire():
                with lock:
                    folder.release()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(4)))
    assert not folder.path.exists()
