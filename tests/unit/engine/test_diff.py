"""When a live object has to be written, and what is written then."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from linnet.api.names import APPLIED_ANNOTATION, ORIGINAL_ANNOTATION
from linnet.api.objects import ref_of
from linnet.engine.decision import Create, Replace
from linnet.engine.diff import change, with_applied_hash

OWNER = {"uid": "uid-1", "kind": "Canary", "name": "a", "controller": True}
PORT = {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}


def _object(kind: str, **spec: Any) -> dict[str, Any]:
    metadata = {
        "name": "a",
        "namespace": "test",
        "labels": {"managed-by": "linnet"},
        "ownerReferences": [OWNER],
    }
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec}


ROUTES = _object("VirtualService", hosts=["a"], http=[{"route": []}])
SERVICE = _object("Service", selector={"app": "a"}, ports=[PORT])
WORKLOAD = _object(
    "Deployment",
    replicas=2,
    selector={"matchLabels": {"app": "a"}},
    template={
        "metadata": {"labels": {"app": "a"}, "creationTimestamp": None},
        "spec": {
            "containers": [
                {
                    "name": "app",
                    "args": ["a", "b"],
                    "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
                    "ports": [{"containerPort": 1, "protocol": "TCP"}],
                },
                {"name": "helper"},
            ],
            "volumes": [{"name": "a", "emptyDir": {}}],
        },
    },
)
TAKEN = {
    **_object("Service", selector={"app": "a"}, ports=[PORT]),
    "metadata": {"name": "a", "namespace": "test", "annotations": {ORIGINAL_ANNOTATION: "{}"}},
}


def _live(desired: dict[str, Any], edit: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Return `desired` as the API server has it after it was written and then edited."""
    live = copy.deepcopy(with_applied_hash(desired))
    live["metadata"] |= {"uid": "u", "resourceVersion": "7"}
    live["metadata"].setdefault("labels", {})["theirs"] = "x"
    if edit:
        edit(live)
    return live


def test_what_is_missing_is_created() -> None:
    action = change(SERVICE, None)
    assert isinstance(action, Create)
    assert action.ref == ref_of(SERVICE)
    assert action.object["spec"] == SERVICE["spec"]
    assert action.object["metadata"]["annotations"][APPLIED_ANNOTATION]


def _pod(live: dict[str, Any]) -> Any:
    return live["spec"]["template"]["spec"]


@pytest.mark.parametrize(
    ("desired", "edit"),
    [
        pytest.param(ROUTES, None, id="nothing"),
        pytest.param(SERVICE, lambda o: o["spec"].update(type="NodePort"), id="a type"),
        pytest.param(SERVICE, lambda o: o["spec"]["ports"][0].update(nodePort=1), id="a node port"),
        pytest.param(
            SERVICE, lambda o: o["metadata"]["ownerReferences"].append({"uid": "x"}), id="an owner"
        ),
        pytest.param(
            SERVICE, lambda o: o["metadata"]["annotations"].update(a="b"), id="an annotation"
        ),
        pytest.param(WORKLOAD, lambda o: _pod(o).update(dnsPolicy="ClusterFirst"), id="a default"),
        pytest.param(
            WORKLOAD, lambda o: _pod(o)["containers"].insert(0, {"name": "more"}), id="a container"
        ),
        pytest.param(
            WORKLOAD,
            lambda o: _pod(o)["containers"][0]["ports"].insert(
                0, {"containerPort": 2, "protocol": "TCP"}
            ),
            id="a container port",
        ),
        pytest.param(
            WORKLOAD,
            lambda o: o["spec"]["template"]["metadata"].pop("creationTimestamp"),
            id="a null that is left out",
        ),
        pytest.param(
            TAKEN,
            lambda o: o["spec"]["ports"].append({"port": 81, "name": "theirs"}),
            id="a port of a Service that was taken over",
        ),
    ],
)
def test_what_others_may_add(desired: dict[str, Any], edit: Any) -> None:
    assert change(desired, _live(desired, edit)) is None


