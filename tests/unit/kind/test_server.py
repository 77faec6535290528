"""The container of the test workload, over real connections."""

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kind.server import Server

TESTS = Path(__file__).parents[2]
SERVER = TESTS / "kind" / "server.py"


@contextmanager
def pod(tag: str) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), tag, "web-1") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(port: int, path: str = "/") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def test_an_answer_names_pod_and_version() -> None:
    with pod("1.2.3") as server:
        answer = ask(server.server_port)
    assert (answer.status, answer.headers["x-pod"], answer.headers["x-version"]) == (
        200,
        "web-1",
        "1.2.3",
    )


@pytest.mark.parametrize(
    ("tag", "readiness", "status"),
    [
        pytest.param("1.0.0", 200, 200, id="a good version is ready and answers"),
        pytest.param("1.0.0-errors-100", 200, 500, id="a failing one is ready and answers 500"),
        pytest.param("1.0.0-never-ready", 503, 503, id="one that never gets ready serves nobody"),
        pytest.param("1.0.0-slow-start-60", 503, 503, id="nor does one that takes its time"),
        pytest.param("1.0.0-slow-start-0", 200, 200, id="until it is ready"),
        pytest.param("1.0.0-errors-100-after-60", 200, 200, id="errors can begin later"),
    ],
)
def test_a_pod_does_what_its_tag_says(tag: str, readiness: int, status: int) -> None:
    with pod(tag) as server:
        assert ask(server.server_port, "/readyz").status == readiness
        assert ask(server.server_port).status == status


def test_what_begins_later_begins_that_long_after_the_first_good_probe() -> None:
    with pod("1.0.0-errors-100-after-0.2") as server:
        assert ask(server.server_port).status == 200
        assert ask(server.server_port, "/readyz").status == 200
        began = time.monotonic()
        while ask(server.server_port).status == 200:
            assert time.monotonic() < began + 10
        assert time.monotonic() >= began + 0.2 - 0.05


def test_a_reset_is_a_connection_closed_without_an_answer() -> None:
    with pod("1.0.0-resets-100") as server, pytest.raises(http.client.RemoteDisconnected):
        ask(server.server_port)


def test_a_slow_version_takes_its_time() -> None:
    with pod("1.0.0-slow-150") as server:
        began = time.monotonic()
        assert ask(server.server_port).status == 200
        assert time.monotonic() - began >= 0.15


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        pytest.param("1.0.0-crash", "crashes, as asked", id="it is asked to crash"),
        pytest.param("1.0.0-eror-20", "'eror-20' is no behaviour", id="its tag is misspelt"),
    ],
)
def test_the_container_exits_when(tag: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, str(SERVER)],
        env={**os.environ, "TAG": tag, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert said in done.stderr


def test_it_goes_on_serving_for_a_while_after_sigterm() -> None:
    script = (
        "from kind.server import Server, serve\n"
        "server = Server(('127.0.0.1', 0), '1.0.0', 'web-1')\n"
        "print(server.server_port, flush=True)\n"
        "serve(server, 1)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        assert ask(port).status == 200
        process.send_signal(signal.SIGTERM)
        assert ask(port).status == 200
        assert process.wait(timeout=30) == 0
