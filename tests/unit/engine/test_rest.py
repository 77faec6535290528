"""A Canary at rest: repair, size, problems, deletion."""

import copy

import pytest

from linnet.api.objects import ObjectRef
from linnet.api.status import Phase
from unit.engine.builders import deployment, initialized, world


def test_at_rest_there_is_nothing_to_do_and_nothing_to_wait_for() -> None:
    it = initialized()
    decision = it.step()
    assert decision.actions == ()
    assert decision.status == it.status
    assert decision.wake_at is None


def test_a_weight_edited_by_hand_is_put_back() -> None:
    it = initialized()
    it.release("2.0.0")
    it.run(5)
    routes = copy.deepcopy(it.objects[ObjectRef("VirtualService", "test", "podinfo")])
    routes["spec"]["http"][0]["route"][0]["weight"] = 0
    routes["spec"]["http"][0]["route"][1]["weight"] = 100
    it.put(routes)
    it.settle()
    assert it.routed == (90, 10)
    assert it.status.canary_weight == 10


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param("VirtualService", "podinfo", id="the VirtualService"),
        pytest.param("Service", "podinfo", id="the apex Service"),
        pytest.param("Service", "podinfo-primary", id="the primary's Service"),
        pytest.param("DestinationRule", "podinfo-canary", id="the canary's DestinationRule"),
        pytest.param("Deployment", "podinfo-primary", id="the primary"),
    ],
)
def test_what_was_deleted_by_hand_is_restored(kind: str, name: str) -> None:
    it = initialized()
    it.remove(kind, name)
    it.settle()
    assert ObjectRef(kind, "test", name) in it.objects
    assert it.routed == (100, 0)


def test_a_lost_primary_is_not_replaced_by_a_revision_that_was_taken_back() -> None:
    it = initialized()
    it.release("2.0.0-bad")
    it.run_until(Phase.FAILED)
    it.run(20)
    it.remove("Deployment", "podinfo-primary")
    it.settle()
    assert it.condition("Stalled").reason == "PrimaryLost"
    it.release("1.0.0")
    it.settle()
    assert it.image("podinfo-primary") == "1.0.0"
    assert it.condition("Stalled").status == "False"


def test_a_new_size_of_the_target_is_carried_over_to_the_primary() -> None:
    it = initialized()
    it.scale(5)
    it.run(15)
    assert it.deployment("podinfo-primary")["spec"]["replicas"] == 5
    assert it.deployment("podinfo")["spec"]["replicas"] == 0
    assert it.in_phase(Phase.INITIALIZED), "replicas are no new revision"


def test_a_size_that_an_autoscaler_gave_the_primary_stays_through_a_release() -> None:
    it = initialized()
    primary = copy.deepcopy(it.deployment("podinfo-primary"))
    primary["spec"]["replicas"] = 7
    it.put(primary)
    it.settle()
    it.release("2.0.0")
    it.run_until(Phase.SUCCEEDED)
    it.run(20)
    assert it.deployment("podinfo-primary")["spec"]["replicas"] == 7
    assert it.image("podinfo-primary") == "2.0.0"


def test_a_default_that_a_new_api_server_adds_is_no_new_revision() -> None:
    it = initialized()
    for name in ("podinfo", "podinfo-primary"):
        changed = copy.deepcopy(it.deployment(name))
        changed["spec"]["template"]["spec"]["newDefault"] = "x"
        it.objects[ObjectRef("Deployment", "test", name)] = changed
    it.run(30)
    assert it.in_phase(Phase.INITIALIZED)
    assert it.status.promoted_revision == it.status.revision


def test_a_missing_target_stalls_the_canary_until_it_is_there() -> None:
    it = world()
    it.remove("Deployment", "podinfo")
    it.settle()
    stalled = it.condition("Stalled")
    assert (stalled.status, stalled.reason) == ("True", "TargetNotFound")
    assert "test/podinfo" in stalled.message
    it.put(deployment())
    it.run(20)
    assert it.in_phase(Phase.INITIALIZED)
    assert it.condition("Stalled").status == "False"
    assert it.reasons.count("TargetNotFound") == 1
    assert "Recovered" in it.reasons


def test_a_target_deleted_in_mid_run_loses_its_traffic() -> None:
    it = initialized()
    it.release("2.0.0")
    it.run(5)
    it.remove("Deployment", "podinfo")
    it.settle()
    assert it.routed == (100, 0)
    assert it.in_phase(Phase.FAILED)


def test_another_owner_of_the_host_stalls_the_canary() -> None:
    it = world()
    it.neighbours = [
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": "other", "namespace": "test"},
            "spec": {"hosts": ["podinfo"], "http": []},
        }
    ]
    it.settle()
    assert it.condition("Stalled").reason == "HostConflict"
    assert "test/other" in it.condition("Stalled").message
    assert it.routed is None
    it.neighbours = []
    it.run(20)
    assert it.in_phase(Phase.INITIALIZED)


