"""Building the programs, with a stand-in for the Go tool."""

import fcntl
import os
from pathlib import Path

import pytest

from cluster import binaries, build
from cluster.binaries import ModuleFile, Part
from cluster.errors import ClusterError
from cluster.progress import activity

# Does what `go` does as far as the build can see. Part `bad` has a package that fails.
GO = r"""#!/bin/sh
echo "$*" >> "$GO_CALLS"
case "$1 $2" in
"env GOVERSION") echo "$GO_VERSION"; exit ;;
"list -deps") mkdir -p "$GOMODCACHE/mod"; echo data > "$GOMODCACHE/mod/tool.yaml"
  echo "go: downloading example.com/dep v1.0.0" >&2; echo fmt; echo example.com/tool@v1; exit ;;
"list -m") echo "$GOMODCACHE/mod"; exit ;;
esac
for last; do :; done
echo example.com/dep/pkg >&2
case "$last" in *bad*) echo "pkg/x.go:1: broken" >&2; exit 1 ;; esac
while [ "$1" != -o ]; do shift; done
echo "built from $last" > "$2"
"""


class Told:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.parts: list[tuple[int, int, str]] = []
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def part(self, number: int, total: int, name: str) -> None:
        self.parts.append((number, total, name))

    def expect(self, packages: int) -> None:
        self.said.append(f"{packages} packages")

    def line(self, text: str) -> None:
        self.lines.append(text)

    def part_done(self, seconds: float) -> None:
        assert seconds >= 0


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Part]:
    """Parts `one` and `two`, a stand-in for Go, and a cache of their own."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "go").write_text(GO)
    (tools / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GO_CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("GO_VERSION", "go1.26.8")
    made = []
    for name in ("one", "two"):
        folder = tmp_path / "parts" / name
        folder.mkdir(parents=True)
        (folder / "go.mod").write_text("module x\n\ngo 1.26.0\n")
        (folder / "go.sum").write_text("")
        files = (ModuleFile("example.com/tool", "tool.yaml"),)
        made.append(
            Part(name, {f"{name}-a": f"example.com/{name}"}, 1, 0.001, files, modules=folder.parent)
        )
    monkeypatch.setattr(binaries, "PARTS", tuple(made))
    return made


def test_a_build_leaves_the_programs_and_their_files_and_no_cache(parts: list[Part]) -> None:
    told = Told()
    build.build(told)
    for part in parts:
        assert (part.folder / f"{part.name}-a").read_text() == (
            f"built from example.com/{part.name}\n"
        )
        assert (part.folder / "tool.yaml").read_text() == "data\n"
    left = {entry.name for entry in binaries.cache_folder().iterdir()}
    assert left == {"lock", *(part.folder.name for part in parts)}
    assert told.parts == [(1, 2, "one"), (2, 2, "two")]
    assert "example.com/dep/pkg" in told.lines


def test_what_is_built_is_not_built_again(parts: list[Part], tmp_path: Path) -> None:
    build.build(Told())
    calls = (tmp_path / "calls").read_text()
    build.build(Told())
    assert (tmp_path / "calls").read_text() == calls


def test_a_build_that_failed_goes_on_with_the_part_that_is_missing(
    parts: list[Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    good, two = parts
    bad = Part("two", {"two-a": "example.com/bad"}, 1, 0.001, modules=two.modules)
    monkeypatch.setattr(binaries, "PARTS", (good, bad))
    with pytest.raises(ClusterError, match=r"(?s)go build.*pkg/x\.go:1: broken"):
        build.build(Told())
    assert good.built
    assert not bad.built
    assert not (binaries.cache_folder() / "building").exists()
    monkeypatch.setattr(binaries, "PARTS", (good, two))
    told = Told()
    build.build(told)
    assert told.parts == [(1, 1, "two")]


def test_a_second_build_waits_and_then_has_nothing_to_do(parts: list[Part], tmp_path: Path) -> None:
    root = binaries.cache_folder()
    root.mkdir(parents=True)

    class First(Told):
        """While it waits, the build that holds the lock gets done."""

        def say(self, text: str) -> None:
            super().say(text)
            for part in parts:
                part.folder.mkdir()
            fcntl.flock(held, fcntl.LOCK_UN)

    told = First()
    with (root / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        build.build(told)
    assert told.said == ["waiting for another build of the same programs to end"]
    assert not (tmp_path / "calls").exists()


def test_too_little_disk_is_told_before_anything_is_done(parts: list[Part]) -> None:
    with pytest.raises(ClusterError, match=r"needs about 2 GB .* and 1\.0 GB are free"):
        build.check_disk(parts, free_bytes=10**9)


@pytest.mark.parametrize(
    ("version", "complaint"),
    [
        pytest.param("go1.21.0", "need Go 1.26 or newer; .* is go1.21.0", id="too old"),
        pytest.param("devel", "No Go version", id="unknown"),
    ],
)
def test_a_go_that_cannot_build_it_is_told(
    parts: list[Part], monkeypatch: pytest.MonkeyPatch, version: str, complaint: str
) -> None:
    monkeypatch.setenv("GO_VERSION", version)
    with pytest.raises(ClusterError, match=complaint):
        build.build(Told())


def test_no_go_at_all_is_told(
    parts: list[Part], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match="there is no `go` on PATH"):
        build.build(Told())


def test_the_real_parts_ask_for_a_version_of_go() -> None:
    for part in binaries.PARTS:
        assert (part.module_folder / "go.mod").read_text().count("\ngo 1.") == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            "go: downloading k8s.io/api v0.36.1", ("downloading k8s.io/api", False), id="download"
        ),
        pytest.param(
            "k8s.io/api/core/v1", ("compiling k8s.io/api/core/v1", True), id="package compiled"
        ),
        pytest.param("# k8s.io/api", ("# k8s.io/api", False), id="anything else"),
    ],
)
def test_lines_of_the_go_tool_are_understood(line: str, expected: tuple[str, bool]) -> None:
    assert activity(line) == expected
