"""Reading manifests: what is wrong is said with the file and the line."""

from pathlib import Path

import pytest

from linnet.cli.manifests import read_analysis, read_canary
from linnet.errors import SpecError
from unit.test_cli_simulate import CANARY

ANALYSIS = "analysis:\n  stepWeight: 10\n  guard:\n    ratio: 2\n"


def written(folder: Path, text: str) -> str:
    path = folder / "x.yaml"
    path.write_text(text)
    return str(path)


def test_the_canary_is_picked_out_of_other_objects(tmp_path: Path) -> None:
    canary = read_canary(written(tmp_path, CANARY))
    assert canary.name == "web"
    assert canary.spec.analysis.step_weights == (10, 50)


def test_one_of_several_is_chosen_by_name(tmp_path: Path) -> None:
    both = CANARY + "---" + CANARY.replace("name: web", "name: api")
    assert read_canary(written(tmp_path, both), "api").name == "api"


def test_an_analysis_may_stand_alone(tmp_path: Path) -> None:
    name, analysis = read_analysis(written(tmp_path, ANALYSIS))
    assert (name, analysis.guard.ratio) == ("x", 2)
    assert read_analysis(written(tmp_path, CANARY))[0] == "web"


def test_of_two_with_the_same_name_none_can_be_chosen(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"has 2 Canaries: .* leave one in"):
        read_canary(written(tmp_path, CANARY + "---" + CANARY), "web")


def test_a_closed_stdin_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(SpecError, match="stdin is closed"):
        read_canary("-")


def test_what_is_too_long_is_refused_and_never_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linnet.cli.manifests.MAX_LENGTH", len(CANARY) - 1)
    with pytest.raises(SpecError, match=r"is longer than .* characters: split it"):
        read_canary(written(tmp_path, CANARY))


def test_values_that_several_places_share_are_read(tmp_path: Path) -> None:
    shared = CANARY.replace("interval: 30s", "interval: &span 30s\n    blindTimeout: *span")
    analysis = read_canary(written(tmp_path, shared)).spec.analysis
    assert analysis.blind_timeout == analysis.interval


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "has no Canary: it is empty", id="an empty file"),
        pytest.param(
            "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)),
            "with its aliases written out this has no end",
            id="aliases that stand for a billion values",
        ),
        pytest.param("a: &a [*a]", "with its aliases written out", id="an alias within itself"),
        pytest.param("hello", "has no Canary: it holds no object", id="a file of words"),
        pytest.param(CANARY.split("---")[0], "has no Canary, only Deployment", id="no Canary"),
        pytest.param(
            CANARY + "---" + CANARY, "has 2 Canaries: web (", id="two Canaries, and no name given"
        ),
        pytest.param(
            CANARY.replace("linnet.dev", "flagger.app"),
            "has a Canary of flagger.app/v1beta1: write apiVersion: linnet.dev/v1beta1",
            id="a Canary of Flagger",
        ),
        pytest.param(
            CANARY.replace("v1beta1", "v9"), "line 6: apiVersion must be", id="another version"
        ),
        pytest.param(
            CANARY.replace("30s", "30x"),
            "x.yaml, line 13: spec.analysis.interval: must be a duration",
            id="a value that makes no sense",
        ),
        pytest.param(
            CANARY.replace("threshold:", "treshold:"),
            "x.yaml, line 14: spec.analysis.treshold does not exist: did you mean threshold?",
            id="a field misspelt",
        ),
        pytest.param(
            CANARY.replace("min: 99", "min: 199"),
            "x.yaml, line 17: spec.analysis.metrics[0].thresholdRange",
            id="a rule about two fields",
        ),
        pytest.param("a: [1\n", "x.yaml, line 2, column 1: this is no YAML", id="no YAML"),
        pytest.param("a: \x00", "this is no YAML", id="a control character"),
        pytest.param("a: !!python/object:os.system 1", "no YAML", id="YAML that would run code"),
        pytest.param(
            CANARY.replace("metadata: {name: web}\nspec", "spec"),
            "metadata.name is required",
            id="a Canary without name",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SpecError) as refused:
        read_canary(written(tmp_path, text))
    assert says in str(refused.value)
    assert "x.yaml" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(
            ANALYSIS.replace("ratio: 2", "ratio: 0"), "line 4: analysis.guard.ratio", id="a value"
        ),
        pytest.param(ANALYSIS.replace("ratio", "ration"), "did you mean ratio?", id="a field"),
        pytest.param(f"{ANALYSIS}---\n{ANALYSIS}", "has 2 analyses", id="two of them"),
    ],
)
def test_so_it_is_of_an_analysis_alone(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SpecError) as refused:
        read_analysis(written(tmp_path, text))
    assert says in str(refused.value)


def test_all_faults_are_named_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = (
        CANARY.replace("interval: 30s", "interval: 30x\n    webhooks: []")
        .replace("threshold:", "treshold:")
        .replace("min: 99", "min: 199, mx: 200")
    )
    with pytest.raises(SpecError) as refused:
        read_canary(written(tmp_path, text))
    head, *lines = str(refused.value).splitlines()
    assert head == "5 faults:"
    file = tmp_path / "x.yaml"
    for line, place in zip(
        lines,
        (
            "line 13: spec.analysis.interval: must be a duration",
            "line 14: spec.analysis.webhooks does not exist",
            "line 15: spec.analysis.treshold does not exist",
            "line 18: spec.analysis.metrics[0].thresholdRange.mx does not exist",
            "line 18: spec.analysis.metrics[0].thresholdRange: request-success-rate is in percent",
        ),
        strict=True,
    ):
        assert line.startswith(f"  {file}, {place}")
    assert "there are blindTimeout, canaryReadyThreshold, " in lines[1]
    assert lines[2].endswith("did you mean threshold?")
    assert lines[3].endswith("did you mean max?")


def test_all_faults_of_an_analysis_alone_are_named(tmp_path: Path) -> None:
    text = ANALYSIS.replace("ratio: 2", "ratio: 0\n    flor: 1\n  stepWeights: [2, 1]")
    with pytest.raises(SpecError) as refused:
        read_analysis(written(tmp_path, text))
    assert [line.split(": ")[1] for line in str(refused.value).splitlines()[1:]] == [
        "analysis.guard.ratio",
        "analysis.guard.flor does not exist",
        "analysis.stepWeights",
    ]


def test_of_very_many_faults_there_is_an_end(tmp_path: Path) -> None:
    text = CANARY + "".join(f"    nonsense{n}: 1\n" for n in range(200))
    with pytest.raises(SpecError) as refused:
        read_canary(written(tmp_path, text))
    lines = str(refused.value).splitlines()
    assert len(lines) == 102
    assert lines[-1].endswith("there are more than these 100")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"nope\.yaml cannot be read: No such file"):
        read_canary(str(tmp_path / "nope.yaml"))
