"""Tokens that are replaced while linnet runs."""

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from kubernetes.aio.config import incluster_config, load_kube_config

from integration.operator_lab import kubeconfig
from linnet.adapters import credentials
from linnet.adapters.connection import Connection
from linnet.errors import UnavailableError

VERSION = "/api/v1/namespaces/default"


class Config:
    """A kubeconfig of the test cluster, to be changed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "kubeconfig"
        self._config: dict[str, Any] = yaml.safe_load(kubeconfig().read_text(encoding="utf-8"))
        contexts = {entry["name"]: entry["context"] for entry in self._config["contexts"]}
        context = contexts[self._config["current-context"]]
        entries = (*self._config["users"], *self._config["clusters"])
        self._user = next(e for e in entries if "user" in e and e["name"] == context["user"])
        self.cluster = next(
            e["cluster"] for e in entries if "cluster" in e and e["name"] == context["cluster"]
        )
        self.token = str(self._user["user"].get("token", ""))
        if not self.token:
            pytest.fail("the test cluster's kubeconfig has no token to play with")

    def write(self, **user: Any) -> str:
        self._user["user"] = user
        self.path.write_text(yaml.safe_dump(self._config), encoding="utf-8")
        return str(self.path)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(tmp_path)


async def ask(connection: Connection) -> str:
    """Return what the API server says to a request that needs a token."""
    answer = await connection.request("GET", VERSION, "the test")
    return str(answer["metadata"]["name"])


@pytest.fixture
async def connections() -> AsyncIterator[list[Connection]]:
    opened: list[Connection] = []
    yield opened
    for connection in opened:
        await connection.close()


async def test_a_token_replaced_in_the_kubeconfig_is_taken_when_the_old_one_is_refused(
    config: Config, connections: list[Connection]
) -> None:
    connection = await Connection.open(config.write(token="expired"))
    connections.append(connection)
    with pytest.raises(UnavailableError, match="Unauthorized"):
        await ask(connection)
    config.write(token=config.token)
    assert await ask(connection) == "default"


async def test_many_requests_read_a_new_token_once(
    config: Config, connections: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []

    async def counted(**arguments: Any) -> Any:
        reads.append(arguments["config_file"])
        return await load_kube_config(**arguments)

    monkeypatch.setattr(credentials, "load_kube_config", counted)
    connection = await Connection.open(config.write(token="expired"))
    connections.append(connection)
    config.write(token=config.token)
    assert await asyncio.gather(*(ask(connection) for _ in range(20))) == ["default"] * 20
    assert len(reads) == 2, "at the start, and for the new one"


async def test_a_plugin_that_makes_tokens_is_run_again_when_one_is_refused(
    config: Config, connections: list[Connection], tmp_path: Path
) -> None:
    answer = tmp_path / "credential"

    def plugin_says(token: str) -> None:
        credential = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": {"token": token},
        }
        answer.write_text(json.dumps(credential), encoding="utf-8")

    plugin_says("expired")
    command = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", f"print(open({str(answer)!r}).read())"],
        "interactiveMode": "Never",
    }
    connection = await Connection.open(config.write(exec=command))
    connections.append(connection)
    plugin_says(config.token)
    assert await ask(connection) == "default"


async def test_a_service_accounts_token_is_read_again_when_it_is_refused(
    config: Config,
    connections: list[Connection],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = urlsplit(config.cluster["server"])
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", server.hostname or "")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    token, ca = tmp_path / "token", tmp_path / "ca.crt"
    ca.write_bytes(authority(config.cluster))
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(ca))
    token.write_text("expired", encoding="utf-8")
    connection = await Connection.open()
    connections.append(connection)
    with pytest.raises(UnavailableError, match="Unauthorized"):
        await ask(connection)
    token.write_text(config.token, encoding="utf-8")
    assert await ask(connection) == "default"


def authority(cluster: dict[str, Any]) -> bytes:
    """Return the certificate that the API server's own is checked by."""
    if "certificate-authority-data" in cluster:
        return base64.b64decode(cluster["certificate-authority-data"])
    return Path(cluster["certificate-authority"]).read_bytes()
