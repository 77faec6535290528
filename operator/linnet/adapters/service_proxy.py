"""Asking a Prometheus inside a cluster from outside: the API server passes queries on.

With the user's own credentials: they need `get` on `services/proxy` in that namespace.
"""

import re
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from linnet.adapters.connection import Connection
from linnet.errors import UnavailableError

_HOST: Final = re.compile(
    r"(?P<name>[a-z0-9]([-a-z0-9]*[a-z0-9])?)\.(?P<namespace>[a-z0-9]([-a-z0-9]*[a-z0-9])?)"
    r"(\.svc(\.cluster\.local)?)?\.?"
)
_PORTS: Final = {"http": 80, "https": 443}
TIMEOUT: Final = 20.0


class ServiceAddress(NamedTuple):
    """A Service as a URL inside the cluster names it; `path` is empty or begins with /."""

    scheme: str
    namespace: str
    name: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> "ServiceAddress | None":
        """Read a URL such as http://prometheus.istio-system:9090; None for one from outside.

        `NAME.NAMESPACE`, with or without `.svc` and `.svc.cluster.local`.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return None
        known = _HOST.fullmatch(parts.hostname or "")
        if known is None or parts.scheme not in _PORTS:
            return None
        port = port or _PORTS[parts.scheme]
        return cls(parts.scheme, known["namespace"], known["name"], port, parts.path.rstrip("/"))

    @property
    def proxy_path(self) -> str:
        """Where the API server's proxy has it."""
        scheme = "https:" if self.scheme == "https" else ""
        service = f"{scheme}{self.name}:{self.port}"
        return f"/api/v1/namespaces/{self.namespace}/services/{service}/proxy{self.path}"


async def query(connection: Connection, address: ServiceAddress, promql: str) -> Any:
    """Return the `result` of an instant query for now. Raises LinnetError as Connection does."""
    subject = f"Prometheus behind Service {address.namespace}/{address.name}"
    answer = await connection.request(
        "GET",
        f"{address.proxy_path}/api/v1/query",
        subject,
        query={"query": promql},
        time_limit=TIMEOUT,
    )
    try:
        return answer["data"]["result"]
    except (KeyError, TypeError) as error:
        raise UnavailableError(f"{subject} gave no answer of Prometheus") from error
