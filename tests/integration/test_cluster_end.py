"""However a throw-away cluster ends, nothing of it is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.prometheus_lab import wait_for

Cli = subprocess.Popen[bytes]
# Tells by a file that it runs, and by another that it was asked to end.
COMMAND = "trap 'touch $0/asked; exit 3' INT TERM; touch $0/runs; while :; do sleep 0.1; done"


def terminate(cli: Cli) -> None:
    cli.send_signal(signal.SIGTERM)


def kill(cli: Cli) -> None:
    cli.kill()


def interrupt(cli: Cli) -> None:
    """As Ctrl-C in a terminal does: everything in the foreground gets it."""
    os.killpg(cli.pid, signal.SIGINT)


def processes_naming(path: Path) -> list[str]:
    """Return the command lines, of all processes that we can see, with this path in them."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(path) in line:
            found.append(line)
    return found


def throw_away(state: Path, *command: str) -> Cli:
    return subprocess.Popen(
        [sys.executable, "-m", "cluster", "exec", "--ephemeral", "--", *command],
        env=os.environ | {"XDG_STATE_HOME": str(state)},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.mark.parametrize(
    ("end", "code", "asked"),
    [
        pytest.param(interrupt, 3, True, id="Ctrl-C is left to the command"),
        pytest.param(terminate, 128 + signal.SIGTERM, True, id="SIGTERM is passed on"),
        pytest.param(kill, -signal.SIGKILL, False, id="SIGKILL ends everything at once"),
    ],
)
def test_nothing_is_left_when_the_command_line_is_ended(
    tmp_path: Path, end: Callable[[Cli], None], code: int, asked: bool
) -> None:
    cli = throw_away(tmp_path / "s", "sh", "-c", COMMAND, str(tmp_path))
    wait_for((tmp_path / "runs").exists, "the command to run", seconds=300)
    end(cli)
    assert cli.wait(timeout=120) == code
    wait_for(lambda: not processes_naming(tmp_path), "every process to end")
    assert not asked or (tmp_path / "asked").exists(), "the command could clean up"
    (folder,) = (tmp_path / "s" / "linnet").iterdir()
    assert [entry.name for entry in folder.iterdir()] == ["logs"], "it failed: logs stay"


def test_nothing_is_left_when_ended_while_starting(tmp_path: Path) -> None:
    cli = throw_away(tmp_path / "s", "true")
    wait_for(lambda: any("kube-apiserver" in p for p in processes_naming(tmp_path)), "a start")
    terminate(cli)
    assert cli.wait(timeout=120) == 128 + signal.SIGTERM
    wait_for(lambda: not processes_naming(tmp_path), "every process to end")


def test_nothing_at_all_is_left_of_a_success(tmp_path: Path) -> None:
    cli = throw_away(tmp_path / "s", "kubectl", "get", "--raw=/readyz")
    assert cli.wait(timeout=300) == 0
    assert not processes_naming(tmp_path)
    assert not list((tmp_path / "s" / "linnet").iterdir())
