"""`make demo`, as a user runs it: it shows what it promises, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from integration.prometheus_lab import wait_for
from integration.test_cluster_end import processes_naming


def demo(state: Path, log: Path, *arguments: str, module: str = "demo") -> subprocess.Popen[bytes]:
    """Start a demo whose output goes to a file."""
    fast = ("--fast",) if module == "demo" else ()
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", module, *fast, *arguments],
            env=os.environ | {"XDG_STATE_HOME": str(state), "KEEP": ""},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def nothing_is_left(state: Path) -> bool:
    return not processes_naming(state) and not list((state / "linnet").iterdir())


def test_a_good_version_is_promoted_and_a_bad_one_taken_back(tmp_path: Path) -> None:
    state, log = tmp_path / "s", tmp_path / "log"
    # Bad enough for a second's few requests to tell.
    code = demo(state, log, "--bad", "1.2.0-errors-50").wait(timeout=600)
    text = log.read_text()
    assert code == 0, text
    assert "\x1b" not in text, "a log has no colours"
    for words in (
        "Release 1 of 2: 1.1.0, a good version",
        "25 of 100 requests go to version 1.1.0",
        "phase: Succeeded",
        "Release 2 of 2: 1.2.0-errors-50",
        "(failed check 2 of 2)",
        "phase: Failed",
        "The good release: 0 of ",
        "nothing is left behind",
    ):
        assert words in text
    assert "✘" not in text
    wait_for(lambda: nothing_is_left(state), "everything to be gone")


@pytest.mark.parametrize(
    ("module", "words"),
    [
        pytest.param("demo", "phase: Progressing", id="make demo"),
        pytest.param("demo_gitops", "Argo CD: Synced, Healthy", id="make demo-gitops"),
    ],
)
def test_ctrl_c_in_the_middle_leaves_nothing_behind(
    tmp_path: Path, module: str, words: str
) -> None:
    state, log = tmp_path / "s", tmp_path / "log"
    running = demo(state, log, module=module)
    wait_for(lambda: words in log.read_text(), words, seconds=300)
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(timeout=120) == 130
    text = log.read_text()
    assert "Stopped" in text
    assert "Traceback" not in text
    wait_for(lambda: nothing_is_left(state), "everything to be gone")
