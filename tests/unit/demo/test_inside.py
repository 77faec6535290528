"""How the show ends: the exit code, and what is said."""

import asyncio
from types import SimpleNamespace

import pytest

from demo import inside
from demo.options import DemoError, Options
from demo.output import Output
from linnet.errors import UnavailableError


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_says_whether_all_came_true(
    ok: bool, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def played(_options: Options, _output: Output) -> SimpleNamespace:
        return SimpleNamespace(ok=ok)

    monkeypatch.setattr(inside, "_run", played)
    assert inside.run(Options(plain=True)) == code


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        pytest.param(
            DemoError("linnet ended by itself"), 1, "FAILED: linnet ended by itself", id="a failure"
        ),
        pytest.param(
            UnavailableError("the API server is out of reach"), 1, "out of reach", id="no cluster"
        ),
        pytest.param(KeyboardInterrupt(), inside.STOPPED, "", id="Ctrl-C"),
        pytest.param(asyncio.CancelledError(), inside.STOPPED, "", id="SIGTERM"),
    ],
)
def test_an_end_before_the_end_is_told_without_a_traceback(
    error: BaseException,
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def failing(_options: Options, _output: Output) -> None:
        raise error

    monkeypatch.setattr(inside, "_run", failing)
    assert inside.run(Options(plain=True)) == code
    said = capsys.readouterr()
    assert words in said.out
    assert "Traceback" not in said.out + said.err
