"""How a show ends: the exit code, and what is said."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cluster.errors import ClusterError
from demo import stage
from demo.options import DemoError, Options
from demo.output import Output
from demo.played import STOPPED, played
from linnet.errors import UnavailableError

OUTPUT = Output(plain=True)


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_says_whether_all_came_true(ok: bool, code: int) -> None:
    async def show() -> SimpleNamespace:
        return SimpleNamespace(ok=ok)

    assert played(show(), OUTPUT) == code


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        pytest.param(
            DemoError("linnet ended by itself"), 1, "FAILED: linnet ended by itself", id="a failure"
        ),
        pytest.param(ClusterError("istiod has ended"), 1, "istiod has ended", id="a component"),
        pytest.param(
            UnavailableError("the API server is out of reach"), 1, "out of reach", id="no cluster"
        ),
        pytest.param(KeyboardInterrupt(), STOPPED, "", id="Ctrl-C"),
        pytest.param(asyncio.CancelledError(), STOPPED, "", id="cancelled"),
    ],
)
def test_an_end_before_the_end_is_told_without_a_traceback(
    error: BaseException, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def show() -> SimpleNamespace:
        raise error

    assert played(show(), Output(plain=True)) == code
    said = capsys.readouterr()
    assert words in said.out
    assert "Traceback" not in said.out + said.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_lets_the_show_take_down_what_it_made(number: signal.Signals) -> None:
    taken_down = []

    async def show() -> SimpleNamespace:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            taken_down.append(True)
        return SimpleNamespace(ok=True)

    assert played(show(), OUTPUT) == STOPPED
    assert taken_down == [True]


SHOW_WITHOUT_END = """
import asyncio, sys
from demo.output import Output
from demo.played import played

output = Output(plain=True)

async def show():
    while True:
        output.say("one more line")
        await asyncio.sleep(0.01)

sys.exit(played(show(), output))
"""


def test_a_show_whose_reader_has_gone_is_stopped() -> None:
    command = [sys.executable, "-c", SHOW_WITHOUT_END]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert process.stdout.readline() == b"one more line\n"
            process.stdout.close()
            assert process.wait(timeout=30) == STOPPED
            assert process.stderr.read() == b""
        finally:
            process.kill()


SCREEN_WITHOUT_END = SHOW_WITHOUT_END.replace(
    """    while True:
        output.say("one more line")
        await asyncio.sleep(0.01)""",
    """    with Screen(output.console) as screen:
        while True:
            screen.show(frame())
            await asyncio.sleep(0.01)""",
).replace("plain=True", "plain=False")


def test_a_show_on_a_terminal_that_is_closed_is_stopped() -> None:
    """Only the leader of its session is sent SIGHUP then: here that is nobody."""
    script = "from demo.inside import Screen\nfrom unit.demo.moments import frame\n"
    command = [sys.executable, "-c", script + SCREEN_WITHOUT_END]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm"}
    master, slave = os.openpty()
    with subprocess.Popen(
        command, stdout=slave, stderr=subprocess.DEVNULL, env=os.environ | environment
    ) as process:
        try:
            os.close(slave)
            assert os.read(master, 100)
            os.close(master)
            assert process.wait(timeout=30) == STOPPED
        finally:
            process.kill()


class Closed:
    """A terminal that was closed, or a pipe whose reader has ended."""

    def __init__(self, number: int) -> None:
        self.number = number

    def write(self, _: str) -> None:
        raise OSError(self.number, os.strerror(self.number))

    flush = isatty = lambda self: False

    def fileno(self) -> int:
        raise OSError


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO])
def test_who_has_gone_leaves_nothing_behind_not_even_logs(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    downs: list[bool] = []
    cluster = SimpleNamespace(
        running=False,
        up=lambda **_: None,
        down=lambda keep_logs=False: downs.append(keep_logs),
    )

    def run(*_: object) -> int:
        monkeypatch.setattr("sys.stdout", Closed(number))
        return STOPPED

    monkeypatch.setattr("cluster.local.Cluster.named", lambda _: cluster)
    monkeypatch.setattr(stage, "_build", lambda *_, **__: None)
    monkeypatch.setattr(stage, "_run", run)
    code = stage.play(Options(), Output(plain=True), keep=False)
    monkeypatch.undo()
    assert (code, downs) == (STOPPED, [False])
