"""Requests on a real API server: by whatever means they come, each is handled once."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from integration.kubectl import apply, kubectl
from integration.operator_lab import Lab, canary, deployment
from linnet.api.names import REQUEST_ANNOTATION
from linnet.api.status import CanaryStatus, Phase, RequestRecord
from linnet.engine import decide
from linnet.engine.decision import Decision, RemoveAnnotation
from linnet.errors import ConflictError
from linnet.workload.deployment import read

pytestmark = pytest.mark.usefixtures("crds")

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
APPLIED_BEFORE: dict[str, Any] = {"metadata": {"annotations": {}}}


class Desk:
    """A release under way, and linnet looking at it when told to."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    async def begin(self) -> None:
        """Put the Canary into mid-run."""
        target = await self.lab.create(deployment(self.lab.namespace))
        self.revision = read(target).revision
        await self.lab.create(self.manifest())
        status = CanaryStatus(
            phase=Phase.PROGRESSING, revision=self.revision, promoted_revision="0"
        )
        await self.lab.cluster.write_status(self.lab.canary(), status)

    def manifest(self, request: str | None = None) -> dict[str, Any]:
        """Return the Canary as somebody would apply it."""
        obj = canary(self.lab.namespace)
        if request is not None:
            obj["metadata"]["annotations"] = {REQUEST_ANNOTATION: request}
        return obj

    def text(self, verb: str) -> str:
        """Return a request for the revision under analysis."""
        return f"{verb} @{self.revision}"

    async def click(self, text: str) -> None:
        """Ask for something as Argo CD's API server does: by a merge patch."""
        await self.lab.change("Canary", {"metadata": {"annotations": {REQUEST_ANNOTATION: text}}})

    async def decided(self) -> Decision:
        """See what there is, and write down what is to be done."""
        self.lab.cache.put(await self.lab.read("Canary"))
        observed = self.lab.observe()
        self.seen = observed.canary
        # What else follows from a decision is not what these tests are about.
        decision = decide(observed.canary, observed.observation, datetime.now(UTC))
        if decision.status != observed.canary.status:
            await self.lab.cluster.write_status(observed.canary, decision.status)
        return decision

    async def carried_out(self, decision: Decision) -> None:
        """Do what was decided, as far as it concerns the annotation."""
        for action in decision.actions:
            if isinstance(action, RemoveAnnotation):
                await self.lab.cluster.carry_out(self.seen, action)

    async def look(self) -> None:
        """Observe, decide, apply, until there is nothing more to write."""
        for _ in range(4):
            await self.carried_out(await self.decided())

    async def annotation(self) -> str | None:
        """Return the request as it is in the API server."""
        live = await self.lab.read("Canary")
        text: str | None = (live["metadata"].get("annotations") or {}).get(REQUEST_ANNOTATION)
        return text

    async def record(self) -> RequestRecord:
        """Return what the API server has of the last request."""
        status = CanaryStatus.from_object((await self.lab.read("Canary"))["status"])
        assert status.request is not None
        return status.request


@pytest.fixture
async def desk(namespace: str) -> AsyncIterator[Desk]:
    """A desk with a Canary in mid-run, anew for each test."""
    lab = await Lab.open(namespace)
    desk = Desk(lab)
    await desk.begin()
    yield desk
    await lab.change("Canary", {"metadata": {"finalizers": None}})
    for kind in ("Canary", "Deployment"):
        await lab.delete(kind)
    await lab.connection.close()


def annotate(desk: Desk, text: str) -> None:
    """Ask for something with kubectl."""
    where = ("--namespace", desk.lab.namespace)
    kubectl("annotate", "--overwrite", "canary", "web", f"{REQUEST_ANNOTATION}={text}", *where)


async def test_a_merge_patch_is_handled_and_taken_away(desk: Desk) -> None:
    await desk.click(desk.text("pause"))
    await desk.look()
    assert await desk.annotation() is None
    record = await desk.record()
    assert (record.text, record.accepted, record.present) == (desk.text("pause"), True, False)


async def test_kubectl_annotate_is_handled_and_taken_away(desk: Desk) -> None:
    annotate(desk, desk.text("pause"))
    await desk.look()
    assert await desk.annotation() is None
    assert (await desk.record()).accepted


