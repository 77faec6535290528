"""What the chart and kustomize share: copies, for a link is lost wherever links are not kept."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = ROOT / "deploy" / "helm" / "linnet" / "files"
KUSTOMIZE = ROOT / "deploy" / "kustomize"
SOURCES = {
    "role.yaml": KUSTOMIZE / "permissions" / "cluster" / "role.yaml",
    "admission-policies/replicas.yaml": KUSTOMIZE / "components/admission-policies/replicas.yaml",
    "admission-policies/weights.yaml": KUSTOMIZE / "components/admission-policies/weights.yaml",
    **{f"crds/{file.name}": file for file in (ROOT / "crds").glob("*.yaml")},
}


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_copy_is_up_to_date(name: str) -> None:
    copy = FILES / name
    assert copy.is_file()
    assert not copy.is_symlink()
    assert copy.read_text() == SOURCES[name].read_text(), "run make crds"


def test_there_are_no_other_copies() -> None:
    copies = {str(file.relative_to(FILES)) for file in FILES.rglob("*") if file.is_file()}
    assert copies == set(SOURCES)