@pytest.mark.parametrize(
    ("desired", "edit"),
    [
        pytest.param(ROUTES, lambda o: o["spec"]["http"][0].update(fault={}), id="a fault"),
        pytest.param(ROUTES, lambda o: o["spec"]["http"].append({}), id="a route"),
        pytest.param(ROUTES, lambda o: o["spec"].update(exportTo=["."]), id="a visibility"),
        pytest.param(ROUTES, lambda o: o["spec"].pop("http"), id="no routes"),
        pytest.param(ROUTES, lambda o: o["metadata"].pop("ownerReferences"), id="no owner"),
        pytest.param(ROUTES, lambda o: o["metadata"].pop("annotations"), id="no hash"),
        pytest.param(
            ROUTES,
            lambda o: o["metadata"]["ownerReferences"][0].update(controller=False),
            id="an owner that does not control",
        ),
        pytest.param(SERVICE, lambda o: o["spec"]["selector"].update(x="y"), id="a selector"),
        pytest.param(SERVICE, lambda o: o["spec"].pop("selector"), id="no selector"),
        pytest.param(SERVICE, lambda o: o["spec"]["ports"][0].update(targetPort=1), id="a target"),
        pytest.param(SERVICE, lambda o: o["spec"]["ports"].append({"port": 81}), id="a port"),
        pytest.param(SERVICE, lambda o: o["metadata"]["labels"].pop("managed-by"), id="no label"),
        pytest.param(TAKEN, lambda o: o["spec"]["ports"].clear(), id="a port taken away"),
        pytest.param(TAKEN, lambda o: o["spec"].update(selector={}), id="a selector given back"),
        pytest.param(WORKLOAD, lambda o: o["spec"].update(replicas=3), id="a size"),
        pytest.param(
            WORKLOAD, lambda o: _pod(o)["containers"][0]["args"].append("c"), id="one more word"
        ),
        pytest.param(
            WORKLOAD, lambda o: _pod(o)["containers"][0]["args"].reverse(), id="words in disorder"
        ),
        pytest.param(WORKLOAD, lambda o: _pod(o)["containers"].pop(), id="a container less"),
        pytest.param(
            WORKLOAD,
            lambda o: _pod(o)["containers"][0]["env"].reverse(),
            id="another one of two variables with one name",
        ),
        pytest.param(WORKLOAD, lambda o: _pod(o).update(containers={}), id="no list at all"),
        pytest.param(
            WORKLOAD,
            lambda o: _pod(o)["volumes"].append({"name": "a", "emptyDir": {}}),
            id="an item twice",
        ),
        pytest.param(
            WORKLOAD,
            lambda o: _pod(o)["volumes"].__setitem__(0, {"name": "a", "hostPath": {"path": "/"}}),
            id="another volume",
        ),
    ],
)
def test_what_others_must_not_change(desired: dict[str, Any], edit: Any) -> None:
    action = change(desired, _live(desired, edit))
    assert isinstance(action, Replace)
    assert action.object["metadata"]["resourceVersion"] == "7"
    assert action.object["metadata"]["labels"]["theirs"] == "x"
    assert change(desired, action.object) is None
    assert ref_of(action.object) == action.ref == ref_of(desired)


def test_routes_that_are_not_wanted_any_more_go() -> None:
    after = _object("VirtualService", hosts=["a"])
    action = change(after, _live(ROUTES))
    assert isinstance(action, Replace)
    assert action.object["spec"] == after["spec"]


def test_a_variable_that_a_new_template_leaves_out_goes() -> None:
    after = copy.deepcopy(WORKLOAD)
    after["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "1"}]
    before = copy.deepcopy(after)
    before["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "B", "value": "2"})
    action = change(after, _live(before))
    assert isinstance(action, Replace)
    assert action.object["spec"]["template"] == after["spec"]["template"]


def test_a_paused_workload_stays_paused() -> None:
    live = _live(WORKLOAD, lambda o: o["spec"].update(paused=True, replicas=9))
    action = change(WORKLOAD, live)
    assert isinstance(action, Replace)
    assert action.object["spec"] == {**WORKLOAD["spec"], "paused": True}


def test_the_size_of_a_workload_is_no_part_of_its_hash() -> None:
    def hash_of(obj: dict[str, Any]) -> Any:
        return with_applied_hash(obj)["metadata"]["annotations"][APPLIED_ANNOTATION]

    bigger = copy.deepcopy(WORKLOAD)
    bigger["spec"]["replicas"] = 9
    assert hash_of(bigger) == hash_of(WORKLOAD)
    assert hash_of(ROUTES) != hash_of(SERVICE)


def test_the_order_of_fields_is_no_difference() -> None:
    turned = {**ROUTES, "spec": dict(reversed(ROUTES["spec"].items()))}
    assert change(turned, _live(ROUTES)) is None


def test_nothing_that_is_passed_in_is_changed() -> None:
    for desired in (ROUTES, SERVICE, WORKLOAD, TAKEN):
        live = _live(desired, lambda o: o["spec"].clear() or o["spec"].update(ports=[]))
        untouched = copy.deepcopy((desired, live))
        change(desired, live)
        assert (desired, live) == untouched