async def test_the_same_click_can_be_made_again(desk: Desk) -> None:
    for text in (desk.text("pause"), desk.text("resume"), desk.text("pause")):
        await desk.click(text)
        await desk.look()
        record = await desk.record()
        assert (record.text, record.accepted) == (text, True)


async def test_a_kill_between_status_and_annotation_does_nothing_twice(desk: Desk) -> None:
    await desk.click(desk.text("pause"))
    await desk.decided()  # and here it is killed
    first = await desk.record()
    await desk.look()
    again = await desk.record()
    assert (again.time, again.accepted) == (first.time, True)
    assert await desk.annotation() is None


async def test_a_click_in_that_very_moment_is_not_lost(desk: Desk) -> None:
    await desk.click(desk.text("pause"))
    decision = await desk.decided()
    await desk.click(desk.text("abort"))
    with pytest.raises(ConflictError):
        await desk.carried_out(decision)
    assert await desk.annotation() == desk.text("abort")
    await desk.look()
    record = await desk.record()
    assert (record.text, record.accepted) == (desk.text("abort"), True)
    assert await desk.annotation() is None


async def test_somebody_who_takes_the_annotation_away_first_is_no_problem(desk: Desk) -> None:
    await desk.click(desk.text("pause"))
    decision = await desk.decided()
    await desk.lab.change("Canary", {"metadata": {"annotations": None}})
    with pytest.raises(ConflictError):
        await desk.carried_out(decision)
    await desk.look()
    assert not (await desk.record()).present


@pytest.mark.parametrize("how", ["client-side", "server-side"])
async def test_a_request_in_a_manifest_stays_however_often_it_is_applied(
    desk: Desk, how: str
) -> None:
    def applied(request: str | None) -> None:
        if how == "server-side":
            apply([desk.manifest(request)])
        else:
            kubectl("apply", "--filename=-", stdin=json.dumps(desk.manifest(request)))

    if how == "client-side":  # which first has to take over what the desk created
        where = ("--namespace", desk.lab.namespace)
        kubectl("annotate", "canary", "web", *where, f"{LAST_APPLIED}={json.dumps(APPLIED_BEFORE)}")
    applied(desk.text("pause"))
    await desk.look()
    first = await desk.record()
    assert (first.text, first.accepted) == (desk.text("pause"), True)
    assert await desk.annotation() == desk.text("pause"), "it is not fought over"
    applied(desk.text("pause"))
    await desk.look()
    assert (await desk.record()).time == first.time
    await desk.click(desk.text("resume"))
    await desk.look()
    assert await desk.annotation() is None
    assert (await desk.record()).text == desk.text("resume")
    applied(desk.text("pause"))  # as a sync from Git does
    await desk.look()
    assert await desk.annotation() == desk.text("pause")
    assert (await desk.record()).text == desk.text("resume"), (
        "what was committed once is not done twice"
    )
    applied(None)
    await desk.look()
    assert await desk.annotation() is None


async def linnet(desk: Desk, *arguments: str) -> tuple[int, str]:
    """Run the command line while linnet looks again and again; return its exit code and output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "linnet", *arguments, "--namespace", desk.lab.namespace),
        env={"KUBECONFIG": os.environ["KUBECONFIG"], "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = asyncio.create_task(process.communicate())
    while not output.done():
        with suppress(ConflictError):  # the command line was faster: look again
            await desk.look()
        await asyncio.wait([output], timeout=0.05)
    said, _ = output.result()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_the_command_line_asks_and_tells_what_was_done(desk: Desk) -> None:
    code, said = await linnet(desk, "pause", "web")
    assert (code, said) == (
        0,
        f"web, revision {desk.revision}: holding at weight 0: a request paused it\n",
    )
    assert (await desk.record()).text == desk.text("pause")


async def test_the_command_line_tells_why_it_was_refused(desk: Desk) -> None:
    code, said = await linnet(desk, "resume", "web")
    assert code == 1
    assert "no request has paused it" in said


async def test_the_command_line_can_name_the_revision_that_is_meant(desk: Desk) -> None:
    code, said = await linnet(desk, "abort", "web", "--revision", "0123456789")
    assert code == 1
    assert f"it is for revision 0123456789, and the newest is {desk.revision}" in said


async def test_the_command_line_says_which_canary_does_not_exist(desk: Desk) -> None:
    code, said = await linnet(desk, "abort", "wep")
    assert code == 1
    assert "wep" in said
    assert "linnet status -A" in said
