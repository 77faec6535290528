"""The examples are Canaries that linnet reads, and that fit the workloads next to them."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from linnet.api.canary import Canary
from linnet.cli import main
from linnet.workload.pair import check_apart
from linnet.workload.primary import identity

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
FILES = sorted(EXAMPLES.rglob("*.yaml"))
ARTICLE = Path(__file__).with_name("article.yaml")

Object = dict[str, Any]


def objects(*files: Path) -> list[Object]:
    return [one for file in files for one in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def of_kind(kind: str, *files: Path) -> list[Object]:
    return [one for one in objects(*files) if one["kind"] == kind]


def beside(file: Path) -> list[Path]:
    """Return the files of the app that a file belongs to: itself, or those of its folder."""
    return [file] if file.parent == EXAMPLES else sorted(file.parent.glob("*.yaml"))


CANARIES = [file for file in FILES if of_kind("Canary", file)]


def name_of(file: Path) -> str:
    return str(file.relative_to(EXAMPLES))


def test_each_example_has_a_canary() -> None:
    assert {file for file in FILES if file.parent == EXAMPLES} <= set(CANARIES)
    assert EXAMPLES / "reviews/production/canary.yaml" in CANARIES


@pytest.mark.parametrize("file", CANARIES, ids=name_of)
def test_a_canary_is_read_without_complaint(file: Path) -> None:
    (obj,) = of_kind("Canary", file)
    assert Canary.from_object(obj).spec.analysis.metrics


@pytest.mark.parametrize("file", CANARIES, ids=name_of)
def test_a_deployment_is_one_that_its_canary_can_release(file: Path) -> None:
    canary = Canary.from_object(of_kind("Canary", file)[0])
    workloads = {d["metadata"]["name"]: d for d in of_kind("Deployment", *beside(file))}
    own = (
        {canary.target_name} if canary.copies_target else {canary.target_name, canary.primary_name}
    )
    assert set(workloads) == own
    if not canary.copies_target:
        check_apart(workloads[canary.target_name], workloads[canary.primary_name])
    for target in workloads.values():
        if canary.copies_target:
            identity(target)
            assert "replicas" not in target["spec"]
        (container,) = target["spec"]["template"]["spec"]["containers"]
        ports = {value for p in container["ports"] for value in (p["name"], p["containerPort"])}
        assert {canary.spec.service.target_port, *_target_ports(file)} - {None} <= ports


def _target_ports(file: Path) -> set[Any]:
    services = of_kind("Service", *beside(file))
    return {port["targetPort"] for service in services for port in service["spec"]["ports"]}


def test_all_together_can_be_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(main, ["plan", "examples", "--runs", "10"])
    assert result.exit_code == 0, result.output
    assert result.stdout.count("\nApplied\n") == len(CANARIES)


def identified(one: Object) -> tuple[str, str]:
    return one["kind"], one["metadata"]["name"]


@pytest.mark.parametrize("told", objects(ARTICLE), ids=lambda told: "/".join(identified(told)))
def test_reviews_has_the_manifests_of_the_article_as_they_stand(told: Object) -> None:
    files = sorted((EXAMPLES / "reviews").rglob("*.yaml"))
    found = [one for one in objects(*files) if identified(one) == identified(told)]
    assert found
    for one in found:
        if one["kind"] == "Application":
            # An Application is refused without them.
            assert one["spec"]["source"].pop("repoURL")
            assert one["spec"]["destination"].pop("server")
        assert one == told


def test_no_page_names_an_example_that_is_not_there() -> None:
    pages = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    named = {word for word in text.replace("`", " ").split() if word.startswith("examples/")}
    assert named
    assert all((ROOT / word.rstrip(".,:;)")).exists() for word in named)
