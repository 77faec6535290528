"""A way to the API server that can be cut: refused, silent, or torn."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml


class Forwarder:
    """Forwards TCP connections to the API server of a kubeconfig. TLS passes through."""

    def __init__(self, kubeconfig: str) -> None:
        self._config: dict[str, Any] = yaml.safe_load(Path(kubeconfig).read_text(encoding="utf-8"))
        self._server: asyncio.Server | None = None
        self._port = 0
        self._connections: set[asyncio.Task[None]] = set()
        self.flowing = asyncio.Event()
        """Cleared, connections stand and nothing comes through."""
        self.flowing.set()

    def kubeconfig(self, folder: Path) -> str:
        """Write a kubeconfig that leads through here, and return its path."""
        config = yaml.safe_load(yaml.safe_dump(self._config))
        cluster = self._cluster(config)
        cluster["server"] = f"https://127.0.0.1:{self._port}"
        # The certificate is for the API server's own name.
        cluster["tls-server-name"] = self._target[0]
        path = folder / "kubeconfig"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return str(path)

    async def start(self) -> None:
        """Accept connections, at the same port each time."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Tear all connections and refuse new ones, as an API server that is down."""
        if self._server is not None:
            self._server.close()
        self._server = None
        self.tear()

    def tear(self) -> None:
        """Tear all connections; new ones are accepted."""
        for connection in list(self._connections):
            connection.cancel()

    async def stop(self) -> None:
        """Tear all connections, and wait until they are closed."""
        await self.refuse()
        while self._connections:
            await asyncio.wait(self._connections)

    @property
    def _target(self) -> tuple[str, int]:
        parts = urlsplit(self._cluster(self._config)["server"])
        return parts.hostname or "", parts.port or 443

    @staticmethod
    def _cluster(config: dict[str, Any]) -> dict[str, Any]:
        contexts = {entry["name"]: entry["context"] for entry in config["contexts"]}
        clusters = {entry["name"]: entry["cluster"] for entry in config["clusters"]}
        cluster: dict[str, Any] = clusters[contexts[config["current-context"]]["cluster"]]
        return cluster

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await self._forward(reader, writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection(*self._target)
        pumps = [
            asyncio.create_task(self._pump(reader, to_writer)),
            asyncio.create_task(self._pump(to_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            to_writer.close()  # before anything that a second cancellation could cut short
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self.flowing.wait()
            writer.write(data)
            await writer.drain()
