"""What linnet takes over comes back as it was."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.engine.decision import Replace
from linnet.engine.diff import change
from linnet.errors import SpecError
from linnet.routing.services import services
from linnet.routing.takeover import given_back, is_taken_over
from linnet.routing.virtualservice import virtual_service
from unit.routing.canaries import PRIMARY, TARGET, Object, canary, objects, taken_over

names = st.text("abc", min_size=1, max_size=3)
labels = st.dictionaries(names, names, max_size=2)
ports = st.lists(
    st.fixed_dictionaries(
        {"port": st.sampled_from([80, 81, 82]), "protocol": st.sampled_from(["TCP", "UDP"])},
        optional={"name": names, "targetPort": st.integers(1, 9), "nodePort": st.integers(1, 9)},
    ),
    max_size=3,
    unique_by=lambda port: (port["port"], port["protocol"]),
)
route = st.fixed_dictionaries({"destination": st.fixed_dictionaries({"host": names})})
specs = {
    "Service": st.fixed_dictionaries(
        {"ports": ports}, optional={"selector": labels, "type": names, "clusterIP": names}
    ),
    "VirtualService": st.fixed_dictionaries(
        {"hosts": st.lists(names, min_size=1)},
        optional={
            "http": st.lists(st.fixed_dictionaries({"route": st.lists(route)}), max_size=2),
            "gateways": st.lists(names, max_size=2),
            "exportTo": st.lists(names),
        },
    ),
}


@st.composite
def existing(draw: st.DrawFn) -> dict[str, Any]:
    """Return a Service or VirtualService of a user, as the API server has it."""
    kind = draw(st.sampled_from(sorted(specs)))
    metadata: dict[str, Any] = {"name": "podinfo", "namespace": "test", "resourceVersion": "1"}
    for field in ("labels", "annotations"):
        if value := draw(labels):
            metadata[field] = value
    return {"kind": kind, "metadata": metadata, "spec": draw(specs[kind])}


def _desired(live: Object, weight: int = 0) -> Object:
    if live["kind"] == "VirtualService":
        return virtual_service(canary(), weight, objects(live))
    side: Any = "target" if weight else "primary"
    return list(services(canary(portName="linnet"), TARGET, PRIMARY, objects(live), side))[-1]


def _written(live: Object, weight: int = 0) -> Object:
    action = change(_desired(live, weight), live)
    return action.object if isinstance(action, Replace) else live


@given(existing(), st.integers(0, 100))
def test_taking_over_and_giving_back_leaves_no_trace(before: Object, weight: int) -> None:
    untouched = copy.deepcopy(before)
    taken = _written(_written(before), weight)
    assert is_taken_over(taken)
    assert given_back(canary(), taken) == untouched == before


@given(existing(), st.integers(0, 100))
def test_what_is_taken_over_needs_no_second_write(before: Object, weight: int) -> None:
    taken = _written(before, weight)
    assert change(_desired(taken, weight), taken) is None


@given(existing())
def test_taking_over_keeps_what_linnet_does_not_manage(before: Object) -> None:
    taken = _written(before)
    managed = {"selector", "ports", "hosts", "gateways", "http"}
    assert {k: v for k, v in taken["spec"].items() if k not in managed} == {
        k: v for k, v in before["spec"].items() if k not in managed
    }
    assert taken["metadata"].get("labels") == before["metadata"].get("labels")
    assert "ownerReferences" not in taken["metadata"]


@pytest.mark.parametrize("note", ["", "{", "[]", "null"])
def test_a_note_that_was_made_unreadable_is_asked_for(note: str) -> None:
    live = taken_over("VirtualService", note, hosts=["podinfo"])
    with pytest.raises(SpecError, match=r"linnet\.dev/original of VirtualService test/podinfo"):
        given_back(canary(), live)


HTTP = {"name": "web", "port": 80, "protocol": "TCP", "targetPort": 8080}
ADMIN = {"name": "admin", "port": 81, "protocol": "TCP", "targetPort": 81}


def _service(*ports: Object, **spec: Any) -> dict[str, Any]:
    metadata = {"name": "podinfo", "namespace": "test", "resourceVersion": "1"}
    spec = {"selector": TARGET, "ports": list(ports), **spec}
    return {"kind": "Service", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(
    ("before", "edit", "after"),
    [
        pytest.param(
            _service(HTTP),
            lambda spec: spec["ports"].append(ADMIN),
            [HTTP, ADMIN],
            id="a port that was added",
        ),
        pytest.param(
            _service(ADMIN, HTTP),
            lambda spec: spec["ports"].pop(0),
            [HTTP],
            id="a port that was removed",
        ),
        pytest.param(
            _service(HTTP, ADMIN),
            lambda spec: spec["ports"][1].update(targetPort=9),
            [HTTP, ADMIN | {"targetPort": 9}],
            id="a port that was changed",
        ),
        pytest.param(
            _service(HTTP | {"nodePort": 30000}, type="NodePort"),
            lambda spec: spec["ports"][0].pop("nodePort"),
            [HTTP],
            id="a node port that was given up",
        ),
        pytest.param(
            _service(ADMIN), lambda spec: None, [ADMIN], id="that there was no port of ours"
        ),
    ],
)
def test_what_users_do_to_a_service_meanwhile_is_kept(
    before: Object, edit: Any, after: list[Object]
) -> None:
    taken = copy.deepcopy(dict(_written(before)))
    edit(taken["spec"])
    assert change(_desired(taken), taken) is None
    assert given_back(canary(), taken)["spec"]["ports"] == after
