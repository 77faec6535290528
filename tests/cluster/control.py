"""Asking a cluster's supervisor to do something, over its socket.

One request a connection: a line of JSON `{"do": VERB, ...}`. Answered by any number of lines
`{"tell": TEXT}` while it is being done, then one `{"result": VALUE}` or `{"error": TEXT}`.
"""

import json
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cluster.errors import ClusterError


def ask(path: Path, do: str, *, tell: Callable[[str], None] | None = None, **request: Any) -> Any:
    """Send a request and return its result. ClusterError when it fails or nobody answers."""
    with _connected(path) as connection, connection.makefile("rw") as stream:
        stream.write(json.dumps({"do": do, **request}) + "\n")
        stream.flush()
        for line in stream:
            answer = json.loads(line)
            if "error" in answer:
                raise ClusterError(answer["error"])
            if "result" in answer:
                return answer["result"]
            if tell:
                tell(answer["tell"])
    raise ClusterError(f"The cluster's supervisor ended before it answered ({do}).")


def supervisor_pid(path: Path) -> int:
    """The process ID, as we see it from here, of the supervisor that listens at `path`."""
    with _connected(path) as connection:
        size = struct.calcsize("3i")
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    pid: int = struct.unpack("3i", credentials)[0]
    return pid


def _connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except OSError as error:
        connection.close()
        raise ClusterError(f"No cluster answers at {path}: {error.strerror}.") from error
    return connection
