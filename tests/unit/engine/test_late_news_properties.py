"""Invariants while watches lag, controllers idle and writes are refused, over any history.

Each kind comes by a watch of its own. Whatever is seen late, no pods are taken away that the routes
lead to or that proxies may still know (the world watches for both), and once all is well again the
release ends as it should.
"""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linnet.api.status import Phase
from unit.engine.builders import initialized
from unit.engine.test_handover import NEW, OLD, at_rest, give, scale
from unit.engine.world import World

Event = Callable[[World], object]


def _refuse(*kinds: str) -> Event:
    def event(it: World) -> None:
        it.refuses = set(kinds)

    return event


def _unready(*names: str) -> Event:
    def event(it: World) -> None:
        it.unready = set(names)
        it.pods_changed()

    return event


def _all_is_well(it: World) -> None:
    it.unready, it.refuses = set(), set()
    it.catch_up()
    it.idle(False)


SURROUNDINGS: dict[str, Event] = {
    "Deployments are shown late": lambda it: it.delay("Deployment"),
    "routes are shown late": lambda it: it.delay("VirtualService"),
    "Services are shown late": lambda it: it.delay("Service"),
    "endpoints are shown late": lambda it: it.delay_endpoints(),
    "all is shown": lambda it: it.catch_up(),
    "controllers idle": lambda it: it.idle(),
    "controllers go on": lambda it: it.idle(False),
    "no routes can be written": _refuse("VirtualService"),
    "no Services can be written": _refuse("Service"),
    "no Deployments can be written": _refuse("Deployment"),
    "all can be written": _refuse(),
    "pods mend": _unready(),
    "wait": lambda it: it.run(7),
    "wait long": lambda it: it.run(100),
}
COPYING: dict[str, Event] = {
    **SURROUNDINGS,
    "release 2": lambda it: it.release("2.0.0"),
    "release a bad one": lambda it: it.release("3.0.0-bad"),
    "set back": lambda it: it.release("1.0.0"),
    "scale": lambda it: it.scale(4),
    "pods of 2 break": _unready("2.0.0"),
}
PAIR: dict[str, Event] = {
    **SURROUNDINGS,
    "the target gets 2": lambda it: give(it, NEW, "2.0.0"),
    "the target is set back": lambda it: give(it, NEW, it.image(OLD)),
    "the primary gets what the target runs": lambda it: give(it, OLD, it.image(NEW)),
    "no target": lambda it: scale(it, NEW, 0),
    "no primary": lambda it: scale(it, OLD, 0),
    "the target has pods": lambda it: scale(it, NEW, 2),
    "the primary has pods": lambda it: scale(it, OLD, 2),
    "the target breaks": _unready(NEW),
}


def _histories(events: dict[str, Event]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(sorted(events)), max_size=14)


@settings(max_examples=60)
@given(_histories(COPYING))
def test_no_late_news_makes_a_copied_workload_lose_requests(history: list[str]) -> None:
    it = initialized(progressDeadlineSeconds=60)
    for event in history:
        COPYING[event](it)
        it.run(1)
    _all_is_well(it)
    it.run(900)
    assert it.status.phase in {Phase.INITIALIZED, Phase.SUCCEEDED, Phase.FAILED}
    assert it.routed == (100, 0)
    assert it.deployment("podinfo")["spec"]["replicas"] == 0
    assert it.deployment("podinfo-primary")["spec"]["replicas"] in {2, 4}


@settings(max_examples=60)
@given(_histories(PAIR))
def test_no_late_news_moves_traffic_to_nothing(history: list[str]) -> None:
    it = at_rest(progressDeadlineSeconds=60)
    for event in history:
        shown, before = len(it.decisions), it.status.canary_weight
        PAIR[event](it)
        it.run(1)
        lagging = len(it.late) + bool(it.late_endpoints)
        for decision in it.decisions[shown:]:
            weight = decision.status.canary_weight
            if weight < before and lagging <= 1:
                assert it.serving(OLD) or not it.serving(NEW), "traffic was moved to nothing"
            before = weight
    _all_is_well(it)
    scale(it, OLD, 2)
    scale(it, NEW, 2)
    it.run(900)
    give(it, OLD, it.image(NEW))
    it.run(900)
    assert it.routed == (100, 0)
    assert it.condition("Ready").status == "True"


@settings(max_examples=40)
@given(_histories(COPYING), st.booleans(), st.sampled_from([2, 600]))
def test_no_late_news_keeps_a_canary_from_being_deleted(
    history: list[str], foreground: bool, deadline: int
) -> None:
    it = initialized(progressDeadlineSeconds=deadline)
    for event in history[: len(history) // 2]:
        COPYING[event](it)
        it.run(1)
    it.delete(foreground=foreground)
    for event in history[len(history) // 2 :]:
        if it.canary_object is not None:
            COPYING[event](it)
            it.run(1)
    _all_is_well(it)
    it.run(900)
    assert it.canary_object is None
    service = it.objects[it.service]
    assert service["spec"]["selector"] == {"app": "podinfo"}, "clients reach the target"
    assert it.deployment("podinfo")["spec"]["replicas"] > 0
    assert it.routed is None


def test_a_webhook_that_is_away_does_not_take_pods_from_routes_that_lead_to_them() -> None:
    it = initialized()
    it.release("2.0.0-bad")
    it.run(5)
    it.refuses = {"VirtualService"}
    it.run(100)
    assert it.in_phase(Phase.FAILED)
    assert it.routed == (90, 10)
    it.refuses = set()
    it.settle()
    assert it.routed == (100, 0)
    assert it.deployment("podinfo")["spec"]["replicas"] == 2, "proxies get time to learn"
    it.run(10)
    assert it.deployment("podinfo")["spec"]["replicas"] == 0


@pytest.mark.parametrize("kind", ["Service", "VirtualService"])
def test_while_it_waits_for_routes_nothing_is_written_again_and_again(kind: str) -> None:
    it = initialized()
    it.release("2.0.0-bad")
    it.run(5)
    it.refuses = {"VirtualService"}
    it.run(60)
    settled = it.status
    it.run(600)
    assert it.status == settled
