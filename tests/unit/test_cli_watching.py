"""`--watch`: a stream for pipes and files, or a screen. The commands are real processes."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import pytest

from linnet.adapters.connection import NotFoundError
from linnet.cli.watching import watch
from linnet.errors import SpecError, UnavailableError

PATIENCE = 30
ENOUGH_LOOKS = 2
AWAY = 503, '{"message": "etcd has no leader"}'
UNKNOWN = 401, '{"message": "Unauthorized"}'
NO_CRD = 404, "404 page not found\n"


class Api:
    """An API server with one Canary."""

    def __init__(self) -> None:
        self.canary: dict[str, Any] = {"metadata": {"namespace": "shop", "name": "web"}}
        self.fails: tuple[int, str] | None = None
        self.looks = 0
        self._looked = threading.Condition()
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                one = self.path.endswith("/web")
                good = 200, json.dumps(api.canary if one else {"items": [api.canary]})
                status, text = api.fails or good
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                with api._looked:
                    api.looks += 1
                    api._looked.notify_all()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def moves_to(self, weight: int) -> None:
        """Have linnet take a step."""
        message = f"weight is {weight}: request-success-rate 100"
        progressing = {"type": "Progressing", "status": "True", "reason": "Advanced"}
        self.canary["status"] = {
            "phase": "Progressing",
            "canaryWeight": weight,
            "nextCheckAt": "2999-01-01T00:00:00Z",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "conditions": [{**progressing, "message": message}],
        }

    def is_looked_at(self, times: int) -> None:
        """Return when so many more looks were taken."""
        with self._looked:
            enough = self.looks + times
            assert self._looked.wait_for(lambda: self.looks >= enough, PATIENCE)


@pytest.fixture
def api() -> Iterator[Api]:
    it = Api()
    it.moves_to(10)
    yield it
    it.server.shutdown()
    it.server.server_close()


@pytest.fixture
def kubeconfig(api: Api, tmp_path: Path) -> str:
    path = tmp_path / "kubeconfig"
    cluster = {"server": f"http://127.0.0.1:{api.server.server_port}"}
    it = {"name": "it", "context": {"cluster": "it", "user": "it", "namespace": "shop"}}
    config = {
        "current-context": "it",
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": {}}],
        "contexts": [it],
    }
    path.write_text(json.dumps(config))
    return str(path)


@contextmanager
def watching(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command whose output goes to a pipe."""
    command = [sys.executable, "-m", "linnet", *arguments, "--watch"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


def line_with(words: str, stream: IO[bytes] | None) -> str:
    """Return the first line with these words, of what comes."""
    assert stream is not None
    for line in stream:
        assert b"\x1b" not in line, "no control sequences"
        if words in line.decode():
            return line.decode()
    raise AssertionError(f"the stream ended without {words!r}")


@pytest.mark.parametrize(
    "command",
    [pytest.param(["status"], id="status"), pytest.param(["explain", "web"], id="explain")],
)
def test_a_pipe_gets_each_change_at_once_and_once(
    command: list[str], api: Api, kubeconfig: str
) -> None:
    with watching(*command, "--kubeconfig", kubeconfig) as process:
        line_with("weight is 10", process.stdout)
        api.is_looked_at(ENOUGH_LOOKS)
        api.moves_to(20)
        line_with("weight is 20", process.stdout)
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=PATIENCE)
    assert b"weight is" not in rest
    assert (process.returncode, said) == (130, b"")


def test_it_ends_when_nobody_reads_any_more(kubeconfig: str) -> None:
    with watching("status", "--kubeconfig", kubeconfig) as process:
        line_with("weight is 10", process.stdout)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(timeout=PATIENCE) == 0
        assert process.stderr.read() == b""


def test_an_outage_is_outlasted_or_ended_by_ctrl_c(api: Api, kubeconfig: str) -> None:
    with watching("status", "--kubeconfig", kubeconfig) as process:
        line_with("weight is 10", process.stdout)
        api.fails = AWAY
        assert "etcd has no leader" in line_with("out of sight", process.stdout)
        api.fails = None
        line_with("in sight again", process.stdout)
        api.fails = AWAY
        line_with("out of sight", process.stdout)
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, rest, said) == (130, b"", b"")


