"""Which programs there are, and when they must be built anew."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster import binaries
from cluster.binaries import PARTS, ModuleFile, Part
from cluster.errors import ClusterError


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Part:
    """A part `tool` whose module requires example.com/tool v1.2.3, not built yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "parts" / "tool"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module x\n\ngo 1.26.0\n\nrequire example.com/tool v1.2.3\n")
    (folder / "go.sum").write_text("example.com/tool v1.2.3 h1:xyz\n")
    part = Part(
        "tool",
        {"tool": "example.com/tool/cmd"},
        minutes=1,
        disk_gb=1,
        files=(ModuleFile("example.com/tool", "etc/tool.yaml"),),
        modules=tmp_path / "parts",
    )
    monkeypatch.setattr(binaries, "PARTS", (part,))
    return part


def changed_sums(part: Part) -> Part:
    (part.module_folder / "go.sum").write_text("example.com/tool v1.2.3 h1:abc\n")
    return replace(part)


def program_of_our_own(part: Part) -> Part:
    source = part.module_folder / "own" / "main.go"
    source.parent.mkdir()
    source.write_text("package main\n")
    return replace(part)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(changed_sums, id="go.sum"),
        pytest.param(program_of_our_own, id="the source of a program of our own"),
        pytest.param(lambda p: replace(p, tags="slim"), id="build tags"),
        pytest.param(
            lambda p: replace(p, programs={"tool": "example.com/tool/v2"}), id="a package"
        ),
        pytest.param(lambda p: replace(p, files=()), id="the files that go along"),
    ],
)
def test_a_part_is_built_anew_when_this_changes(change: Any, part: Part) -> None:
    before = part.folder
    assert change(part).folder != before


def test_estimates_build_nothing_anew(part: Part) -> None:
    assert replace(part, minutes=9, disk_gb=9).folder == part.folder


def test_versions_are_stamped_from_what_the_module_requires(part: Part) -> None:
    stamped = replace(part, stamp="example.com/tool", ldflags="-X v={version} -X m={major}.{minor}")
    assert stamped.build_flags[-1] == "-ldflags=-s -w -X v=v1.2.3 -X m=1.2"


def test_a_stamp_of_a_module_that_is_not_required_is_an_error(part: Part) -> None:
    with pytest.raises(ClusterError, match=r"requires no version of example\.com/other"):
        _ = replace(part, stamp="example.com/other").build_flags


def test_a_program_that_is_not_built_says_how_to_build_it(part: Part) -> None:
    assert binaries.missing() == [part]
    with pytest.raises(ClusterError, match="python -m cluster build"):
        binaries.program("tool")


def test_programs_and_files_are_found_once_built(part: Part) -> None:
    part.folder.mkdir(parents=True)
    assert binaries.missing() == []
    assert binaries.program("tool") == part.folder / "tool"
    assert binaries.module_file("tool.yaml") == part.folder / "tool.yaml"


def test_a_cluster_does_without_the_tools_of_tests(
    part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = replace(part, in_cluster=False)
    monkeypatch.setattr(binaries, "PARTS", (tool,))
    assert binaries.missing() == []
    assert binaries.missing(tools=True) == [tool]


def test_names_of_programs_and_files_are_unique() -> None:
    names = [name for part in PARTS for name in (*part.programs, *(f.name for f in part.files))]
    assert len(names) == len(set(names))


def test_envoy_comes_with_the_python_environment() -> None:
    version = subprocess.run(
        [binaries.program("envoy"), "--version"], capture_output=True, text=True, check=True
    )
    assert "version" in version.stdout
