"""A real Prometheus on loopback: with a past that a test wrote, or scraping what a test serves."""

import contextlib
import http.client
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from cluster.binaries import program

Points = dict[float, float]


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 120.0) -> None:
    """Return once the condition holds; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.02)


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Prometheus:
    """A server process that can be stopped and started again with its data."""

    def __init__(
        self,
        folder: Path,
        scrape: Mapping[str, int] | None = None,
        *,
        listen: str = "127.0.0.1",
    ) -> None:
        """`scrape` maps job names to ports of loopback, scraped five times a second.

        `listen` is the address it answers at; the cluster's network has nothing around it.
        """
        self.folder = folder
        self._listen = listen
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        jobs = "".join(
            f"- job_name: {job}\n  static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
            for job, port in (scrape or {}).items()
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "prometheus.yml").write_text(
            f"global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\nscrape_configs:\n{jobs}"
        )

    def import_history(self, openmetrics: str) -> None:
        """Make samples with timestamps part of the data; before the first start."""
        text = self.folder / "history.om"
        text.write_text(openmetrics)
        subprocess.run(
            [
                program("promtool"),
                *("tsdb", "create-blocks-from", "openmetrics", "--quiet"),
                text,
                self.folder / "data",
            ],
            check=True,
            capture_output=True,
        )

    def start(self) -> None:
        """Start, and return when queries are answered."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    program("prometheus"),
                    f"--config.file={self.folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self.folder / 'data'}",
                    "--storage.tsdb.retention.time=100y",
                    # By default a new target is not looked at for five seconds.
                    "--scrape.discovery-reload-interval=100ms",
                    f"--web.listen-address={self._listen}:{self.port}",
                ],
                stdout=log,
                stderr=log,
            )
        wait_for(self._ready, f"Prometheus, see {self.folder / 'log'}")

    def stop(self) -> None:
        """End the process; its data stay."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        return False


class Proxy:
    """What Prometheus scrapes: counters that the test sets."""

    def __init__(self) -> None:
        self.counters: Mapping[str, float] = {}
        self.scrapes = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = "".join(
                    f"{series} {value:g}\n" for series, value in list(proxy.counters.items())
                )
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(body.encode())
                proxy.scrapes += 1

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def series(name: str, **labels: str) -> str:
    """Return a series as the text format writes it."""
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


@dataclass
class Scene:
    """Some minutes of the past, an hour away from those of other scenes.

    Points map seconds, counted from the end of the window that is asked about (so they are 0 or
    negative), to values.
    """

    at: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    points: list[tuple[str, Points]] = field(default_factory=list)

    def add(self, name: str, points: Points, **labels: str) -> Self:
        self.points.append((series(name, **labels), points))
        return self


def openmetrics(scenes: Iterable[Scene]) -> str:
    """Return what the scenes hold in OpenMetrics' text format; sets the scenes' times."""
    lines: dict[str, list[str]] = {}
    for number, scene in enumerate(scenes):
        scene.at += timedelta(hours=number)
        for name, points in scene.points:
            family = name.partition("{")[0]
            samples = lines.setdefault(family, [])
            base = scene.at.timestamp()
            samples += [f"{name} {points[t]:g} {base + t:.3f}" for t in sorted(points)]
    return "".join(f"{line}\n" for line in _families(lines)) + "# EOF\n"


def _families(lines: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for family, samples in lines.items():
        yield f"# TYPE {family} unknown"
        yield from samples
