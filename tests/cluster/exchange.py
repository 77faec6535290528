"""One HTTP/1.1 request on a connection of its own."""

import asyncio
import os
import socket
import struct
from collections.abc import Mapping

import httptools

# Closing sends a reset: no port stays in TIME_WAIT, however many requests a second there are.
_NO_LINGER = struct.pack("ii", 1, 0)


def payload(host: str, path: str, headers: Mapping[str, str]) -> bytes:
    """Return a GET request as it is sent. ValueError when a part holds a line break."""
    fields = {"host": host, "user-agent": "cluster-load", **headers}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    if any(character in line for line in lines for character in "\r\n"):
        raise ValueError("host, path and headers must not hold line breaks")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Answer:
    """What is kept of an answer while it is read: httptools calls the `on_` methods."""

    def __init__(self) -> None:
        self.status = 0
        self.version = ""
        self.pod = ""
        self.complete = False
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""

    @property
    def reason(self) -> str:
        """Why the answer is a failure: the pod that gave it, or else what the proxy says."""
        proxy = self._body.decode(errors="replace").strip() or "no route, or nothing said"
        return f"{self.status}: {f'pod {self.pod}' if self.pod else proxy}"

    def feed(self, data: bytes) -> None:
        """Take the next bytes. HttpParserError when they are no HTTP."""
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name == b"x-version":
            self.version = value.decode()
        elif name == b"x-pod":
            self.pod = value.decode()

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._body += body[: 120 - len(self._body)]

    def on_message_complete(self) -> None:
        self.complete = True


async def exchange(target: tuple[str, int], payload: bytes, answer: Answer) -> None:
    """One request on a connection of its own. OSError, worded for a report, when it breaks."""
    loop = asyncio.get_running_loop()
    with socket.socket() as connection:
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        try:
            await loop.sock_connect(connection, target)
        except OSError as error:
            raise OSError(f"not connected: {os.strerror(error.errno or 0)}") from error
        try:
            await loop.sock_sendall(connection, payload)
            while not answer.complete:
                data = await loop.sock_recv(connection, 65536)
                if not data:
                    raise OSError("connection closed before the answer was complete")
                answer.feed(data)
        except ConnectionError as error:
            raise OSError("connection reset before the answer was complete") from error
