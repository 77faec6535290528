"""A server that answers as a test says, for what a real Prometheus cannot be made to do."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs


class Request(NamedTuple):
    path: str
    authorization: str | None
    parameters: dict[str, str]
    connection: tuple[str, int]

    @property
    def query(self) -> str:
        return self.parameters["query"]


class Stub:
    """Keeps what it was asked; `answer` writes the response to each request."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.answer: Callable[[Request, BaseHTTPRequestHandler], None] = value(1)
        self.asked_so_far = threading.Condition()
        self.release = threading.Event()
        """Set at the end of a test: what an answer that hangs waits for."""
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                request = Request(
                    self.path,
                    self.headers["Authorization"],
                    {name: values[0] for name, values in parse_qs(body).items()},
                    self.client_address,
                )
                with stub.asked_so_far:
                    stub.asked.append(request)
                    stub.asked_so_far.notify_all()
                stub.answer(request, self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Clients that go away are part of the tests."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    async def was_asked(self, times: int) -> None:
        """Return once so many requests have come in; fails after 10 s."""

        def wait() -> bool:
            with self.asked_so_far:
                return self.asked_so_far.wait_for(lambda: len(self.asked) >= times, 10)

        assert await asyncio.to_thread(wait), f"only {len(self.asked)} requests of {times}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


Answer = Callable[[Request, BaseHTTPRequestHandler], None]


def body(content: bytes, status: int = 200, **headers: str) -> Answer:
    """Answer every request with this."""

    def answer(_: Request, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, text in headers.items():
            handler.send_header(name, text)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def result(rows: Any, status: int = 200, **more: Any) -> Answer:
    """Answer every query with this result."""
    answer = {"status": "success", "data": {"resultType": "vector", "result": rows}, **more}
    return body(json.dumps(answer).encode(), status)


def value(number: float) -> Answer:
    """Answer every query with one number."""
    return result([{"metric": {}, "value": [0, str(number)]}])


def hang_up(_: Request, handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)
