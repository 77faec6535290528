"""The command line."""

import pytest
from click.testing import CliRunner

from demo import stage
from demo.__main__ import main
from demo.options import Options
from demo.output import Output
from demo_gitops.__main__ import main as main_gitops


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--bad", "1.2.0-eror-20"], "is no behaviour", id="a misspelt behaviour"),
        pytest.param(["--good", "1.0.0"], "must differ", id="the same version twice"),
        pytest.param(["--interval", "5"], "no duration", id="an interval without a unit"),
        pytest.param(["--interval", "5m"], "from 1s to 60s", id="an interval that takes ages"),
        pytest.param(["--rps", "5"], "10<=x<=500", id="too few requests to judge on"),
        pytest.param(["--fsat"], "--fast", id="a misspelt option"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(
    arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "play", None)
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert words in done.output


def test_options_reach_the_stage_and_what_runs_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[tuple[Options, bool]] = []

    def play(options: Options, output: Output, *, keep: bool) -> int:
        played.append((options, keep))
        return 3

    monkeypatch.setattr(stage, "play", play)
    done = CliRunner().invoke(main, ["--fast", "--bad", "3.0.0-crash"], env={"KEEP": "1"})
    assert done.exit_code == 3, "the exit code is that of what was played"
    ((options, keep),) = played
    assert (options.interval, options.bad, options.plain, keep) == ("1s", "3.0.0-crash", True, True)
    assert Options.from_text(options.to_text()) == options


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--bad", "1.2.0-eror-20"], "is no behaviour", id="a misspelt behaviour"),
        pytest.param(["--good", "1.0.0"], "must differ", id="the same version twice"),
        pytest.param(["--rps", "5"], "10<=x<=500", id="too few requests to judge on"),
    ],
)
def test_the_demo_with_git_refuses_the_same(
    arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "play", None)
    done = CliRunner().invoke(main_gitops, arguments)
    assert done.exit_code == 2
    assert words in done.output


def test_the_demo_with_git_has_an_interval_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[Options] = []

    def play(options: Options, output: Output, *, keep: bool, piece: stage.Piece) -> int:
        played.append(options)
        return 0

    monkeypatch.setattr(stage, "play", play)
    assert CliRunner().invoke(main_gitops, ["--rps", "80"]).exit_code == 0
    (options,) = played
    assert (options.name, options.interval, options.rps) == ("demo-gitops", "3s", 80)
    assert options.plain


def test_the_help_has_examples_that_are_options_of_it() -> None:
    text = CliRunner().invoke(main, ["--help"]).output
    options, _, examples = text.partition("Examples:")
    used = {word.strip("'") for word in examples.replace("=", " ").split() if "--" in word}
    assert used
    assert all(word in options for word in used)
