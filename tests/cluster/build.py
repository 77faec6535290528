"""Building the cluster's programs with the Go tool chain, once, into the user's cache.

Parts are built one after the other with a module cache and a build cache of their own, which are
removed at the end. A part appears in the cache in one rename when it is complete, so a build that
was interrupted goes on with the first part that is missing, and two builds at once wait for one
another instead of doing the work twice.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster import binaries
from cluster.binaries import Part
from cluster.errors import ClusterError
from cluster.progress import BuildProgress

SPARE_DISK_GB = 2.0
TAIL_LINES = 40
MAIN_GO = re.compile(r"^go (\d+)\.(\d+)", re.MULTILINE)


def build(progress: BuildProgress, *, tools: bool = False) -> None:
    """Build what a cluster lacks, and what tests need beyond that where `tools` says so.

    ClusterError when that can't be done.
    """
    if not binaries.missing(tools=tools):
        return
    root = binaries.cache_folder()
    root.mkdir(parents=True, exist_ok=True)
    with _exclusive(root / "lock", progress):
        parts = binaries.missing(tools=tools)
        if not parts:
            return
        check_go(parts)
        check_disk(parts, shutil.disk_usage(root).free)
        # Left over when a build was killed: its caches are good, its half-made parts are not.
        work = root / "building"
        shutil.rmtree(work / "parts", ignore_errors=True)
        try:
            _build_parts(parts, work, progress)
        finally:
            progress.say("removing the build's own caches")
            shutil.rmtree(work, ignore_errors=True)


def check_disk(parts: list[Part], free_bytes: int) -> None:
    """ClusterError when the disk has too little room for what the build needs meanwhile."""
    needed = sum(part.disk_gb for part in parts) + SPARE_DISK_GB
    free = free_bytes / 1e9
    if free < needed:
        raise ClusterError(
            f"Building {', '.join(part.name for part in parts)} needs about {needed:.0f} GB on the"
            f" disk of {binaries.cache_folder()} while it runs, and {free:.1f} GB are free. Make"
            " room, or set XDG_CACHE_HOME to a folder on a larger disk. (Less than 1 GB stays.)"
        )


def check_go(parts: list[Part]) -> None:
    """ClusterError when there is no Go, or one too old to build the parts."""
    need = max(_go_version((part.module_folder / "go.mod").read_text()) for part in parts)
    wanted = "Go {}.{} or newer".format(*need)
    try:
        # With GOTOOLCHAIN at its default, an older Go fetches the one that a module asks for.
        answer = subprocess.run(
            ["go", "env", "GOVERSION"],
            cwd=parts[0].module_folder,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except FileNotFoundError as error:
        raise ClusterError(
            f"The cluster's programs are built from source, which needs {wanted}, and there is no"
            " `go` on PATH. Install it and try again."
        ) from error
    except subprocess.CalledProcessError as error:
        raise ClusterError(f"`go env` fails; {wanted} is needed:\n{error.stderr}") from error
    have = _go_version("go " + answer.removeprefix("go"))
    if have < need:
        raise ClusterError(f"The cluster's programs need {wanted}; `go` on PATH is {answer}.")


def _go_version(text: str) -> tuple[int, int]:
    found = MAIN_GO.search(text)
    if not found:
        raise ClusterError(f"No Go version can be read from {text[:80]!r}.")
    return int(found[1]), int(found[2])


@contextmanager
def _exclusive(path: Path, progress: BuildProgress) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("waiting for another build of the same programs to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_parts(parts: list[Part], work: Path, progress: BuildProgress) -> None:
    compiled: set[str] = set()
    minutes = sum(part.minutes for part in parts)
    progress.say(
        f"building {len(parts)} part(s) of the cluster from source, once: about {minutes:.0f}"
        f" minutes on two cores. Kept in {binaries.cache_folder()}."
    )
    for number, part in enumerate(parts, start=1):
        started = time.monotonic()
        progress.part(number, len(parts), part.name)
        go = _Go(part, work, progress)
        folder = work / "parts" / part.name
        folder.mkdir(parents=True)
        packages = go.packages()
        progress.expect(len(packages - compiled))
        for name, package in part.programs.items():
            go.build(package, folder / name)
        compiled |= packages
        for file in part.files:
            shutil.copyfile(go.module_folder(file.module) / file.path, folder / file.name)
        folder.rename(part.folder)
        progress.part_done(time.monotonic() - started)


class _Go:
    """The Go tool for one part, with caches of its own."""

    def __init__(self, part: Part, work: Path, progress: BuildProgress) -> None:
        self.part = part
        self.progress = progress
        self.temporary = work / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.environment = os.environ | {
            "CGO_ENABLED": "0",
            # The module cache is read-only by default, which would make it hard to remove.
            "GOFLAGS": "-modcacherw -buildvcs=false",
            "GOWORK": "off",
            "GOMODCACHE": str(work / "modules"),
            "GOCACHE": str(work / "objects"),
            "GOTMPDIR": str(self.temporary),
        }

    def packages(self) -> set[str]:
        """Every package that goes into the part, with its module's version; downloads them."""
        shape = "{{.ImportPath}}{{with .Module}}@{{.Version}}{{end}}"
        return set(
            self._run(
                "list", "-deps", f"-f={shape}", f"-tags={self.part.tags}", *self._mains()
            ).split()
        )

    def build(self, package: str, output: Path) -> None:
        self._run("build", "-v", *self.part.build_flags, "-o", str(output), package)

    def module_folder(self, module: str) -> Path:
        return Path(self._run("list", "-m", "-f={{.Dir}}", module).strip())

    def _mains(self) -> list[str]:
        return list(self.part.programs.values())

    def _run(self, *arguments: str) -> str:
        """Run one go command to its end, telling each package it names on stderr."""
        tail: list[str] = []
        with (
            (self.temporary / "stdout").open("w+") as output,
            subprocess.Popen(
                ["go", *arguments],
                cwd=self.part.module_folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                # A process group of its own: go's children too have ended when this returns.
                start_new_session=True,
            ) as process,
        ):
            try:
                assert process.stderr
                for line in process.stderr:
                    tail = [*tail[1 - TAIL_LINES :], line]
                    self.progress.line(line.strip())
                code = process.wait()
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
            output.seek(0)
            answer = output.read()
        if code:
            raise ClusterError(
                f"`go {' '.join(arguments)}` in {self.part.module_folder} failed:\n{''.join(tail)}"
            )
        return answer
