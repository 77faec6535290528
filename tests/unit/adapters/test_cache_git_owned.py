"""VirtualServices of others that matter to a Canary: adopted, delegating, or with a claim."""

from typing import Any

import pytest

from linnet.adapters.cache import Cache
from linnet.api.canary import Canary
from linnet.api.names import WEIGHTS_ANNOTATION
from linnet.api.objects import ObjectRef, ref_of
from unit.adapters.objects import canary, obj, virtual_service

ELSEWHERE: dict[str, Any] = {"virtualServiceRef": {"name": "public", "namespace": "gateways"}}


class Woken:
    """A cache that notes whom it wakes."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        self.refs: set[ObjectRef] = set()
        self.cache = Cache(self.refs.add)
        self.by(*objects)

    def by(self, *objects: dict[str, Any]) -> set[str]:
        self.refs.clear()
        for one in objects:
            self.cache.put(one)
        return {ref.name for ref in self.refs}

    def by_removing(self, one: dict[str, Any]) -> set[str]:
        self.refs.clear()
        self.cache.remove(ref_of(one))
        return {ref.name for ref in self.refs}


def read(one: dict[str, Any]) -> Canary:
    return Canary.from_object(one)


def public(version: int = 1, note: str = "", **spec: Any) -> dict[str, Any]:
    made = obj("VirtualService", "public", version, "gateways", spec={"hosts": ["a.b"], **spec})
    if note:
        made["metadata"]["annotations"] = {WEIGHTS_ANNOTATION: note}
    return made


def test_an_adopted_virtual_service_of_another_namespace_wakes() -> None:
    woken = Woken(canary("web", **ELSEWHERE), canary("other"))
    assert woken.by(public()) == {"web"}
    assert woken.by(public(2, http=[])) == {"web"}
    assert woken.by_removing(public()) == {"web"}


def test_subsets_need_no_services_of_linnets() -> None:
    subsets = {"name": "rule", "primarySubset": "v1", "canarySubset": "v2"}
    adopting = canary("web", **ELSEWHERE, destinationRuleRef=subsets)
    adopting["spec"]["primaryRef"] = {"name": "web-v1"}
    woken = Woken(adopting)
    assert woken.by(obj("DestinationRule", "rule", spec={"host": "web"})) == {"web"}
    assert woken.by(obj("Service", "web-primary", spec={})) == set()
    assert woken.by(virtual_service("web")) == set()


def test_a_root_wakes_when_it_begins_and_ends_to_delegate() -> None:
    web = canary("web", delegation=True)
    woken = Woken(web)
    delegate = {"name": "web", "namespace": "shop"}
    assert woken.by(public(1, http=[{"delegate": delegate}])) == {"web"}
    [root] = woken.cache.neighbours(read(web))
    assert root["metadata"]["name"] == "public"
    assert woken.by(public(2, http=[])) == {"web"}
    assert woken.cache.neighbours(read(web)) == []
    assert woken.by(public(3, http=[])) == set()


def test_a_claim_that_a_canary_does_not_name_any_more_is_found() -> None:
    note = "shop/web * a.b/v1=60 a.b/v2=40"
    woken = Woken(canary("web"), public(note=note))
    ref = ObjectRef("Canary", "shop", "web")
    assert woken.cache.claimed(ref) == {ObjectRef("VirtualService", "gateways", "public")}
    assert woken.by(public(2)) == {"web"}
    assert woken.cache.claimed(ref) == frozenset()


def test_canaries_that_adopt_the_same_know_of_each_other() -> None:
    web, shop = canary("web", **ELSEWHERE), canary("shop", **ELSEWHERE)
    woken = Woken(web, shop, canary("other"))
    assert woken.cache.adopters(read(web)) == {"shop/shop"}
    assert woken.cache.adopters(read(shop)) == {"shop/web"}
    assert woken.by_removing(shop) == {"web", "shop"}, "its routes are free"
    assert woken.cache.adopters(read(web)) == frozenset()


@pytest.mark.parametrize("note", ["nonsense", "a * b c", "/ * b=1 c=1"])
def test_an_annotation_that_nobody_can_read_is_none(note: str) -> None:
    Woken(canary("web", **ELSEWHERE), public(note=note))
