"""What holds of every command: help with examples, sentences instead of tracebacks, JSON."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from linnet import cli
from linnet.cli import COMMANDS, main

EXAMPLE = Path(__file__).parents[2] / "examples" / "podinfo.yaml"


def invoke(*arguments: str, stdin: str | None = None) -> Any:
    return CliRunner().invoke(main, arguments, input=stdin)


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS if name != "version")])
def test_the_help_has_examples(command: tuple[str, ...]) -> None:
    result = invoke(*command, "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["plan", "nope", "-o", "json"], 2, "nope cannot be read"),
        (["plan", "-ojson", "--rps", "nan"], 2, "nan must be a number"),
        (["simulate", "nope", "--output=json"], 1, "nope cannot be read"),
        (["simulate", str(EXAMPLE), "--runs", "-5", "-o", "json"], 2, "-5 is not in the range"),
        (["replay", "--samples", "nope", "--output", "json"], 1, "nope cannot be read"),
        (["status", "--kubeconfig", "/nowhere", "-Ao", "json"], 1, "no file /nowhere"),
        (["explain", "web", "--kubeconfig", "/nowhere", "-o", "json"], 1, "no file /nowhere"),
        (["explain", "-o", "json"], 2, "Missing argument"),
    ],
)
def test_who_asks_for_json_gets_it_of_errors_too(
    arguments: list[str], code: int, says: str
) -> None:
    result = invoke(*arguments)
    assert result.exit_code == code
    assert says in json.loads(result.stdout)["error"]
    assert says in result.stderr


@pytest.mark.parametrize(("typed", "meant"), [("stat", "status"), ("explian", "explain")])
def test_a_misspelt_command_is_guessed(typed: str, meant: str) -> None:
    result = invoke(typed)
    assert result.exit_code == 2
    assert f"No such command '{typed}'. Did you mean '{meant}'?" in result.stderr


def test_who_asks_for_text_gets_errors_on_stderr_alone() -> None:
    result = invoke("plan", "nope")
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["explain", ""], id="no name"),
        pytest.param(["explain", "a/b"], id="a path"),
        pytest.param(["abort", "web/status"], id="a subresource"),
        pytest.param(["status", "Web"], id="capitals"),
        pytest.param(["status", "-n", "a b"], id="a namespace with a blank"),
        pytest.param(["run", "-n", "a_b"], id="a namespace to look after"),
        pytest.param(["run", "--lease-namespace", "A"], id="a namespace of the Lease"),
        pytest.param(["abort", "web", "--revision", "a b"], id="a revision with a blank"),
        pytest.param(["abort", "web", "--revision", ""], id="an empty revision"),
    ],
)
def test_what_cannot_be_a_name_is_refused_before_anybody_is_asked(arguments: list[str]) -> None:
    result = invoke(*arguments, "--kubeconfig", "/nowhere")
    assert result.exit_code == 2
    assert " is no " in result.stderr


def test_a_bug_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("spec")

    monkeypatch.setattr("linnet.cli.simulate.read_canary", broken)
    result = invoke("simulate", str(EXAMPLE))
    assert result.exit_code == 1
    assert "this is a bug in linnet (KeyError: 'spec')" in result.stderr
    assert cli.DEBUG in result.stderr
    monkeypatch.setenv(cli.DEBUG, "1")
    assert isinstance(invoke("simulate", str(EXAMPLE)).exception, KeyError)


def test_ctrl_c_ends_a_command_without_a_word() -> None:
    command = [sys.executable, "-m", "linnet", "replay", "--samples", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        try:
            process.stdin.write(b"x" * 200_000)  # more than a pipe holds: it is being read
            process.stdin.flush()
            process.send_signal(signal.SIGINT)
            said = process.communicate()
        finally:
            process.kill()
    assert (process.returncode, *said) == (130, b"", b"")


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_a_disk_that_is_full_is_told() -> None:
    arguments = ["simulate", str(EXAMPLE), "--runs", "1", "-o", "json"]
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "linnet", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "Error: No space left on device\n")


def test_streams_that_the_caller_has_closed_are_no_bug() -> None:
    line = f"exec {sys.executable} -m linnet simulate {EXAMPLE} --runs 1 >&- 2>&-"
    assert subprocess.run(["sh", "-c", line], check=False).returncode == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0)
    result = invoke("plan", str(tmp_path))
    assert result.exit_code == 2
    assert "cannot be read: Permission denied" in result.stderr
