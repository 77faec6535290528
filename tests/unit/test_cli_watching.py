"""`--watch` without a screen: a stream for pipes and files. The commands are real processes."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import pytest

PATIENCE = 30
ENOUGH_LOOKS = 2


class Api:
    """An API server with one Canary."""

    def __init__(self) -> None:
        self.canary: dict[str, Any] = {"metadata": {"namespace": "shop", "name": "web"}}
        self.looks = 0
        self._looked = threading.Condition()
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                one = self.path.endswith("/web")
                body = json.dumps(api.canary if one else {"items": [api.canary]}).encode()
                self.send_response(200)
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
