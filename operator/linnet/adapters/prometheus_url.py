"""Where a Prometheus is, and who linnet is to it. Nothing here shows a secret when printed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

TOKEN_FILE: str = "LINNET_PROMETHEUS_TOKEN_FILE"  # noqa: S105 - the name of a variable
USERNAME: str = "LINNET_PROMETHEUS_USERNAME"
PASSWORD_FILE: str = "LINNET_PROMETHEUS_PASSWORD_FILE"  # noqa: S105 - the name of a variable
CA_FILE: str = "LINNET_PROMETHEUS_CA_FILE"


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to log in, and whom to trust. Files are read anew for each request: tokens rotate."""

    token_file: Path | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    password_file: Path | None = None
    ca_file: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read LINNET_PROMETHEUS_{TOKEN_FILE,USERNAME,PASSWORD_FILE,CA_FILE}."""

        def path(name: str) -> Path | None:
            return Path(value) if (value := environment.get(name)) else None

        return cls(
            token_file=path(TOKEN_FILE),
            username=environment.get(USERNAME, ""),
            password_file=path(PASSWORD_FILE),
            ca_file=path(CA_FILE),
        )

    def __call__(self, request: Any) -> Any:
        """Sign a request of the requests library."""
        from requests.auth import HTTPBasicAuth

        if self.token_file:
            request.headers["Authorization"] = f"Bearer {_content(self.token_file)}"
        elif self.username:
            password = _content(self.password_file) if self.password_file else self.password
            HTTPBasicAuth(self.username.encode(), password.encode())(request)
        return request


class CredentialsError(Exception):
    """A file with a secret cannot be read; the message names it, never its content."""


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise CredentialsError(f"{path} cannot be read: {why}") from error


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's base URL without credentials, and the credentials."""

    url: str
    credentials: Credentials = field(default_factory=Credentials, repr=False)

    @classmethod
    def parse(cls, url: str, credentials: Credentials | None = None) -> Self:
        """Read an http or https URL; a user and password in it come before `credentials`.

        Raises ValueError, whose message does not repeat the URL: it may hold a password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ValueError("the URL has an invalid host or port") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the URL must begin with http:// or https:// and name a host")
        if parts.query or parts.fragment:
            raise ValueError("the URL must end after its path: no ? and no #")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        base = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
        if not parts.username:
            return cls(base, credentials or Credentials())
        own = Credentials(
            username=unquote(parts.username),
            password=unquote(parts.password or ""),
            ca_file=credentials.ca_file if credentials else None,
        )
        return cls(base, own)
