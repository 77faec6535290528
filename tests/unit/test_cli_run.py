"""`linnet run`'s options, from the command line and the environment."""

import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner

from linnet import app
from linnet.cli import COMMANDS, main
from linnet.cli.run import GROUPS, run
from linnet.settings import Settings


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that the operator was run with, instead of running."""
    settings: list[Settings] = []

    async def note(given: Settings) -> None:
        settings.append(given)

    monkeypatch.setattr(app, "run", note)
    monkeypatch.setattr("linnet.adapters.logs.configure", lambda *_: None)
    monkeypatch.setenv("POD_NAME", "linnet-0")
    return settings


def invoke(*arguments: str, **environment: str) -> Any:
    return CliRunner().invoke(main, ["run", *arguments], env=environment)


def test_without_options_the_defaults_hold(told: list[Settings]) -> None:
    assert invoke().exit_code == 0
    assert told == [Settings(identity="linnet-0")]


def test_options_are_taken(told: list[Settings]) -> None:
    result = invoke(
        *("--kubeconfig", "k", "--context", "c", "-n", "a", "--namespace", "b"),
        *("--prometheus-url", "http://p:1", "--metrics-bind", "127.0.0.1:0"),
        *("--scrape-interval", "1.5s"),
        *("--no-leader-election", "--lease-namespace", "ln", "--lease-name", "l"),
        *("--identity", "me"),
    )
    assert result.exit_code == 0, result.output
    assert told == [
        Settings(
            kubeconfig="k",
            context="c",
            namespaces=("a", "b"),
            prometheus_url="http://p:1",
            scrape_interval=1.5,
            metrics_bind="127.0.0.1:0",
            leader_election=False,
            lease_namespace="ln",
            lease_name="l",
            identity="me",
        )
    ]


def test_the_environment_is_taken(told: list[Settings]) -> None:
    result = invoke(
        LINNET_NAMESPACE="a b",
        LINNET_PROMETHEUS_URL="http://p:1",
        LINNET_LEADER_ELECTION="false",
        LINNET_IDENTITY="me",
        LINNET_METRICS_BIND="",
    )
    assert result.exit_code == 0, result.output
    (settings,) = told
    assert settings.namespaces == ("a", "b")
    assert settings.prometheus_url == "http://p:1"
    assert settings.leader_election is False
    assert settings.identity == "me"


def test_options_outdo_the_environment(told: list[Settings]) -> None:
    invoke("--identity", "mine", LINNET_IDENTITY="theirs")
    assert told[0].identity == "mine"


def test_a_scrape_interval_is_found_out_unless_it_is_given(told: list[Settings]) -> None:
    invoke()
    invoke("--scrape-interval", "auto")
    invoke(LINNET_SCRAPE_INTERVAL="15s")
    assert [settings.scrape_interval for settings in told] == [None, None, 15]


@pytest.mark.parametrize(
    ("interval", "says"),
    [
        pytest.param("15", "'15' is no duration such as 30s or 1m30s; or auto", id="no unit"),
        pytest.param("0s", "must be from 100ms to 5m, or auto", id="nothing"),
        pytest.param("1h", "must be from 100ms to 5m, or auto", id="hardly ever"),
    ],
)
def test_a_scrape_interval_that_makes_no_sense(
    told: list[Settings], interval: str, says: str
) -> None:
    result = invoke("--scrape-interval", interval)
    assert result.exit_code == 2
    assert says in result.output
    assert told == []


def test_every_option_is_in_a_group_of_the_help() -> None:
    grouped = {name for names in GROUPS.values() for name in names}
    assert grouped == {param.name for param in run.params}
    text = CliRunner().invoke(main, ["run", "--help"]).output
    for title in GROUPS:
        assert f"\n{title}:\n" in text
    assert "Examples:" in text


def test_a_password_in_a_wrong_url_is_not_repeated(told: list[Settings]) -> None:
    result = invoke("--prometheus-url", "ftp://me:hunter2@p")
    assert result.exit_code == 2
    assert "hunter2" not in result.output
    assert told == []


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["run", "--help"]])
def test_what_does_not_run_the_operator_does_not_load_it(arguments: list[str]) -> None:
    code = (
        "import sys; from linnet.cli import main\n"
        f"main({arguments!r}, standalone_mode=False)\n"
        "loaded = {'kopf', 'kubernetes', 'aiohttp'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists_and_begins_its_help_as_the_list_does(name: str) -> None:
    command = main.get_command(main.make_context("linnet", [], resilient_parsing=True), name)
    assert command is not None
    assert command.help is not None
    assert command.help.splitlines()[0] == COMMANDS[name]
