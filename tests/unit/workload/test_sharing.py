"""Of two Canaries that name the same workload the older one goes on."""

from typing import Any

import pytest

from linnet.api.canary import Canary
from linnet.workload.sharing import shared_workload
from unit.engine.builders import canary

OLD, NEW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def named(name: str, created: str, target: str, primary: str | None = None) -> dict[str, Any]:
    refs: dict[str, Any] = {"targetRef": {"name": target}}
    if primary:
        refs["primaryRef"] = {"name": primary}
    obj = canary(**refs)
    obj["metadata"] |= {"name": name, "creationTimestamp": created}
    return obj


@pytest.mark.parametrize(
    ("other", "shared"),
    [
        pytest.param(named("b", OLD, "v3", "v1"), "v1", id="the same primary"),
        pytest.param(named("b", OLD, "v2", "v0"), "v2", id="the same target"),
        pytest.param(named("b", OLD, "v1", "v0"), "v1", id="a target that is the primary"),
        pytest.param(named("b", OLD, "v2"), "v2", id="a target that is copied"),
        pytest.param(named("b", OLD, "v4", "v3"), None, id="other workloads"),
        pytest.param(named("c", NEW, "v3", "v1"), None, id="a younger Canary"),
        pytest.param(named("z", NEW, "v3", "v1"), None, id="of the same age, later by name"),
        pytest.param(named("a", NEW, "v3", "v1"), "v1", id="of the same age, earlier by name"),
    ],
)
def test_the_younger_canary_is_told(other: dict[str, Any], shared: str | None) -> None:
    created = "2026-01-01T12:00:00Z" if other["metadata"]["name"] == "c" else NEW
    ours = Canary.from_object(named("m", created, "v2", "v1"))
    problem = shared_workload(ours, [{"kind": "VirtualService"}, other])
    if shared is None:
        assert problem is None
        return
    assert problem is not None
    assert problem.reason == "WorkloadShared"
    assert f"Deployment test/{shared} is a workload of Canary" in problem.message


def test_two_that_copy_one_target_are_told_apart_by_whose_the_copy_is() -> None:
    ours = Canary.from_object(named("m", NEW, "v2"))
    assert shared_workload(ours, [named("b", OLD, "v2")]) is None
