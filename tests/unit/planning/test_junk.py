"""Whatever stands in manifests: it is read, refused with file and line, or found."""

import copy
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from linnet.cli import plan_sources
from linnet.cli.manifests import canary_in
from linnet.errors import SpecError
from linnet.planning.assumptions import Assumptions
from linnet.planning.findings import Case, findings
from linnet.planning.manifests import CANARY, Manifests
from linnet.planning.rehearsal import rehearse
from linnet.planning.schedule import schedule

ROOT = Path(__file__).parents[3]
ASSUMED = Assumptions(50, 0.005, 15, "a test")

_LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3))
_JUNK = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if not isinstance(value, dict | list):
        return
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*place, key)
        yield from _places(child, (*place, key))


_OBJECTS = [
    one
    for path in sorted((ROOT / "examples/reviews").rglob("*.yaml"))
    for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]


def _examine(text: str) -> str | None:
    """Do all that a plan does but simulate; return why the manifests are refused."""
    try:
        _plan(text)
    except SpecError as error:
        return error.message
    return None


def _plan(text: str) -> None:
    with patch.object(sys, "stdin", io.StringIO(text)):
        read = plan_sources.read(["-"], "production")
    manifests = Manifests.of(read.manifests)
    for one in manifests.of_kind(CANARY):
        canary = canary_in(read.documents[id(one.object)])
        times = schedule(canary, ASSUMED.circumstances)
        rehearsal = rehearse(canary, manifests)
        for found in findings(Case(one, canary, manifests, ASSUMED, rehearsal, times, None)):
            assert found.message


@settings(max_examples=40, deadline=None)
@given(place=st.sampled_from(list(_places(_OBJECTS))), junk=_JUNK)
def test_junk_in_any_place_crashes_nothing(place: tuple[Any, ...], junk: Any) -> None:
    objects = copy.deepcopy(_OBJECTS)
    node: Any = objects
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = junk
    refusal = _examine(yaml.safe_dump_all(objects))
    assert refusal is None or "stdin, line" in refusal
