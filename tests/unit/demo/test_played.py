"""How a show ends: the exit code, and what is said."""

import asyncio
import os
import signal
from types import SimpleNamespace

import pytest

from cluster.errors import ClusterError
from demo.options import DemoError
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
