"""Managed mode: Git has the app and its Canary, and linnet makes the rest."""

import time

from e2e.cost import Report
from e2e.gitops.managed import CANARY, ManagedApp
from e2e.test_release import LEARNING

UNTIL_SYNCED = 30.0
"""Seconds within which Argo CD has brought a commit about (measured: 0.5 to 1)."""


async def test_a_commit_starts_a_release_that_is_promoted(managed: ManagedApp) -> None:
    await managed.deploy("1.0.0")
    began = time.time()
    async with managed.traffic() as load:
        await managed.release("2.0.0")
        await managed.phase("Succeeded")
        await managed.api.until(managed.ref("Deployment"), lambda d: d["spec"]["replicas"] == 0)
        await managed.application.healthy()
    assert managed.application.record.since(began).healths == {"Healthy", "Progressing"}
    assert load.counts().failed == 0, load.failed()[:5]
    assert set(load.by_version()) == {"1.0.0", "2.0.0"}
    managed.application.record.check()


async def test_a_bad_release_is_taken_back_and_its_revert_makes_all_well(
    managed: ManagedApp,
) -> None:
    await managed.deploy("1.0.0")
    async with managed.traffic() as load:
        await managed.release("2.0.0-errors-100")
        await managed.phase("Failed")
        await managed.weight(0)
        await managed.application.shows(lambda seen: seen.health == "Degraded", "Degraded")
        back = time.time() + LEARNING
        await managed.revert()
        await managed.phase("Succeeded")
        await managed.application.healthy()
        await load.more(50)
    mine = [request for request in load.failed() if request.version != "2.0.0-errors-100"]
    assert mine == []
    assert load.between(back).counts().failed == 0
    managed.application.record.check()


async def test_git_revert_in_mid_run_takes_all_traffic_back_at_once(managed: ManagedApp) -> None:
    await managed.deploy("1.0.0", analysis={"interval": "1m"})
    async with managed.traffic() as load:
        await managed.release("2.0.0")
        await managed.weight(20)
        await managed.revert()
        await managed.weight(0, within=UNTIL_SYNCED)
        learned = time.time() + LEARNING
        await managed.phase("Succeeded")
        await managed.application.healthy()
        await load.more(50)
    assert load.counts().failed == 0, load.failed()[:5]
    assert load.between(learned).by_version()["2.0.0"] == 0
    managed.application.record.check()


async def test_a_change_of_the_analysis_in_mid_run_holds_from_the_next_decision_on(
    managed: ManagedApp,
) -> None:
    await managed.deploy("1.0.0", analysis={"interval": "15s", "stepWeights": [20, 90]})
    async with managed.traffic() as load:
        await managed.release("2.0.0")
        await managed.weight(20)
        changed = managed.manifest(analysis={"interval": "5s", "stepWeights": [20, 35, 60]})
        await managed.application.synced(await managed.commit("Go slower", {CANARY: changed}))
        await managed.no_more(20)
        await managed.weight(35, within=3)
        await managed.phase("Succeeded")
        await managed.application.healthy()
    assert load.counts().failed == 0, load.failed()[:5]
    managed.application.record.check()


async def test_deleting_the_canary_from_git_brings_the_app_back_with_no_failed_request(
    managed: ManagedApp,
) -> None:
    await managed.deploy("1.0.0")
    routes = managed.routes()
    routes["metadata"] = {"name": "podinfo-public"}
    async with managed.mesh_traffic() as inside, managed.traffic() as outside:
        await managed.release("2.0.0")
        await managed.weight(20)
        # For the gateway, whose route is linnet's and goes with the Canary.
        await managed.application.synced(
            await managed.commit("A route of our own", {"routes.yaml": routes})
        )
        commit = await managed.commit("No canary any more", {CANARY: None})
        await managed.api.until_gone(managed.canary_ref)
        await managed.api.until_gone(managed.ref("Deployment", "-primary"))
        await managed.api.until_gone(managed.ref("Service", "-canary"))
        await managed.application.synced(commit, "Healthy")
        for load in (inside, outside):
            assert (await load.more(50)).by_version() == {"2.0.0": 50}
    for load in (inside, outside):
        assert load.counts().failed == 0, load.failed()[:5]
    managed.application.record.check()


async def test_nothing_that_linnet_made_is_argo_cds_to_compare_or_to_prune(
    managed: ManagedApp,
) -> None:
    await managed.deploy("1.0.0")
    commit = await managed.commit("Unrelated", {"README.md": "Nothing to apply."})
    await managed.application.synced(commit)
    application = await managed.api.get(managed.application.ref)
    assert application is not None
    resources = {(r["kind"], r["name"]) for r in application["status"]["resources"]}
    assert resources == {("Deployment", "podinfo"), ("Canary", "podinfo")}
    for kind, suffix in (
        ("Deployment", "-primary"),
        ("Service", ""),
        ("Service", "-primary"),
        ("VirtualService", ""),
        ("DestinationRule", "-canary"),
    ):
        assert await managed.api.get(managed.ref(kind, suffix)), f"{kind} podinfo{suffix}"
    managed.application.record.check()


async def test_replicas_in_git_stay_in_sync_and_size_the_primary(
    policies: None, managed: ManagedApp, report: Report
) -> None:
    await managed.deploy("1.0.0", replicas=2)
    async with managed.traffic() as load:
        await managed.release("2.0.0", replicas=3)
        await managed.phase("Succeeded")
        await managed.api.until(
            managed.ref("Deployment", "-primary"), lambda d: d["spec"]["replicas"] == 3
        )
        await managed.api.until(managed.ref("Deployment"), lambda d: d["spec"]["replicas"] == 0)
        await managed.application.healthy()
    assert load.counts().failed == 0, load.failed()[:5]
    await managed.application.agreed(report)
