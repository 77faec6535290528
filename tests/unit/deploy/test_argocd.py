"""What `deploy/argocd/` tells Argo CD of linnet's kinds is complete, and the same in every form."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from linnet.api.crd import crd
from linnet.api.names import GROUP, KIND, REQUEST_ANNOTATION
from linnet.api.request import Verb
from linnet.api.status import Phase

FOLDER = Path(__file__).parents[3] / "deploy" / "argocd"
BUNDLED = FOLDER / "resource_customizations" / GROUP / KIND
ACTIONS = BUNDLED / "actions"


def settings(form: str, file: str) -> dict[str, str]:
    """Return the settings that users are given in one of the forms."""
    document = yaml.safe_load((FOLDER / form / file).read_text(encoding="utf-8"))
    return dict(document["data"] if "data" in document else document["configs"]["cm"])


def test_the_generated_files_are_those_of_the_scripts() -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER / "generate.py"), "--check"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("form", ["argocd-cm", "argocd-cm-accepted"])
def test_kustomize_and_helm_get_the_same(form: str) -> None:
    assert settings(form, "argocd-cm.yaml") == settings(form, "values.yaml")


def test_the_settings_hold_the_scripts_unchanged() -> None:
    given = settings("argocd-cm", "argocd-cm.yaml")
    health = given[f"resource.customizations.health.{GROUP}_{KIND}"]
    assert health == (BUNDLED / "health.lua").read_text(encoding="utf-8")
    actions = yaml.safe_load(given[f"resource.customizations.actions.{GROUP}_{KIND}"])
    assert actions["discovery.lua"] == (ACTIONS / "discovery.lua").read_text(encoding="utf-8")
    assert {d["name"]: d["action.lua"] for d in actions["definitions"]} == {
        verb: (ACTIONS / verb / "action.lua").read_text(encoding="utf-8") for verb in Verb
    }


def test_the_variant_differs_in_whether_a_release_counts_and_in_nothing_else() -> None:
    plain, variant = (
        settings(form, "argocd-cm.yaml") for form in ("argocd-cm", "argocd-cm-accepted")
    )
    differing = [
        (line, other)
        for key in plain
        for line, other in zip(plain[key].splitlines(), variant[key].splitlines(), strict=True)
        if line != other
    ]
    assert differing == [("local releases_count = true", "local releases_count = false")]


@pytest.mark.parametrize("verb", list(Verb))
def test_each_verb_has_an_action_that_asks_for_it(verb: Verb) -> None:
    script = (ACTIONS / verb / "action.lua").read_text(encoding="utf-8")
    assert f'["{REQUEST_ANNOTATION}"] = "{verb} @" .. revision' in script
    assert f'actions["{verb}"] = ' in (ACTIONS / "discovery.lua").read_text(encoding="utf-8")


def test_the_scripts_name_only_fields_and_phases_that_exist() -> None:
    schema = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    script = (BUNDLED / "health.lua").read_text(encoding="utf-8")
    script += (ACTIONS / "discovery.lua").read_text(encoding="utf-8")
    words = {word.rstrip(",)") for word in script.split()}
    known = set(schema["status"]["properties"]) | set(schema["spec"]["properties"])
    named = {w.partition(".")[2] for w in words if w.startswith(("status.", "spec."))}
    assert named
    assert named <= known
    compared = script.split('phase == "')[1:]
    assert {text.partition('"')[0] for text in compared} <= {str(phase) for phase in Phase}
