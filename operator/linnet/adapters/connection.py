"""The connection to the Kubernetes API, one request at a time."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from aiohttp import ClientResponse, TraceConfig, hdrs
from kubernetes.aio.client import ApiClient, Configuration

from linnet import __version__
from linnet.adapters.credentials import Credentials
from linnet.errors import ConflictError, LinnetError, SpecError, UnavailableError

TIMEOUT = 10.0
"""Seconds that one request may take."""

PARALLEL = 32
"""How many requests may be under way at once; the rest wait for their turn."""

USER_AGENT = f"linnet/{__version__}"
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT = 401, 403, 404, 409
TRY_AGAIN = frozenset({408, 425, 429})

_NO_PERMISSION = re.compile(r"cannot \S+ resource ")


class NotFoundError(LinnetError):
    """The object does not exist, or its kind or namespace does not."""


class UnauthorizedError(UnavailableError):
    """The API server does not know who asks. A fresh token may help, so it is worth a retry."""


class Connection:
    """A client of one API server, under one identity."""

    def __init__(self, configuration: Configuration, credentials: Credentials) -> None:
        self._configuration = configuration
        self._credentials = credentials
        self._client = ApiClient(configuration)
        self._client.user_agent = USER_AGENT
        self._turns = asyncio.Semaphore(PARALLEL)

    @classmethod
    async def open(
        cls, kubeconfig: str = "", context: str = "", *, traces: Sequence[TraceConfig] = ()
    ) -> "Connection":
        """Find the cluster (see Credentials.load). No request is sent yet."""
        configuration = Configuration(connection_pool_maxsize=PARALLEL, trace_configs=list(traces))
        credentials = await Credentials.load(configuration, kubeconfig, context)
        configuration.client_session_kwargs = {
            "middlewares": (credentials.authorize,),
            "trust_env": False,
        }
        return cls(configuration, credentials)

    @property
    def server(self) -> str:
        """The API server's URL."""
        return str(self._configuration.host)

    def session(
        self,
        *,
        response_class: type[ClientResponse] = ClientResponse,
        traces: Sequence[TraceConfig] = (),
    ) -> aiohttp.ClientSession:
        """Return a session of its own, for long-lived streams; the caller closes it."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._client.rest_client.ssl_context),
            headers={hdrs.USER_AGENT: USER_AGENT},
            middlewares=(self._credentials.authorize,),
            proxy=self._configuration.proxy,
            response_class=response_class,
            trace_configs=[*(self._configuration.trace_configs or ()), *traces],
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def request(
        self,
        method: str,
        path: str,
        subject: object,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        time_limit: float = TIMEOUT,
    ) -> dict[str, Any]:
        """Send one request and return the object that is the answer.

        `subject` says in messages what the request is about. `time_limit` is in seconds, and
        includes waiting for a turn: after it, the request will not be sent any more. Raises
        NotFoundError, ConflictError, UnavailableError, or SpecError with the API server's own
        words where it refuses.
        """
        try:
            async with asyncio.timeout(time_limit), self._turns:
                arguments = await self._client.param_serialize(
                    method,
                    path,
                    query_params=list((query or {}).items()),
                    header_params={"Accept": "application/json", "Content-Type": content_type},
                    body=body,
                )
                response = await self._client.call_api(
                    *arguments, _request_timeout=aiohttp.ClientTimeout(total=None)
                )
                data = await response.read()
        except TimeoutError as error:
            raise UnavailableError(
                f"{subject}: the API server did not answer {method} within {time_limit:g} s"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise UnavailableError(
                f"{subject}: the API server is out of reach: {error or type(error).__name__}"
            ) from error
        try:
            answer = json.loads(data)
        except ValueError as error:
            # What is no JSON comes from a proxy in between.
            said = data[:200].decode("utf-8", "replace")
            raise UnavailableError(f"{subject}: HTTP {response.status}: {said}") from error
        if response.status >= 400:
            raise _failure(response.status, subject, answer)
        return dict(answer)


def _failure(status: int, subject: object, answer: Mapping[str, Any]) -> LinnetError:
    said = str(answer.get("message") or f"HTTP {status}")
    message = f"{subject}: {said}"
    if status == NOT_FOUND:
        return NotFoundError(message)
    if status == CONFLICT:
        return ConflictError(message)
    if status == UNAUTHORIZED:
        return UnauthorizedError(message)
    if status in TRY_AGAIN or status >= 500:
        return UnavailableError(message)
    if status == FORBIDDEN and _NO_PERMISSION.search(said):
        return SpecError("Forbidden", f"{message}; grant linnet's ServiceAccount this permission")
    return SpecError("Refused", message)
