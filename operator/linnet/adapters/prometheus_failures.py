"""What went wrong with a query, in a sentence that a user can act on."""

import json
import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import urlsplit

from requests.exceptions import (
    ConnectTimeout,
    InvalidURL,
    JSONDecodeError,
    ReadTimeout,
    SSLError,
)
from urllib3.exceptions import NameResolutionError

from linnet.adapters.prometheus_url import CredentialsError

_MAX_TEXT = 300


class QueryError(Exception):
    """A query failed. The message is what the server did (`answered …`); `kind` is one word."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


UNREADABLE = QueryError(
    "unreadable", "answered with what is no result of a query; is the URL right?"
)


class RefusedError(Exception):
    """The server answered with another status than 200."""

    def __init__(self, status: int, body: bytes, location: str) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.location = location


FAILURES = (OSError, QueryError, RefusedError, CredentialsError)
"""What asking raises when it fails, but for bugs; the errors of requests are OSErrors."""


def failure(error: BaseException, timeout: float) -> QueryError:
    """Return what one of `FAILURES` means."""
    match error:
        case QueryError():
            return error
        case RefusedError():
            return _refusal(error)
        case ConnectTimeout():
            return QueryError("unreachable", f"cannot be reached: no connection in {timeout:g} s")
        case ReadTimeout() | TimeoutError():
            return QueryError("timeout", f"did not answer within {timeout:g} s")
        case SSLError():
            return QueryError("unreachable", f"cannot be trusted: {_tls(error)}")
        case JSONDecodeError():
            return UNREADABLE
        case InvalidURL():
            return QueryError("unreachable", "cannot be reached: its URL is invalid")
        case CredentialsError():
            return QueryError("credentials", f"was not asked: {error}")
        case _:
            return QueryError("unreachable", f"cannot be reached: {_network(error)}")


def _refusal(error: RefusedError) -> QueryError:
    status = error.status
    shown = f"{status} {_phrase(status)}".rstrip()
    if words := _own_words(error.body):
        return QueryError("refused", f"refused the query: {shown}: {words}")
    if 300 <= status < 400:
        where = urlsplit(error.location)
        target = f"{where.scheme}://{where.hostname}" if where.hostname else "elsewhere"
        return QueryError("refused", f"redirects to {target}; use the URL it redirects to")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return QueryError("refused", f"refused the credentials: {shown}")
    if status == HTTPStatus.NOT_FOUND:
        return QueryError("refused", f"has no /api/v1/query: {shown}; is the URL right?")
    return QueryError("refused", f"answered {shown}")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _own_words(body: bytes) -> str:
    """Return Prometheus' own error; nothing of an answer that another program gave."""
    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(answer, dict) or answer.get("status") != "error":
        return ""
    return f"{answer.get('errorType', '')}: {answer.get('error', '')}"[:_MAX_TEXT]


def _tls(error: BaseException) -> str:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"certificate verification fails: {cause.verify_message}"
    return "the TLS handshake fails; does it speak https?"


def _network(error: BaseException) -> str:
    for cause in _causes(error):
        if isinstance(cause, NameResolutionError | socket.gaierror):
            return "its host name does not resolve"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused; is it running?"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
    if type(error) is OSError:  # such as a CA file that is not there
        return str(error)
    return "it closed the connection without an answer"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and all that led to it: requests and urllib3 keep causes in `args`, too."""
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        related = (current.__cause__, current.__context__, *current.args)
        reason = getattr(current, "reason", None)
        waiting += [item for item in (*related, reason) if isinstance(item, BaseException)]
