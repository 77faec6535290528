"""An operator process under the ServiceAccount, and with the flags, that deploy/ gives it."""

import asyncio
import base64
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import yaml

from e2e.api import WITHIN

GRACE = 30.0
"""Seconds that Kubernetes gives a pod to end."""


@dataclass
class Operator:
    """`linnet run` against one API server, with its log in a file."""

    arguments: list[str]
    environment: dict[str, str]
    kubeconfig: Path
    log: Path
    port: int = field(default=0)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; it is not ready yet."""
        self.port = self.port or _free_port()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "linnet", *self.arguments),
                    *("--kubeconfig", str(self.kubeconfig)),
                    *("--metrics-bind", f"127.0.0.1:{self.port}"),
                ],
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in a terminal is for whoever started us
            )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill9(self) -> None:
        """End it without a chance to clean up."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it as Kubernetes does; kill it where that takes too long."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise

    async def restart_after_kill9(self) -> None:
        """Kill it and start it again at once, as the kubelet would."""
        self.kill9()
        self.start()

    async def ready(self, within: float = WITHIN) -> None:
        """Wait until /readyz says yes."""
        end = time.monotonic() + within
        while not await self._answers("/readyz"):
            assert self.running, f"the operator ended: {self.log.read_text()[-2000:]}"
            assert time.monotonic() < end, f"not ready: {self.log.read_text()[-2000:]}"
            await asyncio.sleep(0.1)  # the polling interval of this wait

    async def leads(self) -> bool:
        """Tell whether it is the leader, by its own metrics."""
        return "linnet_leader 1.0" in await self.metrics()

    async def metrics(self) -> str:
        """Return what Prometheus would scrape."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return await answer.text()

    async def _answers(self, path: str) -> bool:
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False


def account_kubeconfig(path: Path, admin: Path, token: str, server: str = "") -> Path:
    """Write a kubeconfig for a token and the cluster of the administrator's kubeconfig.

    `server` is the URL of something that stands before the API server.
    """
    document = yaml.safe_load(admin.read_text())
    current = document["current-context"]
    (context,) = (c["context"] for c in document["contexts"] if c["name"] == current)
    (cluster,) = (c["cluster"] for c in document["clusters"] if c["name"] == context["cluster"])
    return kubeconfig_for(path, server or cluster["server"], token, _authority(cluster))


def _authority(cluster: dict[str, str]) -> str | None:
    if "certificate-authority" in cluster:
        return base64.b64encode(Path(cluster["certificate-authority"]).read_bytes()).decode()
    return cluster.get("certificate-authority-data")


def kubeconfig_for(path: Path, server: str, token: str, ca: str | None) -> Path:
    """Write a kubeconfig with nothing in it but a server and a token."""
    cluster = {"server": server}
    if server.startswith("https") and ca:
        cluster["certificate-authority-data"] = ca
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }
    path.write_text(yaml.safe_dump(document))
    path.chmod(0o600)
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