def test_deleting_the_canary_brings_the_target_back_before_anything_is_taken_away() -> None:
    it = initialized()
    it.delete()
    it.settle()
    assert it.deployment("podinfo")["spec"]["replicas"] == 2
    assert it.routed == (0, 100)
    it.run(11)
    assert it.routed is None
    assert it.canary_object is not None, "proxies get time to learn the routes"
    it.run(11)
    assert it.canary_object is None
    assert set(it.objects) == {
        ObjectRef("Deployment", "test", "podinfo"),
        ObjectRef("Service", "test", "podinfo"),
    }
    service = it.objects[ObjectRef("Service", "test", "podinfo")]
    assert service["spec"]["selector"] == {"app": "podinfo"}, "clients still call it"


def test_deleting_in_the_foreground_takes_nothing_away_before_the_target_serves() -> None:
    it = initialized()
    before = {ref: obj["metadata"]["uid"] for ref, obj in it.objects.items()}
    it.delete(foreground=True)
    assert {ref: obj["metadata"]["uid"] for ref, obj in it.objects.items()} == before
    it.settle()
    assert it.routed == (0, 100)
    it.run(22)
    assert it.canary_object is None
    assert {ref.name for ref in it.objects} == {"podinfo"}


def test_what_a_deletion_in_the_foreground_left_to_the_target_goes_with_the_canary() -> None:
    it = initialized()
    it.delete()
    it.settle()
    it.run(11)
    assert it.in_phase(Phase.TERMINATED)
    primary = copy.deepcopy(it.deployment("podinfo-primary"))
    target = it.deployment("podinfo")["metadata"]
    owner = {"kind": "Deployment", "name": "podinfo", "uid": target["uid"]}
    primary["metadata"]["ownerReferences"] = [owner]
    it.put(primary)
    it.run(22)
    assert it.canary_object is None
    assert {ref.name for ref in it.objects} == {"podinfo"}


def test_a_deletion_waits_for_a_target_that_is_not_ready() -> None:
    it = initialized()
    it.unready = {"1.0.1"}
    it.release("1.0.1")
    it.settle()
    it.delete()
    it.run(3600)
    assert it.canary_object is not None
    assert it.routed == (100, 0)
    assert "waiting for Deployment podinfo" in it.message


def test_deleting_canary_and_target_together_hangs_on_nothing() -> None:
    it = initialized()
    it.remove("Deployment", "podinfo")
    it.delete()
    it.run(1)
    assert it.canary_object is None
    assert not it.objects, "nothing is left that leads nowhere"


def test_a_service_that_stayed_belongs_to_the_next_canary() -> None:
    it = initialized()
    it.delete()
    it.run(30)
    again = world()
    for obj in it.objects.values():
        again.put(obj)
    again.run(20)
    service = again.objects[ObjectRef("Service", "test", "podinfo")]
    owners = [owner["kind"] for owner in service["metadata"]["ownerReferences"]]
    assert sorted(owners) == ["Canary", "Deployment"]


def test_objects_that_were_there_before_are_given_back_as_they_were() -> None:
    it = world(service={"port": 80, "targetPort": 9898, "hosts": ["podinfo.example.com"]})
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "podinfo", "namespace": "test", "labels": {"team": "a"}},
        "spec": {"selector": {"app": "podinfo"}, "ports": [{"name": "http", "port": 80}]},
    }
    routes = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "podinfo", "namespace": "test"},
        "spec": {
            "hosts": ["podinfo.example.com"],
            "http": [{"route": [{"destination": {"host": "podinfo"}}]}],
        },
    }
    it.put(service)
    it.put(routes)
    it.run(20)
    assert it.routed == (100, 0)
    it.delete()
    it.run(60)
    assert it.canary_object is None
    for original in (service, routes):
        live = it.objects[ObjectRef(str(original["kind"]), "test", "podinfo")]
        assert live["spec"] == original["spec"]
        assert not live["metadata"].get("annotations")
        assert not live["metadata"].get("ownerReferences")


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        pytest.param(None, "Initialized", id="before the first release"),
        pytest.param("2.0.0", "Promoted", id="after a promotion"),
        pytest.param("2.0.0-bad", "AnalysisFailed", id="after a rollback"),
    ],
)
def test_after_a_suspension_the_conditions_tell_of_the_last_release_again(
    tag: str | None, reason: str
) -> None:
    it = initialized()
    if tag:
        it.release(tag)
        it.run_until(Phase.SUCCEEDED, Phase.FAILED)
        it.run(60)
    before = it.condition("Progressing")
    it.edit(suspend=True)
    it.settle()
    assert it.condition("Progressing").reason == "Suspended"
    it.edit(suspend=False)
    it.settle()
    after = it.condition("Progressing")
    assert (after.reason, after.message) == (reason, before.message)


def test_a_deletion_that_waits_for_pods_too_long_says_so_and_how_to_let_go() -> None:
    it = initialized(progressDeadlineSeconds=60)
    it.unready = {"1.0.1"}
    it.release("1.0.1")
    it.settle()
    it.delete()
    it.run(30)
    assert it.condition("Stalled").status == "False"
    it.run(60)
    stalled = it.condition("Stalled")
    assert (stalled.status, stalled.reason) == ("True", "ProgressDeadlineExceeded")
    assert "kubectl patch canaries.linnet.dev podinfo --namespace test" in stalled.message
    assert it.reasons.count("ProgressDeadlineExceeded") == 1
    it.unready = set()
    it.pods_changed()
    it.run(60)
    assert it.canary_object is None


