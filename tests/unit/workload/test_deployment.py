"""What is read out of a Deployment."""

from typing import Any

import pytest

from linnet.workload.deployment import read
from unit.workload.deployments import deployment


def _workload(
    replicas: int | None = 4, generation: int = 2, seen: int = 2, **status: Any
) -> dict[str, Any]:
    """Return a Deployment of 4 pods, all there, with changes to its status."""
    obj = deployment(replicas=replicas)
    obj["metadata"]["generation"] = generation
    counts = {"replicas": 4, "updatedReplicas": 4, "availableReplicas": 4}
    obj["status"] = {"observedGeneration": seen, **counts, **status}
    return obj


@pytest.mark.parametrize(
    ("replicas", "ready", "serving"),
    [(4, 3, 3), (4, 5, 4), (0, 4, 0)],
    ids=["as many as are ready", "not those that are too many", "none that is to go"],
)
def test_what_serves(replicas: int, ready: int, serving: int) -> None:
    assert read(_workload(replicas, readyReplicas=ready)).serving == serving


@pytest.mark.parametrize(
    ("obj", "settled"),
    [
        pytest.param(_workload(), True, id="all pods are new"),
        pytest.param(_workload(availableReplicas=0), True, id="even if none is available yet"),
        pytest.param(_workload(seen=1), False, id="not before the controller has looked"),
        pytest.param(_workload(updatedReplicas=3), False, id="not while some are to be replaced"),
        pytest.param(_workload(replicas=5), False, id="not while an old one is left"),
        pytest.param(
            _workload(replicas=3, updatedReplicas=3), False, id="not while one is missing"
        ),
        pytest.param(deployment(), False, id="not without a status"),
        pytest.param(
            {**deployment(replicas=0), "metadata": {"name": "a", "generation": 1}},
            False,
            id="not without a status, even with no pods",
        ),
        pytest.param(
            {**deployment(replicas=0), "status": {"observedGeneration": 1}}, True, id="with no pods"
        ),
    ],
)
def test_when_a_workload_is_settled(obj: dict[str, Any], settled: bool) -> None:
    assert read(obj).settled is settled


@pytest.mark.parametrize(
    ("available", "threshold", "ready"),
    [
        pytest.param(4, 100, True, id="all of all"),
        pytest.param(3, 100, False, id="one less than all"),
        pytest.param(2, 50, True, id="half of half"),
        pytest.param(1, 50, False, id="less than half"),
        pytest.param(0, 0, True, id="none of none"),
        pytest.param(5, 100, True, id="one to spare"),
    ],
)
def test_when_a_workload_is_ready(available: int, threshold: int, ready: bool) -> None:
    assert read(_workload(availableReplicas=available)).ready(threshold) is ready


def test_what_is_being_deleted_neither_serves_nor_is_ready() -> None:
    going = _workload(readyReplicas=4)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert read(going).serving == 0
    assert not read(going).ready(100)


RECREATE = {"type": "Recreate"}


def _rolling(unavailable: int | str, surge: int | str = 1) -> dict[str, Any]:
    limits = {"maxUnavailable": unavailable, "maxSurge": surge}
    return {"type": "RollingUpdate", "rollingUpdate": limits}


@pytest.mark.parametrize(
    ("strategy", "ready"),
    [
        pytest.param(None, True, id="by default a quarter goes at a time"),
        pytest.param(_rolling(3), True, id="one stays"),
        pytest.param(_rolling("99%"), True, id="one stays, as parts are rounded down"),
        pytest.param(_rolling("100%"), False, id="all may go"),
        pytest.param(_rolling(4), False, id="all of these may go"),
        pytest.param(RECREATE, False, id="all go before there are new ones"),
    ],
)
@pytest.mark.parametrize(
    "status", [{"seen": 1}, {"updatedReplicas": 0}], ids=["written just now", "being changed over"]
)
def test_old_pods_count_if_some_of_them_stay(
    status: dict[str, int], strategy: dict[str, Any] | None, ready: bool
) -> None:
    changing = _workload(**status)
    changing["spec"] |= {"strategy": strategy} if strategy else {}
    assert read(changing).ready(100) is ready


def test_a_single_pod_goes_where_there_may_be_no_other_beside_it() -> None:
    one = _workload(1, seen=1, updatedReplicas=1, availableReplicas=1)
    one["spec"]["strategy"] = _rolling("25%", surge=0)
    assert not read(one).ready(100)
    one["spec"]["strategy"] = _rolling("25%", surge="25%")
    assert read(one).ready(100)


@pytest.mark.parametrize("strategy", [RECREATE, _rolling("100%")], ids=["recreated", "all at once"])
def test_all_pods_count_once_it_is_changed_over(strategy: dict[str, Any]) -> None:
    done = _workload()
    done["spec"]["strategy"] = strategy
    assert read(done).ready(100)


def test_a_threshold_is_not_rounded() -> None:
    assert not read(_workload(replicas=101, availableReplicas=100)).ready(100)


def test_a_workload_without_a_status_is_not_ready() -> None:
    assert not read(deployment(replicas=1)).ready(1)


def test_available_pods_count_even_before_the_controller_has_looked() -> None:
    assert read(_workload(seen=1)).ready(100)


def test_the_default_size_is_one() -> None:
    obj = deployment()
    del obj["spec"]["replicas"]
    assert read(obj).replicas == 1


def _condition(kind: str, status: str, message: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status, "message": message, "reason": "R"}]}


QUOTA = _condition("ReplicaFailure", "True", "exceeded quota")
LATE = _condition("Progressing", "False", "has timed out progressing")


@pytest.mark.parametrize(
    ("obj", "failing"),
    [
        pytest.param(_workload(), None, id="nothing"),
        pytest.param(_workload(availableReplicas=3), "3 of 4 pods are available", id="some pods"),
        pytest.param(deployment(), "0 of 2 pods are available", id="no status"),
        pytest.param(_workload(availableReplicas=0, **QUOTA), "exceeded quota", id="a quota"),
        pytest.param(
            _workload(availableReplicas=0, **LATE), "has timed out progressing", id="time"
        ),
        pytest.param(_workload(**LATE), None, id="what did not matter in the end"),
        pytest.param(
            _workload(availableReplicas=0, **_condition("Progressing", "False", "")), "R", id="why"
        ),
    ],
)
def test_why_pods_do_not_come_up(obj: dict[str, Any], failing: str | None) -> None:
    assert read(obj).failing == failing


def test_a_paused_deployment_says_so() -> None:
    obj = _workload(updatedReplicas=0)
    obj["spec"]["paused"] = True
    assert "rollout resume deployment podinfo" in (read(obj).failing or "")
