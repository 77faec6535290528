"""Argo CD's own program runs the scripts that deploy/argocd/ has for it, as its API server would.

What it is to find is in the files that Argo CD's own tests read too: health_test.yaml and
action_test.yaml.
"""

import copy
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.binaries import program
from integration.kubectl import kubectl
from linnet.api.names import REQUEST_ANNOTATION
from linnet.api.request import Request, Verb

ARGOCD = Path(__file__).parents[2] / "deploy" / "argocd"
BUNDLED = ARGOCD / "resource_customizations" / "linnet.dev" / "Canary"
ACTIONS = BUNDLED / "actions"
PLAIN, ACCEPTED = (ARGOCD / form / "argocd-cm.yaml" for form in ("argocd-cm", "argocd-cm-accepted"))
SAMPLES = sorted((BUNDLED / "testdata").glob("*.yaml"))


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


HEALTH = loaded(BUNDLED / "health_test.yaml")["tests"]
ACTION = loaded(ACTIONS / "action_test.yaml")


def argocd(command: str, file: Path, *arguments: str, settings: Path = PLAIN) -> tuple[int, str]:
    """Run Argo CD's own runner on an object; return its exit code and what it says."""
    done = subprocess.run(
        [
            *(str(program("argocd")), "admin", "settings", "resource-overrides", command),
            *(str(file), *arguments, "--argocd-cm-path", str(settings)),
        ],
        check=False,
        capture_output=True,
        text=True,
        env={"ARGOCD_BINARY_NAME": "argocd", "HOME": os.devnull, "PATH": os.defpath},
    )
    return done.returncode, done.stdout if done.returncode == 0 else done.stderr


def health(file: Path, settings: Path = PLAIN) -> tuple[str, str]:
    """Return the health of an object and the message."""
    code, said = argocd("health", file, settings=settings)
    assert code == 0, said
    status, _, message = said.partition("\nMESSAGE: ")
    return status.removeprefix("STATUS: "), message.rstrip("\n")


def enabled(file: Path) -> dict[str, bool]:
    """Return the actions of an object, and whether each can be clicked."""
    code, said = argocd("list-actions", file)
    assert code == 0, said
    rows = (line.split() for line in said.splitlines()[1:])
    return {name: disabled == "false" for name, disabled in rows}


@pytest.mark.parametrize("case", HEALTH, ids=lambda case: Path(case["inputPath"]).stem)
def test_health(case: dict[str, Any]) -> None:
    expected = case["healthStatus"]
    found = health(BUNDLED / case["inputPath"])
    assert found == (expected["status"], expected["message"])
    assert found[0] == Path(case["inputPath"]).stem.partition("_")[0].title()


def test_every_sample_is_tested() -> None:
    tested = {Path(case["inputPath"]).name for case in HEALTH}
    # Argo CD itself tells the health of what is being deleted.
    assert {path.name for path in SAMPLES} - tested == {"progressing_terminating.yaml"}
    assert health(BUNDLED / "testdata" / "progressing_terminating.yaml")[0] == "Progressing"


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_in_the_variant_no_release_under_way_holds_a_sync(path: Path) -> None:
    plain, variant = health(path), health(path, ACCEPTED)
    phase = loaded(path).get("status", {}).get("phase")
    if phase in {"Progressing", "Promoting", "Finalising"} and "newest spec" not in plain[1]:
        suspended = "spec.suspend" in plain[1]
        assert variant[0] == ("Suspended" if suspended else "Healthy")
        assert variant[1] == plain[1]
    else:
        assert variant == plain


@pytest.mark.parametrize(
    "case", ACTION["discoveryTests"], ids=lambda case: Path(case["inputPath"]).stem
)
def test_what_makes_no_sense_is_disabled(case: dict[str, Any]) -> None:
    expected = {action["name"]: not action["disabled"] for action in case["result"]}
    assert enabled(ACTIONS / case["inputPath"]) == expected
    assert set(expected) == set(Verb)


