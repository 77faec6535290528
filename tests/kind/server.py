"""The test workload as a container: one pod, which does what its image tag says.

    TAG=1.0.0-errors-20 python server.py

It answers like `cluster.workload`, which is every pod of the local cluster.
"""

import json
import os
import random
import signal
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cluster.behaviour import Behaviour, parse_tag

PORT = 9898
GRACE = 5.0
"""Seconds that it goes on serving after SIGTERM, until no proxy sends anything any more."""


class Server(ThreadingHTTPServer):
    """The pod `name` of a version."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], tag: str, name: str) -> None:
        self.behaviour: Behaviour = parse_tag(tag)
        self.tag = tag
        self.name = name
        self._started = time.monotonic()
        self._ready_at: float | None = None
        super().__init__(address, Handler)

    @property
    def ready(self) -> bool:
        age = time.monotonic() - self._started
        return not self.behaviour.never_ready and age >= self.behaviour.slow_start

    def probed(self) -> bool:
        """Tell the kubelet whether this is ready; from the first yes on it is."""
        if self.ready and self._ready_at is None:
            self._ready_at = time.monotonic()
        return self.ready

    def now(self) -> Behaviour:
        """What holds at this moment."""
        if self._ready_at is None:
            return self.behaviour.at(0)
        return self.behaviour.at(time.monotonic() - self._ready_at)


class Handler(BaseHTTPRequestHandler):
    """One connection; `/readyz` is for the kubelet, every other path is the app's."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet

    def do_GET(self) -> None:
        if self.path == "/readyz":
            self._answer(200 if self.server.probed() else 503)
        elif not self.server.ready:
            self._answer(503)
        else:
            behaviour = self.server.now()
            status = behaviour.status(random.random())
            if status == 0:
                self.close_connection = True
                return
            time.sleep(behaviour.slow)
            self._answer(status)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as it is overridden
        """Not a line for each request."""

    def _answer(self, status: int) -> None:
        facts = {"code": status, "pod": self.server.name, "version": self.server.tag}
        body = f"{json.dumps(facts)}\n".encode()
        self.send_response(status, HTTPStatus(status).phrase)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("x-pod", self.server.name)
        self.send_header("x-version", self.server.tag)
        self.end_headers()
        self.wfile.write(body)


def serve(server: Server, grace: float) -> None:
    """Be the pod until SIGTERM, and that many seconds longer."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ended.wait()
    time.sleep(grace)


def main() -> None:
    """Be the pod that $TAG asks for."""
    tag = os.environ["TAG"]
    if parse_tag(tag).crash:
        sys.exit(f"{tag}: crashes, as asked")
    serve(Server(("", PORT), tag, os.environ.get("HOSTNAME", "pod")), GRACE)


if __name__ == "__main__":
    main()
