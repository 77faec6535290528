"""One Prometheus server: queries in threads of its own, every failure told in a sentence."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import requests
from prometheus_api_client import PrometheusConnect
from urllib3 import Retry
from urllib3.exceptions import HTTPError, ReadTimeoutError

from linnet.adapters.prometheus_failures import (
    FAILURES,
    UNREADABLE,
    QueryError,
    RefusedError,
    failure,
)
from linnet.adapters.prometheus_url import Endpoint

log = logging.getLogger(__name__)

MAX_CONCURRENCY: Final = 4
MAX_BYTES: Final = 64 << 20
"""How long an answer of the operator's own Prometheus may be: all Canaries share it."""
MAX_BYTES_OF_OTHERS: Final = 2 << 20
"""The same for a server that a Canary names: taking JSON apart takes many times its length."""
_CHUNK: Final = 1 << 16


class _Session(requests.Session):
    """What PrometheusConnect leaves to its session.

    Parameters go into the body of a POST, as they may be long. Redirects are not followed, the
    environment's proxies and .netrc not used. An answer is bounded in size and, down to the last
    byte, in time. Warnings, which PrometheusConnect drops, are errors: data may be missing.
    """

    def __init__(self, endpoint: Endpoint, max_bytes: int) -> None:
        super().__init__()
        self._max_bytes = max_bytes
        self.trust_env = False
        self.verify = str(endpoint.credentials.ca_file or "") or True
        self.headers.update({"User-Agent": "linnet", "Accept-Encoding": "identity"})

    def request(self, *args: Any, **options: Any) -> requests.Response:
        deadline = time.monotonic() + options["timeout"]
        options |= {"data": options.pop("params"), "stream": True, "allow_redirects": False}
        with super().request(*args, **options) as response:
            content = _read(response, deadline, self._max_bytes)
        # What requests itself does with a body it has read.
        response._content, response._content_consumed = content, True  # noqa: SLF001 - no setter
        if response.status_code != requests.codes.ok:
            raise RefusedError(response.status_code, content, response.headers.get("Location", ""))
        if b'"warnings"' in content:
            warnings = json.loads(content).get("warnings") or ()
            # Prometheus 2 reports mere information as warnings, too.
            serious = [text for text in warnings if not text.startswith("PromQL info")]
            if serious:
                raise QueryError("warning", f"warned: {'; '.join(serious)}"[:400])
        return response


def _read(response: requests.Response, deadline: float, max_bytes: int) -> bytes:
    content = bytearray()
    try:
        while chunk := response.raw.read1(_CHUNK):
            content += chunk
            if len(content) > max_bytes:
                raise QueryError("too_large", f"answered with more than {max_bytes >> 20} MiB")
            if time.monotonic() > deadline:
                raise requests.ReadTimeout
    except ReadTimeoutError as error:
        raise requests.ReadTimeout from error
    except HTTPError as error:
        raise requests.ConnectionError from error
    return bytes(content)


@contextmanager
def _readable() -> Iterator[None]:
    """The library takes an answer apart without looking."""
    try:
        yield
    except (KeyError, TypeError, RecursionError) as error:
        raise UNREADABLE from error


class PrometheusServer:
    """Asks one server, at most `MAX_CONCURRENCY` queries at a time, none for longer than `timeout`
    seconds."""

    def __init__(self, endpoint: Endpoint, timeout: float, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.url = endpoint.url
        self.last_used = 0.0
        self._endpoint = endpoint
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(MAX_CONCURRENCY, "prometheus")
        self._of_thread = threading.local()
        self._clients: list[PrometheusConnect] = []
        self._slots = asyncio.Semaphore(MAX_CONCURRENCY)
        self._failing = False

    async def wait_for_slot(self) -> None:
        """Return once a query would be sent without waiting for others."""
        async with self._slots:
            return

    async def query(self, promql: str, at: datetime, deadline: float, limit: int = 0) -> Any:
        """Return the `result` of an instant query for `at`: of at most `limit` series, if set.

        It is given up at `deadline`, by the event loop's clock.

        Raises QueryError, whose sentence names the server.
        """
        return await self._send(deadline, self._ask, promql, at, limit)

    async def query_range(
        self, promql: str, span: tuple[float, float], step: float, deadline: float
    ) -> Any:
        """Return the `result` of a range query, both ends included; all in seconds of the epoch.

        Raises QueryError as `query` does.
        """
        return await self._send(deadline, self._ask_range, promql, span, step)

    async def _send(self, deadline: float, ask: Callable[..., Any], *args: Any) -> Any:
        self.last_used = time.monotonic()
        try:
            async with asyncio.timeout_at(deadline), self._slots:
                loop = asyncio.get_running_loop()
                result = await loop.run_in_executor(self._threads, ask, *args)
        except FAILURES as error:
            what = failure(error, self._timeout)
            raise self._failed(QueryError(what.kind, f"Prometheus {self.url} {what}")) from error
        self._succeeded()
        return result

    def close(self) -> None:
        """Drop what waits and close connections; queries under way end by their time-out."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for client in self._clients:
            client.close()

    def _ask(self, promql: str, at: datetime, limit: int) -> Any:
        parameters = {"time": f"{at.timestamp():.3f}", **self._patience}
        if limit:
            parameters["limit"] = str(limit)
        with _readable():
            return self._client().custom_query(promql, parameters)

    def _ask_range(self, promql: str, span: tuple[float, float], step: float) -> Any:
        start, end = (datetime.fromtimestamp(at, UTC) for at in span)
        # The library rounds the ends to seconds; what is given beside them comes after.
        exact = {"start": f"{span[0]:.3f}", "end": f"{span[1]:.3f}", **self._patience}
        with _readable():
            return self._client().custom_query_range(promql, start, end, f"{step:.3f}", exact)

    @property
    def _patience(self) -> dict[str, str]:
        # Prometheus gives up a little before us, so that its own words arrive.
        return {"timeout": f"{self._timeout * 800:.0f}ms"}

    def _client(self) -> PrometheusConnect:
        client = getattr(self._of_thread, "client", None)
        if client is None:
            client = PrometheusConnect(
                self.url,
                retry=Retry(total=0),
                auth=self._endpoint.credentials,
                session=_Session(self._endpoint, self._max_bytes),
                timeout=self._timeout,
                method="POST",
            )
            self._of_thread.client = client
            self._clients.append(client)
        return client

    def _failed(self, error: QueryError) -> QueryError:
        # A query that is refused says nothing about the server.
        if error.kind in ("unreachable", "timeout") and not self._failing:
            self._failing = True
            log.warning("Prometheus does not answer: %s", error)
        return error

    def _succeeded(self) -> None:
        if self._failing:
            self._failing = False
            log.info("Prometheus answers again: %s", self.url)