@pytest.mark.parametrize(
    "case",
    ACTION["actionTests"],
    ids=lambda case: f"{case['action']} {Path(case['inputPath']).stem}",
)
def test_an_action_asks_on_the_revision_that_the_status_names(case: dict[str, Any]) -> None:
    before = ACTIONS / case["inputPath"]
    code, said = argocd("run-action", before, case["action"])
    if "expectedErrorMessage" in case:
        assert code != 0
        assert case["expectedErrorMessage"] in said
        return
    assert code == 0, said
    changed = [line for line in said.splitlines() if line.startswith(("<", ">"))]
    revision = loaded(before)["status"]["revision"]
    request = Request(Verb(case["action"]), revision)
    assert changed == [">   annotations:", f">     {REQUEST_ANNOTATION}: {request}"]
    expected = copy.deepcopy(loaded(before))
    expected["metadata"]["annotations"] = {REQUEST_ANNOTATION: str(request)}
    assert loaded(ACTIONS / case["expectedOutputPath"]) == expected


def test_a_second_action_takes_the_place_of_one_that_was_not_handled_yet() -> None:
    code, said = argocd("run-action", ACTIONS / "testdata" / "pause.yaml", "abort")
    assert code == 0
    revision = loaded(ACTIONS / "testdata" / "pause.yaml")["status"]["revision"]
    assert f">     {REQUEST_ANNOTATION}: abort @{revision}" in said


WRONG: tuple[Any, ...] = (None, {}, "text", 7)


def partial() -> Iterator[dict[str, Any]]:
    """Return objects with something missing, or of another type than it should be."""
    whole = loaded(BUNDLED / "testdata" / "suspended_request.yaml")
    for part in ("metadata", "spec", "status"):
        for field in (*whole[part], None):
            obj = copy.deepcopy(whole)
            if field is None and part != "metadata":
                obj[part] = None
            elif field not in {"name", "namespace", None}:
                del obj[part][field]
            yield obj
    for field in ("phase", "canaryWeight", "conditions", "observedGeneration", "revision"):
        for value in WRONG:
            obj = copy.deepcopy(whole)
            obj["status"][field] = value
            yield obj
    for value in WRONG:
        for field in ("type", "status", "reason", "message"):
            obj = copy.deepcopy(whole)
            obj["status"]["conditions"][1][field] = value
            yield obj
        obj = copy.deepcopy(whole)
        obj["status"]["conditions"] = [value, *whole["status"]["conditions"]]
        yield obj


def test_no_partial_object_is_unknown_or_an_error(tmp_path: Path) -> None:
    files = []
    for number, obj in enumerate(partial()):
        files.append(tmp_path / f"{number}.yaml")
        files[-1].write_text(yaml.safe_dump(obj), encoding="utf-8")
    with ThreadPoolExecutor(4) as pool:
        for file, (status, message) in zip(files, pool.map(health, files), strict=True):
            assert status in {"Progressing", "Suspended", "Healthy", "Degraded"}, file.read_text()
            assert message
        for actions in pool.map(enabled, files):
            assert set(actions) == set(Verb)


@pytest.mark.parametrize("form", ["argocd-cm", "argocd-cm-accepted"])
def test_the_component_adds_its_settings_to_those_that_are_there(form: str, tmp_path: Path) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "labels": {"app.kubernetes.io/part-of": "argocd"}},
        "data": {"url": "https://argocd.example.com"},
    }
    (tmp_path / "argocd-cm.yaml").write_text(yaml.safe_dump(theirs), encoding="utf-8")
    component = os.path.relpath(ARGOCD / form, tmp_path)
    kustomization = {"resources": ["argocd-cm.yaml"], "components": [component]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    built = yaml.safe_load(kubectl("kustomize", str(tmp_path)))
    given = loaded(ARGOCD / form / "argocd-cm.yaml")["data"]
    assert built["data"] == theirs["data"] | given
