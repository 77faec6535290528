"""Writes to a real API server: fenced, seen at once, and clear about what went wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.forwarder import Forwarder
from integration.operator_lab import Lab, canary, deployment, kubeconfig, service
from linnet.adapters.connection import Connection
from linnet.adapters.kinds import KINDS
from linnet.api.names import FINALIZER
from linnet.api.status import CanaryStatus, Phase
from linnet.engine.decision import Create, Delete, Event, Replace, Scale, SetFinalizers
from linnet.errors import ConflictError, SpecError, UnavailableError

pytestmark = pytest.mark.usefixtures("crds")


@pytest.fixture
async def lab(namespace: str) -> AsyncIterator[Lab]:
    """An adapter whose Canary `web` exists, anew for each test."""
    lab = await Lab.open(namespace)
    await lab.create(canary(namespace))
    yield lab
    for kind in ("Canary", "Deployment", "Service"):
        for ref in lab.cache.refs(KINDS[kind]):
            if kind == "Canary":
                await lab.change(kind, {"metadata": {"finalizers": None}}, ref.name)
            await lab.delete(kind, ref.name)
    await lab.connection.close()


class TestCreating:
    async def test_is_seen_at_once(self, lab: Lab) -> None:
        create = Create(lab.ref("Service"), service(lab.namespace))
        await lab.cluster.carry_out(lab.canary(), create)
        assert lab.ref("Service") in lab.observe().observation.objects

    async def test_does_not_take_over_what_somebody_created_meanwhile(self, lab: Lab) -> None:
        await lab.create(service(lab.namespace, port=8080), seen=False)
        create = Create(lab.ref("Service"), service(lab.namespace, port=80))
        with pytest.raises(ConflictError):
            await lab.cluster.carry_out(lab.canary(), create)
        assert (await lab.read("Service"))["spec"]["ports"][0]["port"] == 8080
        seen = lab.observe().observation.objects[lab.ref("Service")]
        assert seen["spec"]["ports"][0]["port"] == 8080, "the next look knows of it"

    async def test_that_is_refused_says_so_in_the_api_servers_words(self, lab: Lab) -> None:
        create = Create(lab.ref("Service"), service(lab.namespace, port=0))
        with pytest.raises(SpecError, match=r"spec\.ports\[0\]\.port") as refusal:
            await lab.cluster.carry_out(lab.canary(), create)
        assert refusal.value.reason == "Refused"

    async def test_of_a_kind_that_is_not_installed_says_what_to_do(self, lab: Lab) -> None:
        del lab.versions[KINDS["VirtualService"]]
        create = Create(lab.ref("VirtualService"), {"kind": "VirtualService", "metadata": {}})
        with pytest.raises(SpecError, match="install Istio") as refusal:
            await lab.cluster.carry_out(lab.canary(), create)
        assert refusal.value.reason == "NotInstalled"


class TestReplacing:
    async def test_is_seen_at_once(self, lab: Lab) -> None:
        live = await lab.create(service(lab.namespace))
        live["spec"]["selector"] = {"app": "new"}
        await lab.cluster.carry_out(lab.canary(), Replace(lab.ref("Service"), live))
        seen = lab.observe().observation.objects[lab.ref("Service")]
        assert seen["spec"]["selector"] == {"app": "new"}
        assert seen == {k: v for k, v in (await lab.read("Service")).items() if k != "metadata"} | {
            "metadata": seen["metadata"]
        }

    async def test_is_refused_when_the_object_has_changed_and_then_seen_as_it_is(
        self, lab: Lab
    ) -> None:
        stale = await lab.create(service(lab.namespace))
        await lab.change("Service", {"spec": {"selector": {"app": "theirs"}}})
        with pytest.raises(ConflictError):
            await lab.cluster.carry_out(lab.canary(), Replace(lab.ref("Service"), stale))
        assert lab.live("Service")["spec"]["selector"] == {"app": "theirs"}

    async def test_of_what_is_gone_is_a_conflict_and_then_seen_as_gone(self, lab: Lab) -> None:
        stale = await lab.create(service(lab.namespace))
        await lab.delete("Service")
        with pytest.raises(ConflictError):
            await lab.cluster.carry_out(lab.canary(), Replace(lab.ref("Service"), stale))
        assert lab.ref("Service") not in lab.observe().observation.objects


class TestPlans:
    """Several writes to one object, decided on together."""

    async def test_a_write_follows_the_one_before_it(self, lab: Lab) -> None:
        live = await lab.create(service(lab.namespace))
        canary = lab.canary()
        for app in ("first", "second"):
            desired = {**live, "spec": {**live["spec"], "selector": {"app": app}}}
            await lab.cluster.carry_out(canary, Replace(lab.ref("Service"), desired))
        assert (await lab.read("Service"))["spec"]["selector"] == {"app": "second"}

    async def test_but_not_what_somebody_else_did_in_between(self, lab: Lab) -> None:
        live = await lab.create(service(lab.namespace))
        canary = lab.canary()
        desired = {**live, "spec": {**live["spec"], "selector": {"app": "ours"}}}
        await lab.cluster.carry_out(canary, Replace(lab.ref("Service"), desired))
        await lab.change("Service", {"spec": {"selector": {"app": "theirs"}}})
        with pytest.raises(ConflictError):
            await lab.cluster.carry_out(canary, Replace(lab.ref("Service"), live))

    async def test_nor_what_an_earlier_plan_wrote(self, lab: Lab) -> None:
        live = await lab.create(service(lab.namespace))
        desired = {**live, "spec": {**live["spec"], "selector": {"app": "ours"}}}
        await lab.cluster.carry_out(lab.canary(), Replace(lab.ref("Service"), desired))
        with pytest.raises(ConflictError):
            await lab.cluster.carry_out(lab.canary(), Replace(lab.ref("Service"), live))


class TestScaling:
    async def scale(self, lab: Lab, replicas: int) -> dict[str, Any]:
        """Scale Deployment web as a reconcile does; return it as it was before.

        The Deployment's own controller may write to it at any time, which is a conflict.
        """
        while True:
            before = lab.live("Deployment")
            version = before["metadata"]["resourceVersion"]
            with suppress(ConflictError):
                await lab.cluster.carry_out(
                    lab.canary(), Scale(lab.ref("Deployment"), replicas, version)
                )
                return before

    async def test_is_seen_at_once_as_a_change_that_is_yet_to_be_rolled_out(self, lab: Lab) -> None:
        await lab.create(deployment(lab.namespace))
        before = await self.scale(lab, 3)
        after = lab.live("Deployment")
        assert after["spec"]["replicas"] == 3
        assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1

    async def test_is_refused_when_the_workload_has_changed(self, lab: Lab) -> None:
        before = await lab.create(deployment(lab.namespace))
        await lab.change("Deployment", {"spec": {"replicas": 7}})
        scale = Scale(lab.ref("Deployment"), 3, before["metadata"]["resourceVersion"])
        with pytest.raises(ConflictError):
            await lab.cluster.carry_out(lab.canary(), scale)
        assert lab.live("Deployment")["spec"]["replicas"] == 7


class TestStatus:
    STATUS = CanaryStatus(phase=Phase.PROGRESSING, canary_weight=10, revision="abc")

    async def test_is_seen_at_once(self, lab: Lab) -> None:
        await lab.cluster.write_status(lab.canary(), self.STATUS)
        assert lab.canary().status == self.STATUS

    async def test_loses_the_fields_that_it_has_no_more(self, lab: Lab) -> None:
        await lab.cluster.write_status(lab.canary(), self.STATUS)
        rest = self.STATUS.model_copy(update={"revision": None})
        await lab.cluster.write_status(lab.canary(), rest)
        assert "revision" not in (await lab.read("Canary"))["status"]

    async def test_leaves_the_spec_alone(self, lab: Lab) -> None:
        before = (await lab.read("Canary"))["spec"]
        await lab.cluster.write_status(lab.canary(), self.STATUS)
        assert (await lab.read("Canary"))["spec"] == before

    async def test_is_refused_when_the_canary_has_changed(self, lab: Lab) -> None:
        decided_on = lab.canary()
        await lab.change("Canary", {"spec": {"paused": True}})
        with pytest.raises(ConflictError):
            await lab.cluster.write_status(decided_on, self.STATUS)
        assert "phase" not in ((await lab.read("Canary")).get("status") or {})
        assert lab.canary().spec.paused, "the next look knows of it"

    async def test_of_a_canary_that_is_gone_is_a_conflict_and_then_seen_as_gone(
        self, lab: Lab
    ) -> None:
        decided_on = lab.canary()
        await lab.delete("Canary")
        with pytest.raises(ConflictError):
            await lab.cluster.write_status(decided_on, self.STATUS)
        assert lab.cluster.observe(lab.ref("Canary")) is None

    async def test_can_be_followed_by_the_finalizer_in_one_pass(self, lab: Lab) -> None:
        canary = lab.canary()
        await lab.cluster.write_status(canary, self.STATUS)
        claim = SetFinalizers(canary.ref, (FINALIZER,), canary.resource_version)
        await lab.cluster.carry_out(canary, claim)
        assert lab.canary().finalizers == (FINALIZER,)


class TestDeleting:
    async def test_is_seen_at_once(self, lab: Lab) -> None:
        live = await lab.create(service(lab.namespace))
        await lab.cluster.carry_out(
            lab.canary(), Delete(lab.ref("Service"), live["metadata"]["uid"])
        )
        assert lab.ref("Service") not in lab.observe().observation.objects

    async def test_spares_an_object_that_was_made_anew_under_the_name(self, lab: Lab) -> None:
        live = await lab.create(service(lab.namespace))
        await lab.delete("Service")
        await lab.create(service(lab.namespace), seen=False)
        with pytest.raises(ConflictError):
            await lab.cluster.carry_out(
                lab.canary(), Delete(lab.ref("Service"), live["metadata"]["uid"])
            )
        await lab.read("Service")

    async def test_twice_does_no_harm(self, lab: Lab) -> None:
        live = await lab.create(service(lab.namespace))
        delete = Delete(lab.ref("Service"), live["metadata"]["uid"])
        await lab.cluster.carry_out(lab.canary(), delete)
        await lab.cluster.carry_out(lab.canary(), delete)


class TestEvents:
    async def test_are_posted_on_the_canary(self, lab: Lab) -> None:
        posting = asyncio.create_task(lab.events.run())
        canary = lab.canary()
        await lab.cluster.post(canary, Event("Warning", "CheckFailed", "too many errors " * 100))
        await lab.events.drain(60)
        posting.cancel()
        path = f"/apis/events.k8s.io/v1/namespaces/{lab.namespace}/events"
        events = (await lab.connection.request("GET", path, "the lab"))["items"]
        (event,) = [e for e in events if e["regarding"].get("uid") == canary.uid]
        assert (event["type"], event["reason"]) == ("Warning", "CheckFailed")
        assert event["note"].startswith("too many errors")

    async def test_that_are_refused_neither_raise_nor_stop_the_rest(self, lab: Lab) -> None:
        posting = asyncio.create_task(lab.events.run())
        husk = lab.canary()
        elsewhere = husk.metadata.model_copy(update={"namespace": "linnet-no-such-namespace"})
        await lab.cluster.post(
            husk.model_copy(update={"metadata": elsewhere}), Event("Normal", "A", "")
        )
        await lab.cluster.post(husk, Event("Normal", "Told", "after all"))
        await lab.events.drain(60)
        posting.cancel()
        path = f"/apis/events.k8s.io/v1/namespaces/{lab.namespace}/events"
        events = (await lab.connection.request("GET", path, "the lab"))["items"]
        assert "Told" in [e["reason"] for e in events]


class TestPermissions:
    async def test_a_missing_one_is_named(self, lab: Lab, tmp_path: Path) -> None:
        account = {"metadata": {"name": "nobody", "namespace": lab.namespace}}
        accounts = f"/api/v1/namespaces/{lab.namespace}/serviceaccounts"
        await lab.connection.request("POST", accounts, "the lab", body=account)
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        answer = await lab.connection.request(
            "POST", f"{accounts}/nobody/token", "the lab", body=request
        )
        config = yaml.safe_load(kubeconfig().read_text(encoding="utf-8"))
        for user in config["users"]:
            user["user"] = {"token": answer["status"]["token"]}
        file = tmp_path / "kubeconfig"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        seen = lab.canary()
        await lab.cluster.write_status(seen, seen.status)
        lab.cluster._connection = nobody = await Connection.open(str(file))  # noqa: SLF001
        try:
            with pytest.raises(SpecError, match=r'cannot create resource "services"') as refusal:
                await lab.cluster.carry_out(
                    lab.canary(), Create(lab.ref("Service"), service(lab.namespace))
                )
        finally:
            await nobody.close()
        assert refusal.value.reason == "Forbidden"


class TestLeadership:
    async def test_without_it_nothing_is_sent(self, lab: Lab) -> None:
        lab.time_left = 0
        with pytest.raises(UnavailableError, match="does not lead"):
            await lab.cluster.write_status(lab.canary(), TestStatus.STATUS)
        assert "phase" not in ((await lab.read("Canary")).get("status") or {})


class TestOutages:
    @pytest.fixture
    async def forwarder(self) -> AsyncIterator[Forwarder]:
        forwarder = Forwarder(str(kubeconfig()))
        await forwarder.start()
        yield forwarder
        await forwarder.stop()

    @pytest.fixture
    async def far(self, lab: Lab, forwarder: Forwarder, tmp_path: Path) -> AsyncIterator[Lab]:
        """A second adapter on the same Canary, behind the forwarder."""
        far = await Lab.open(lab.namespace, forwarder.kubeconfig(tmp_path))
        far.cache.put(await lab.read("Canary"))
        yield far
        await far.connection.close()

    async def test_a_refused_connection_is_said_to_be_one(
        self, far: Lab, forwarder: Forwarder
    ) -> None:
        await forwarder.refuse()
        with pytest.raises(UnavailableError, match="out of reach"):
            await far.cluster.write_status(far.canary(), TestStatus.STATUS)

    async def test_silence_lasts_no_longer_than_leadership(
        self, far: Lab, forwarder: Forwarder
    ) -> None:
        forwarder.flowing.clear()
        far.time_left = 0.3
        with pytest.raises(UnavailableError, match=r"did not answer PUT within 0\.3 s"):
            await far.cluster.write_status(far.canary(), TestStatus.STATUS)

    async def test_it_goes_on_when_the_api_server_is_back(
        self, far: Lab, forwarder: Forwarder
    ) -> None:
        await far.cluster.write_status(far.canary(), TestStatus.STATUS)
        await forwarder.refuse()
        with pytest.raises(UnavailableError):
            await far.cluster.write_status(far.canary(), CanaryStatus(phase=Phase.FAILED))
        await forwarder.start()
        await far.cluster.write_status(far.canary(), CanaryStatus(phase=Phase.FAILED))
        assert far.canary().status.phase is Phase.FAILED

    async def test_a_write_whose_answer_was_lost_is_found_out_by_its_repetition(
        self, lab: Lab, far: Lab
    ) -> None:
        await lab.cluster.write_status(lab.canary(), TestStatus.STATUS)  # which `far` does not hear
        with pytest.raises(ConflictError):
            await far.cluster.write_status(far.canary(), TestStatus.STATUS)
        assert far.canary().status == TestStatus.STATUS
