"""The documents say what the schema says."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from linnet.api.canary import Canary
from linnet.api.crd import crd
from linnet.api.status import Phase

PAGE = (Path(__file__).parents[3] / "docs" / "canary.md").read_text(encoding="utf-8")
ROOT = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
ROWS = dict(re.findall(r"^\| `([^`|]+)` \| ([^|]+) \|", PAGE, re.MULTILINE))
EXAMPLES = [
    document
    for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for document in yaml.safe_load_all(block)
]

IN_DETAIL = {
    "targetRef",
    "primaryRef",
    "service",
    "analysis",
    "analysis.guard",
    "analysis.guard.latency",
    "analysis.promotion",
    "analysis.ramp",
}


def fields(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return the fields that have a row of their own, with their schemas."""
    for name, part in schema.get("properties", {}).items():
        here = f"{path}{name}"
        inner = part.get("items", part)
        if here == "analysis.ramp":  # it is there or not, which says something by itself
            yield here, part
        if here in IN_DETAIL:
            yield from fields(part, f"{here}.")
            continue
        yield here, part
        if here == "analysis.metrics":
            yield from fields(inner, f"{here}[].")


@pytest.mark.parametrize("case", [pytest.param(f, id=f[0]) for f in fields(ROOT["spec"])])
def test_a_field_of_the_spec_is_there_with_its_default(case: tuple[str, Mapping[str, Any]]) -> None:
    name, schema = case
    assert name in ROWS
    if "default" in schema:
        assert ROWS[name] == f"`{yaml.safe_dump(schema['default']).split()[0]}`"


def test_no_field_is_there_that_does_not_exist() -> None:
    spec = {name for name, _ in fields(ROOT["spec"])}
    known = spec | set(ROOT["status"]["properties"]) | {phase.value for phase in Phase}
    known |= {"Ready", "Progressing", "Stalled", "Promoted", "Blind"}
    section = PAGE.split("\nWhy a Canary is stalled", maxsplit=1)[0]
    assert set(re.findall(r"^\| `([^`|]+)` \|", section, re.MULTILINE)) <= known


@pytest.mark.parametrize("name", list(ROOT["status"]["properties"]))
def test_a_field_of_the_status_is_there(name: str) -> None:
    assert name in ROWS


@pytest.mark.parametrize("phase", list(Phase))
def test_a_phase_is_there(phase: Phase) -> None:
    assert phase.value in ROWS


def test_the_examples_are_good_canaries() -> None:
    canaries = [example for example in EXAMPLES if example.get("kind") == "Canary"]
    assert canaries
    for canary in canaries:
        Canary.from_object(canary)
