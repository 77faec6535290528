"""The CustomResourceDefinition: up to date, structural, and bounded."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from linnet.api import names
from linnet.api.crd import FILE, crd, main

CRDS = Path(__file__).parents[3] / "crds"
VERSION = crd()["spec"]["versions"][0]
ROOT = VERSION["schema"]["openAPIV3Schema"]


def schemas(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return each schema below `schema` with its path."""
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from schemas(part, f"{path}.{name}")
    if "items" in schema:
        yield from schemas(schema["items"], f"{path}[]")


OWN = [
    pytest.param(schema, id=path.lstrip("."))
    for part in ("spec", "status")
    for path, schema in schemas(ROOT["properties"][part], part)
]


def test_the_committed_file_is_what_the_models_say() -> None:
    assert main(["--check", str(CRDS)]) == 0
    assert yaml.safe_load((CRDS / FILE).read_text()) == crd()


def test_an_outdated_file_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", str(tmp_path)]) == 1
    assert "run python -m linnet.api.crd" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0
    (tmp_path / FILE).write_text("edited by hand")
    assert main(["--check", str(tmp_path)]) == 1


@pytest.mark.parametrize("schema", OWN)
def test_a_field_is_described_and_bounded(schema: Mapping[str, Any]) -> None:
    kind = schema.get("type")
    assert kind or schema.get("x-kubernetes-int-or-string")
    match kind:
        case "string":
            assert "enum" in schema or "maxLength" in schema or schema.get("format") == "date-time"
        case "integer" | "number":
            assert "minimum" in schema
            assert "maximum" in schema
        case "array":
            assert "maxItems" in schema
            assert schema["x-kubernetes-list-type"] in {"atomic", "map"}
        case "object":
            assert "properties" in schema or "maxProperties" in schema
    for word in ("$ref", "anyOf", "title", "const", "nullable", "exclusiveMinimum"):
        assert word not in schema
    for rule in schema.get("x-kubernetes-validations", []):
        assert rule["message"]


@pytest.mark.parametrize("schema", [case for case in OWN if not str(case.id).endswith("[]")])
def test_a_field_is_explained(schema: Mapping[str, Any]) -> None:
    assert schema["description"].endswith(".")


def test_no_default_is_filled_into_a_status() -> None:
    defaults = [path for path, s in schemas(ROOT["properties"]["status"]) if "default" in s]
    assert defaults == []


def test_it_is_found_by_its_names() -> None:
    spec = crd()["spec"]
    assert spec["group"] == names.GROUP
    assert spec["names"]["shortNames"] == ["lcan"]
    assert spec["names"]["categories"] == ["linnet"]
    assert VERSION["subresources"] == {"status": {}}


def test_kubectl_get_shows_what_matters() -> None:
    columns = VERSION["additionalPrinterColumns"]
    assert [c["name"] for c in columns if not c.get("priority")] == [
        "Status",
        "Weight",
        "Ready",
        "Age",
    ]
    for column in columns:
        field = column["jsonPath"].removeprefix(".status.").split("[")[0]
        assert field in ROOT["properties"]["status"]["properties"] or "metadata" in field
