from typing import Any

import pytest

from cluster.pods import Answer, PodTable, Workload, workload_of

IP = "10.244.0.7"


def pod(
    name: str = "web-6d5f-abcde",
    *,
    ready: bool = True,
    tag: str = "1.0",
    terminating: bool = False,
    phase: str = "Running",
    ip: str = IP,
    **annotations: str,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "uid": f"uid-of-{name}",
        "name": name,
        "namespace": "shop",
        "labels": {"app": "web"},
        "annotations": {f"cluster.linnet.dev/{k}": v for k, v in annotations.items()},
    }
    if terminating:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {
        "metadata": metadata,
        "spec": {"containers": [{"image": f"registry.example/web:{tag}"}]},
        "status": {
            "podIP": ip,
            "phase": phase,
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }


def answer(table: PodTable, now: float) -> tuple[Answer, str]:
    found, who = table.at(IP, now)
    return found, who.name if who else ""


def test_an_address_without_a_pod_is_closed() -> None:
    assert PodTable().at(IP, 0) == (Answer.CLOSE, None)


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        pytest.param(pod(), Answer.SERVE, id="a ready one serves"),
        pytest.param(pod(ready=False), Answer.UNAVAILABLE, id="one that is not ready says so"),
        pytest.param(pod(ready=False, tag="1-crash"), Answer.CLOSE, id="a crashing one is closed"),
        pytest.param(pod(behaviour="crash"), Answer.CLOSE, id="by annotation, while ready, too"),
        pytest.param(pod(tag="1-crash", behaviour=""), Answer.SERVE, id="an annotation wins"),
        pytest.param(pod(phase="Failed"), Answer.CLOSE, id="a failed one is closed"),
        pytest.param(pod(ready=False, ip=""), Answer.CLOSE, id="without an address, nothing"),
    ],
)
def test_a_pod_answers_according_to_its_state(obj: dict[str, Any], expected: Answer) -> None:
    table = PodTable()
    table.put(obj, 0)
    assert table.at(IP, 0)[0] is expected


def test_a_tag_that_cannot_be_understood_is_reported_and_answers_nothing() -> None:
    table = PodTable()
    with pytest.raises(ValueError, match="'eror-20' is no behaviour"):
        table.put(pod(tag="1.0-eror-20"), 0)
    assert table.at(IP, 0)[0] is Answer.CLOSE


@pytest.mark.parametrize(
    "object_stays", [pytest.param(True, id="while it stays"), pytest.param(False, id="once gone")]
)
def test_a_deleted_pod_serves_for_its_grace_and_no_longer(object_stays: bool) -> None:
    table = PodTable(grace=3)
    table.put(pod(), 0)
    table.put(pod(terminating=True, ready=False), 10)
    if not object_stays:
        table.remove(pod(), 10)
    assert table.at(IP, 12.9)[0] is Answer.SERVE
    assert table.at(IP, 13)[0] is Answer.CLOSE
    # A late change of the object, or its end, does not bring it back.
    table.put(pod(terminating=True), 14) if object_stays else table.remove(pod(), 14)
    assert table.at(IP, 14)[0] is Answer.CLOSE


def test_the_end_of_one_pod_does_not_concern_the_others() -> None:
    table = PodTable()
    table.put(pod("stays"), 0)
    table.put(pod("goes", ip="10.244.0.8"), 0)
    table.remove(pod("goes"), 1)
    assert answer(table, 1) == (Answer.SERVE, "stays")


def test_a_pod_deleted_before_it_was_ready_never_serves() -> None:
    table = PodTable()
    table.put(pod(ready=False), 0)
    table.put(pod(terminating=True, ready=True), 1)
    assert table.at(IP, 1)[0] is Answer.CLOSE


def test_an_address_passes_on_when_its_next_pod_is_ready() -> None:
    table = PodTable(grace=3)
    table.put(pod("old"), 0)
    table.remove(pod("old"), 1)
    table.put(pod("new", ready=False), 1)
    assert answer(table, 1.5) == (Answer.SERVE, "old")
    table.put(pod("new"), 2)
    assert answer(table, 2.5) == (Answer.SERVE, "new")


def test_an_address_whose_next_pod_is_late_answers_503_after_the_grace() -> None:
    table = PodTable(grace=3)
    table.put(pod("old"), 0)
    table.remove(pod("old"), 1)
    table.put(pod("new", ready=False), 1)
    assert answer(table, 4) == (Answer.UNAVAILABLE, "new")


def test_the_time_a_pod_became_ready_lasts_until_it_is_not() -> None:
    table = PodTable()

    def ready_at(obj: dict[str, Any], now: float) -> float:
        table.put(obj, now)
        found = table.at(IP, now)[1]
        assert found is not None
        return found.ready_at

    table.put(pod(ready=False), 1)
    assert ready_at(pod(), 5) == 5
    assert ready_at(pod(behaviour="errors-5"), 8) == 5
    table.put(pod(ready=False), 9)
    assert ready_at(pod(), 11) == 11


OWNED = {
    "name": "web-primary-6d5f-abcde",
    "namespace": "shop",
    "ownerReferences": [{"kind": "ReplicaSet", "name": "web-primary-6d5f", "controller": True}],
}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        pytest.param(
            OWNED | {"labels": {"pod-template-hash": "6d5f", "app": "web", "version": "v2"}},
            Workload("web-primary", "shop", "web", "v2", "web", "v2", "Kubernetes"),
            id="a Deployment is named by the ReplicaSet without its hash",
        ),
        pytest.param(
            OWNED | {"labels": {}},
            Workload(
                name="web-primary-6d5f",
                namespace="shop",
                canonical_service="web-primary-6d5f",
                cluster="Kubernetes",
            ),
            id="a ReplicaSet of its own keeps its name",
        ),
        pytest.param(
            {
                "name": "web",
                "namespace": "shop",
                "labels": {
                    "service.istio.io/canonical-name": "shop-web",
                    "service.istio.io/canonical-revision": "blue",
                    "app": "web",
                    "version": "v2",
                },
            },
            Workload("web", "shop", "web", "v2", "shop-web", "blue", "Kubernetes"),
            id="Istio's own labels come before app and version",
        ),
    ],
)
def test_the_workload_of_a_pod(metadata: dict[str, Any], expected: Workload) -> None:
    assert workload_of(metadata) == expected
