"""The chart's README has every value with its default, and the schema knows every value."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).parents[3] / "deploy" / "helm" / "linnet"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
PAGE = (CHART / "README.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([\w.]+)` \| (.*?) \| ", PAGE, re.MULTILINE))
GROUPS = ("image", "crds", "rbac", "serviceAccount", "admissionPolicies", "podMonitor")
IN_WORDS = ("resources", "podLabels")


def values(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if name in GROUPS:
            yield from values(value, f"{name}.")
        else:
            yield f"{path}{name}", value


def test_every_value_is_there_and_no_other() -> None:
    assert set(ROWS) == {name for name, _ in values(VALUES)}


@pytest.mark.parametrize(
    ("name", "default"), [(n, v) for n, v in values(VALUES) if n not in IN_WORDS]
)
def test_a_value_is_there_with_its_default(name: str, default: object) -> None:
    text = json.dumps(default) if default == "" or not isinstance(default, str) else default
    assert ROWS[name] == f"`{text}`"


def test_the_schema_knows_every_value() -> None:
    assert set(SCHEMA["properties"]) - {"global"} == set(VALUES)
    for group in GROUPS:
        assert set(SCHEMA["properties"][group]["properties"]) == set(VALUES[group])