def test_a_target_that_breaks_in_a_deletion_gives_the_traffic_back_to_the_primary() -> None:
    it = initialized()
    it.delete()
    it.run(1)
    assert it.routed == (0, 100)
    it.unready = {"1.0.0"}
    it.objects[ObjectRef("Deployment", "test", "podinfo")]["spec"]["template"]["spec"][
        "containers"
    ][0]["image"] = "podinfo:broken"
    it.unready = {"broken"}
    it.pods_changed()
    it.run(1)
    assert it.routed == (100, 0)
    it.unready = set()
    it.pods_changed()
    it.run(60)
    assert it.canary_object is None
    assert "podinfo-primary" not in {ref.name for ref in it.objects}


@pytest.mark.parametrize("kind", ["VirtualService", "DestinationRule"])
def test_a_kind_that_is_gone_keeps_no_canary(kind: str) -> None:
    it = initialized()
    for ref in [ref for ref in it.objects if ref.kind == kind]:
        del it.objects[ref]
    it.delete()
    it.refuses = {kind}
    it.run(60)
    assert it.canary_object is None
    assert it.deployment("podinfo")["spec"]["replicas"] == 2


def test_proxies_get_their_time_however_late_the_routes_are_given_back() -> None:
    it = initialized()
    it.delete()
    it.run(1)
    it.refuses = {"VirtualService"}
    it.run(300)
    assert it.in_phase(Phase.TERMINATED)
    it.refuses = set()
    it.settle()
    assert it.routed is None
    assert "podinfo-primary" in {ref.name for ref in it.objects}
    it.run(9)
    assert it.canary_object is not None
    it.run(2)
    assert it.canary_object is None


def test_a_service_that_could_not_be_written_in_time_leads_to_the_target_in_the_end() -> None:
    it = initialized()
    it.refuses = {"Service"}
    it.delete()
    it.run(300)
    it.refuses = set()
    it.run(60)
    assert it.canary_object is None
    service = it.objects[ObjectRef("Service", "test", "podinfo")]
    assert service["spec"]["selector"] == {"app": "podinfo"}


def test_a_note_that_is_unreadable_is_told_when_the_canary_is_deleted() -> None:
    it = world()
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "podinfo", "namespace": "test"},
        "spec": {"selector": {"app": "podinfo"}, "ports": [{"name": "http", "port": 80}]},
    }
    it.put(service)
    it.run(60)
    note = "linnet.dev/original"
    live = copy.deepcopy(it.objects[ObjectRef("Service", "test", "podinfo")])
    before = live["metadata"]["annotations"][note]
    live["metadata"]["annotations"][note] = "{"
    it.put(live)
    it.delete()
    it.run(60)
    stalled = it.condition("Stalled")
    assert (stalled.status, stalled.reason) == ("True", "OriginalLost")
    assert "kubectl patch" in stalled.message
    live = copy.deepcopy(it.objects[ObjectRef("Service", "test", "podinfo")])
    live["metadata"]["annotations"][note] = before
    it.put(live)
    it.run(60)
    assert it.canary_object is None


def test_a_gateway_is_told_of_the_target_before_requests_go_there_by_themselves() -> None:
    it = initialized()
    it.refuses = {"VirtualService"}
    it.delete()
    it.run(100)
    assert it.in_phase(Phase.TERMINATING)
    assert it.message == "waiting for the routes to be written"
    settled = it.status
    it.run(100)
    assert it.status == settled, "nothing is written again and again"
    it.refuses = set()
    it.settle()
    assert it.routed == (0, 100)
    it.run(9)
    assert it.routed == (0, 100)
    it.run(12)
    assert it.canary_object is None


def test_routes_that_cannot_be_written_keep_a_deletion_only_until_the_deadline() -> None:
    it = initialized(progressDeadlineSeconds=60)
    it.refuses = {"VirtualService"}
    it.delete()
    it.run(100)
    assert it.in_phase(Phase.TERMINATED)
    it.refuses = set()
    it.run(20)
    assert it.canary_object is None


@pytest.mark.parametrize("kind", ["VirtualService", "Service"])
def test_a_deletion_in_the_foreground_gives_back_what_it_could_not_claim_in_time(kind: str) -> None:
    it = initialized(progressDeadlineSeconds=60)
    it.delete(foreground=True)
    it.refuses = {kind}
    it.run(120)
    assert it.canary_object is not None
    it.refuses = set()
    it.run(60)
    assert it.canary_object is None
    assert {ref.name for ref in it.objects} == {"podinfo"}
    assert it.routed is None
    service = it.objects[ObjectRef("Service", "test", "podinfo")]
    assert service["spec"]["selector"] == {"app": "podinfo"}
