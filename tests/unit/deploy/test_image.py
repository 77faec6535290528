"""What the Dockerfile promises: pinned, not root, and the command that the manifests expect."""

import json
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
STEPS = [
    (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
    for line in re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8")).splitlines()
    if line and not line.startswith("#")
]


def last(instruction: str) -> str:
    return [rest for name, rest in STEPS if name == instruction][-1]


def test_the_base_is_pinned_to_a_patch_release() -> None:
    assert re.fullmatch(r"PYTHON=python:\d+\.\d+\.\d+-slim-\w+", last("ARG"))
    assert {rest.split()[0] for name, rest in STEPS if name == "FROM"} == {"${PYTHON}"}


def test_it_runs_as_a_user_that_kubernetes_can_tell_from_root() -> None:
    user, group = last("USER").split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert STEPS.index(("USER", last("USER"))) > STEPS.index(("COPY", last("COPY")))


def test_arguments_go_to_linnet_and_signals_reach_it() -> None:
    deployment = (ROOT / "deploy/kustomize/base/deployment.yaml").read_text(encoding="utf-8")
    assert json.loads(last("ENTRYPOINT")) == ["/opt/linnet/bin/linnet"]
    assert json.loads(last("CMD")) == ["run"]
    assert "command:" not in deployment


def test_everything_it_copies_is_let_through_by_dockerignore() -> None:
    everything, *rules = [
        line
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    copied = {
        source
        for name, rest in STEPS
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert everything == "*"
    assert copied == allowed
    assert all((ROOT / path).exists() for path in copied)


def test_each_dependency_is_pinned_within_its_range() -> None:
    lines = (ROOT / "deploy/image/constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    versions = {canonicalize_name(name): version for name, version in pins.items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in map(Requirement, project["dependencies"]):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])
