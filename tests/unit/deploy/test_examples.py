"""The examples are Canaries that linnet reads, and that fit the workloads next to them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from linnet.api.canary import Canary
from linnet.workload.pair import check_apart
from linnet.workload.primary import identity

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "examples").glob("*.yaml"))


def of_kind(file: Path, kind: str) -> list[dict[str, Any]]:
    documents = yaml.safe_load_all(file.read_text(encoding="utf-8"))
    return [document for document in documents if document["kind"] == kind]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_canary_is_read_without_complaint(file: Path) -> None:
    (obj,) = of_kind(file, "Canary")
    assert Canary.from_object(obj).spec.analysis.metrics


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_deployment_is_one_that_its_canary_can_release(file: Path) -> None:
    canary = Canary.from_object(of_kind(file, "Canary")[0])
    workloads = {d["metadata"]["name"]: d for d in of_kind(file, "Deployment")}
    if not canary.copies_target:
        check_apart(workloads[canary.target_name], workloads[canary.primary_name])
    for name, target in workloads.items():
        assert name in (canary.target_name, canary.primary_name)
        if canary.copies_target:
            identity(target)
            assert "replicas" not in target["spec"]
        (container,) = target["spec"]["template"]["spec"]["containers"]
        assert canary.spec.service.target_port in {port["name"] for port in container["ports"]}


def test_no_page_names_an_example_that_is_not_there() -> None:
    pages = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    named = {word for word in text.replace("`", " ").split() if word.startswith("examples/")}
    assert named
    assert all((ROOT / word.rstrip(".,:;)")).exists() for word in named)
