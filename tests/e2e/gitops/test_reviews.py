"""The article's manifests as they stand: Git owns the routes and both Deployments."""

import json
import time

import aiohttp

from cluster.local import Cluster
from e2e.backend import Backend
from e2e.cost import Report
from e2e.gitops.reviews import CANARY, CATALOGUE, NAMESPACE, ROUTES, STAND_IN, Reviews
from e2e.test_release import LEARNING, within_binomial
from linnet.api.objects import ObjectRef

ROUTE_AND_TIMEOUT = """\
  http:
  - name: archive
    match:
    - uri:
        prefix: /archive
    route:
    - destination:
        host: reviews
        subset: v1
  - timeout: 7s
    route:
"""


async def test_subsets_go_from_90_10_to_0_100_and_back_by_commits_only(
    reviews: Reviews, report: Report
) -> None:
    """A release and its handover; a commit that changes the routes in between.

    Then another release, and in the middle of it a commit that removes the Canary.
    """
    await reviews.deploy(interval="5s")
    async with reviews.routes() as routes:
        await reviews.serving("1.0.0", "2.0.0")
        async with reviews.traffic() as load, reviews.traffic(path="/archive") as archive:
            await reviews.weight(25)
            await reviews.commit(
                "A route and a timeout",
                ("production/virtualservice.yaml", "  http:\n  - route:\n", ROUTE_AND_TIMEOUT),
            )
            live = await reviews.api.get(ROUTES)
            waiting = await reviews.waiting_for_primary()
            await reviews.weight(100)
            archived = await archive.more(50)
            await reviews.set_version(1, "1.0.0", "2.0.0")
            await reviews.phase("Succeeded")
            await reviews.weight(0)
            await reviews.application.healthy()
            await load.more(50)
            released = routes.spans
            await reviews.set_version(2, "2.0.0", "3.0.0")
            await reviews.weight(25)
            await reviews.remove_canary()
            await load.more(50)
    assert [span.weights for span in released] == [
        *((90, 10), (75, 25), (50, 50), (25, 75), (0, 100), (100, 0))
    ]
    # Given back, all of it to the primary; from then on Git's own weights hold.
    assert routes.weights[-2:] == [(100, 0), (90, 10)]
    assert live is not None
    assert live["spec"]["http"][0]["name"] == "archive"
    assert live["spec"]["http"][1]["timeout"] == "7s"
    assert waiting.endswith(
        "change Deployment reviews-v1: set image of container reviews to"
        " registry.example.com/reviews:2.0.0"
    )
    for each in (load, archive):
        assert each.counts().failed == 0, each.failed()[:5]
    for span in released[1:-1]:
        requests = load.between(span.since + LEARNING, span.until)
        new, weight = requests.by_version()["2.0.0"], span.weights[1]
        print(f"weight {weight}: {new} of {len(requests)} requests")
        assert within_binomial(new, len(requests), weight)
    assert archived.by_version() == {"1.0.0": 50}
    await reviews.application.agreed(report)
    assert reviews.application.record.healths <= {
        "Missing",  # before the first sync
        "Progressing",
        "Suspended",  # waits for a commit
        "Healthy",
    }


async def test_a_bad_version_goes_back_to_100_0_and_its_revert_makes_all_well(
    reviews: Reviews, report: Report
) -> None:
    await reviews.deploy(versions=("1.0.0", "1.0.0"))
    await reviews.phase("Initialized")
    async with reviews.routes() as routes:
        await reviews.weight(0)
        await reviews.serving()
        async with reviews.traffic() as load:
            await reviews.set_version(2, "1.0.0", "2.0.0-errors-100")
            await reviews.phase("Failed")
            await reviews.weight(0)
            back = time.time() + LEARNING
            await reviews.application.shows(lambda seen: seen.health == "Degraded", "Degraded")
            await reviews.revert()
            await reviews.phase("Succeeded")
            await reviews.application.healthy()
            await load.more(50)
    assert routes.weights in ([(100, 0), (90, 10), (100, 0)], [(90, 10), (100, 0)] * 2)
    assert {request.version for request in load.failed()} <= {"2.0.0-errors-100"}
    assert load.between(back).counts().failed == 0
    await reviews.application.agreed(report)


async def test_routes_by_path_telemetry_and_the_rest_hold(
    reviews: Reviews, backend: Backend, report: Report
) -> None:
    commit = await reviews.deploy(versions=("1.0.0", "1.0.0"))
    await reviews.serving()
    await reviews.serving("2.0.0", namespace=CATALOGUE, path="/wpcatalog/7")
    async with reviews.traffic(namespace=CATALOGUE, path="/wpcatalog/7") as load:
        assert (await load.more(20)).by_version() == {"2.0.0": 20}
    log = Cluster.current().folder.access_log("caller").read_text(encoding="utf-8")
    paths = {
        entry["path"]
        for entry in map(json.loads, log.splitlines())
        if entry["authority"].startswith(f"reviews.{CATALOGUE}.")
    }
    assert "/newcatalog/7" in paths, paths

    selector = f'{{reporter="destination",destination_workload_namespace="{NAMESPACE}"}}'
    url = f"{backend.prometheus}/api/v1/series?match[]=istio_requests_total{selector}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        series = (await answer.json())["data"]
    assert series
    assert all("source_app" not in labels and "destination_app" not in labels for labels in series)

    mesh = reviews.application_of("istio-system")
    await mesh.synced(commit, "Healthy")
    for ref in (
        STAND_IN,
        ObjectRef("PeerAuthentication", NAMESPACE, "default"),
        CANARY,
    ):
        assert await reviews.api.get(ref) is not None, ref
    root = reviews.application_of("reviews-root")
    await root.synced(commit)
    await reviews.application.agreed(report)
    for application in (root, mesh, reviews.catalogue):
        application.record.check()
