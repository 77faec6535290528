"""Invariants of adopted routes over any history of commits, edits and releases."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linnet.api.names import WEIGHTS_ANNOTATION
from linnet.api.objects import ObjectRef
from unit.engine.test_git_owned_routes import ROUTES, copying, subsets
from unit.engine.test_handover import NEW, OLD, give
from unit.engine.world import World


def _edit(it: World, change: Callable[[dict[str, Any]], None]) -> None:
    live = it.objects.get(ROUTES)
    if live is not None:
        new = copy.deepcopy(live)
        change(new)
        it.put(new)


def _entries(live: dict[str, Any]) -> Any:
    return live["spec"]["http"][0].setdefault("route", [])


def _reset(live: dict[str, Any]) -> None:
    for entry, weight in zip(_entries(live), (90, 10), strict=False):
        entry["weight"] = weight


def _third(live: dict[str, Any]) -> None:
    if len(_entries(live)) == 2:
        _entries(live).append({"destination": {"host": "third"}, "weight": 10})


def _no_third(live: dict[str, Any]) -> None:
    del _entries(live)[2:]


def _forget(live: dict[str, Any]) -> None:
    live["metadata"].pop("annotations", None)


def _timeout(live: dict[str, Any]) -> None:
    live["spec"]["http"][0]["timeout"] = "9s"


def _release(it: World, tag: str) -> None:
    if it.canary.copies_target:
        it.release(tag)
    else:
        give(it, NEW, tag)


def _hand_over(it: World) -> None:
    if not it.canary.copies_target:
        give(it, OLD, it.image(NEW))


EVENTS: dict[str, Callable[[World], None]] = {
    "a good version": lambda it: _release(it, "2.0.0"),
    "a bad version": lambda it: _release(it, "3.0.0-bad"),
    "set back": lambda it: _release(it, "1.0.0"),
    "handed over": _hand_over,
    "reset by a sync": lambda it: _edit(it, _reset),
    "a third destination": lambda it: _edit(it, _third),
    "no third destination": lambda it: _edit(it, _no_third),
    "annotation wiped": lambda it: _edit(it, _forget),
    "another time-out": lambda it: _edit(it, _timeout),
    "wait": lambda it: it.run(7),
}


@pytest.mark.parametrize("made", [copying, subsets], ids=["a copy", "two of the user's own"])
@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(sorted(EVENTS)), max_size=10))
def test_any_history_keeps_weights_as_decided_and_all_else_as_it_was(
    made: Callable[[], World], history: list[str]
) -> None:
    it = made()
    it.run(60)
    for event in history:
        EVENTS[event](it)
        before = it.objects[ROUTES]
        it.run(4)
        after = it.objects[ROUTES]
        assert _without_weights(after) == _without_weights(before)
        assert it.step().actions == (), "nothing is left to do"
        regular = len(_entries(after)) == 2
        stalled = it.condition("Stalled").status == "True"
        assert regular or stalled
        if regular:
            weight = it.status.canary_weight
            assert [entry["weight"] for entry in _entries(after)] == [100 - weight, weight]
            assert f"={weight}" in after["metadata"]["annotations"][WEIGHTS_ANNOTATION]
        elif it.status.canary_weight == 0:
            assert _entries(after)[1]["weight"] == 0, "what was taken back stays taken back"
    it.delete()
    it.run(120)
    assert it.canary_object is None
    notes = it.objects[ROUTES]["metadata"].get("annotations") or {}
    assert WEIGHTS_ANNOTATION not in notes
    assert ObjectRef("VirtualService", "test", "podinfo") not in it.objects


def _without_weights(live: dict[str, Any]) -> dict[str, Any]:
    spec = copy.deepcopy(live["spec"])
    for entry in spec["http"][0].get("route", ()):
        entry.pop("weight", None)
    return dict(spec)