@pytest.mark.parametrize(
    ("refusal", "says"),
    [
        pytest.param(UNKNOWN, "Canaries: Unauthorized", id="a token that has expired"),
        pytest.param(NO_CRD, "are linnet's CRDs installed?", id="a CRD that was deleted"),
    ],
)
def test_a_refusal_ends_it(refusal: tuple[int, str], says: str, api: Api, kubeconfig: str) -> None:
    with watching("status", "--kubeconfig", kubeconfig) as process:
        line_with("weight is 10", process.stdout)
        api.fails = refusal
        rest, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, rest) == (1, b"")
    assert says in said.decode()


def test_a_screen_keeps_what_was_seen_last(api: Api, kubeconfig: str) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200", "LINES": "40"}
    command = [sys.executable, "-m", "linnet", "status", "--watch", "--kubeconfig", kubeconfig]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, env=environment) as process:
        os.close(theirs)
        try:
            with os.fdopen(ours, "rb", buffering=0) as screen:
                shown_with("weight is 10", screen)
                api.fails = AWAY
                shown_with("out of sight, trying again: Canaries: etcd has no leader", screen)
                shown_with("weight is 10", screen)
                api.fails = None
                api.moves_to(20)
                shown_with("weight is 20", screen)
                process.send_signal(signal.SIGINT)
                assert process.wait(timeout=PATIENCE) == 130
        finally:
            process.kill()


def shown_with(words: str, screen: IO[bytes]) -> str:
    """Return what a screen was sent, up to these words."""
    sent = ""
    end = time.monotonic() + PATIENCE
    while words not in sent:
        assert time.monotonic() < end, f"{words!r} is not shown, but {sent!r}"
        more = screen.read(4096)
        assert more, f"the screen ended without {words!r}"
        sent += more.decode(errors="replace")
    return sent


class EnoughError(Exception):
    """The test has seen what it wanted."""


OUT = UnavailableError("Canary shop/web: no route\nto host")
REFUSED = SpecError("Forbidden", "Canary shop/web: forbidden")
LOST = "out of sight, trying again: Canary shop/web: no route to host"
FOUND = "in sight again"
Looks = list[str | Exception]


@pytest.mark.parametrize(
    ("looks", "ends_with", "lines"),
    [
        pytest.param([OUT], OUT, [], id="the first look must succeed"),
        pytest.param(["a", OUT, OUT, "b"], None, ["a", LOST, FOUND, "b"], id="an outage"),
        pytest.param(
            ["a", OUT, "b", OUT, "c"], None, ["a", LOST, FOUND, "b", LOST, FOUND, "c"], id="two"
        ),
        pytest.param(["a", REFUSED], REFUSED, ["a"], id="a refusal ends it"),
        pytest.param(
            ["a", OUT, *[REFUSED] * 5, "b"],
            None,
            ["a", LOST, FOUND, "b"],
            id="a server that starts may refuse for a moment",
        ),
        pytest.param(
            ["a", OUT, REFUSED, OUT, *[REFUSED] * 6], REFUSED, ["a", LOST], id="not for longer"
        ),
        pytest.param(
            ["a", OUT, "b", REFUSED], REFUSED, ["a", LOST, FOUND, "b"], id="nor once it has started"
        ),
        pytest.param(
            ["a", NotFoundError("web not found")],
            NotFoundError("web not found"),
            ["a"],
            id="what was deleted is not waited for",
        ),
    ],
)
async def test_what_is_told_of_each_look(
    looks: Looks,
    ends_with: Exception | None,
    lines: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("linnet.cli.watching.REFRESH", 0)
    script = iter([*looks, EnoughError()])

    async def look() -> str:
        found = next(script)
        if isinstance(found, Exception):
            raise found
        return found

    with pytest.raises(type(ends_with or EnoughError())) as ended:
        await watch(look, lambda found, _: found, lambda found, _: [found])
    assert str(ended.value) == str(ends_with or "")
    told = [re.sub(r"^\S+Z  ", "", line) for line in capsys.readouterr().out.splitlines()]
    assert told == lines
