"""What is amiss with a Canary, or with what is around it: each a sentence in this table."""

from typing import Any

import pytest

from linnet.planning.finding import Finding, Severity
from linnet.planning.notice import Notice
from unit.planning import manifests as make
from unit.planning.manifests import (
    adopting,
    application,
    canary,
    deployment,
    destination_rule,
    found,
    noticed,
    obj,
)

SERVER_SIDE = {"argocd.argoproj.io/compare-options": "ServerSideDiff=true"}
WEIGHTS = {
    "group": "networking.istio.io",
    "kind": "VirtualService",
    "jqPathExpressions": [".spec.http[].route[].weight"],
}
POLICY = obj(
    "admissionregistration.k8s.io/v1",
    "MutatingAdmissionPolicy",
    "linnet",
    {"mutations": ["linnet.dev/weights", "linnet.dev/asked-replicas"]},
)


def telemetry(tag: str, operation: str = "REMOVE", metric: str = "ALL_METRICS") -> Any:
    override = {"match": {"metric": metric}, "tagOverrides": {tag: {"operation": operation}}}
    return obj("telemetry.istio.io/v1", "Telemetry", "t", {"metrics": [{"overrides": [override]}]})


def strict(**metadata: Any) -> Any:
    return obj(
        "security.istio.io/v1", "PeerAuthentication", "p", {"mtls": {"mode": "STRICT"}}, **metadata
    )


def autoscaler(name: str) -> Any:
    return obj("autoscaling/v2", "HorizontalPodAutoscaler", "h", {"scaleTargetRef": {"name": name}})


def wave(number: int) -> dict[str, Any]:
    return {"annotations": {"argocd.argoproj.io/sync-wave": str(number)}}


def with_plain_text(objects: list[Any]) -> list[Any]:
    plain = {"trafficPolicy": {"tls": {"mode": "DISABLE"}}}
    rule = destination_rule("web", subsets=make.SUBSETS, **plain)
    return [rule if one["kind"] == "DestinationRule" else one for one in objects]


def with_other_routes(*routes: dict[str, Any]) -> list[Any]:
    """Return adopted routes with others in the same VirtualService."""
    objects = [*adopting(), application(SERVER_SIDE), POLICY]
    (one,) = [each for each in objects if each["kind"] == "VirtualService"]
    one["spec"]["http"] = [*routes, *one["spec"]["http"]]
    return objects


def adopting_routes(*refs: dict[str, Any]) -> Any:
    """Return the Canary that adopts these routes."""
    one = adopting()[-1]
    service = {**one["spec"]["service"], "virtualServiceRefs": list(refs)}
    del service["virtualServiceRef"]
    return {**one, "spec": {**one["spec"], "service": service}}


def own(name: str, query: str) -> dict[str, Any]:
    return {"name": name, "query": query, "thresholdRange": {"max": 1}}


APP = [deployment(), canary()]
OTHER_ROUTES = obj(
    "networking.istio.io/v1",
    "VirtualService",
    "other",
    {"hosts": ["web"], "http": [{"route": [{"destination": {"host": "x"}}]}]},
)

TABLE = [
    pytest.param(APP, [], id="an app with its Canary is fine"),
    pytest.param(
        [*adopting(), application(SERVER_SIDE), POLICY],
        [],
        id="adopted routes with policy and server-side diff are fine",
    ),
    pytest.param(
        with_other_routes(
            {"name": "archive", "route": [{"destination": {"host": "web", "subset": "v1"}}]},
            {"name": "elsewhere", "route": [{"destination": {"host": "web", "subset": "v2"}}]},
            {"name": "gone", "redirect": {"uri": "/"}},
        ),
        ["info CountedAsPrimary"],
        id="another route leads to the primary, and its requests count as the primary's",
    ),
    # what the engine says
    pytest.param([canary()], ["error TargetNotFound"], id="the target is not there"),
    pytest.param(
        adopting()[1:], ["error PrimaryNotFound"], id="the user's own primary is not there"
    ),
    pytest.param(
        [*APP, obj("v1", "Service", "web-primary", {"selector": {}, "ports": [{"port": 80}]})],
        ["error NotOurs"],
        id="somebody else has the name of a Service that linnet makes",
    ),
    pytest.param(
        [*APP, OTHER_ROUTES],
        ["error HostConflict"],
        id="another VirtualService routes the host",
    ),
    pytest.param(
        [*adopting()[:-1], adopting_routes({"name": "web", "routes": ["main"]})],
        ["error RouteNotFound"],
        id="the VirtualService has no route of the name",
    ),
    pytest.param(
        [
            canary(analysis={"metrics": [own("a", "up{{ x }}"), own("b", "{{ y")]}),
            obj("v1", "Service", "web-primary", {"selector": {}, "ports": [{"port": 80}]}),
            obj("v1", "Service", "web-canary", {"selector": {}, "ports": [{"port": 80}]}),
            OTHER_ROUTES,
        ],
        [
            "error TargetNotFound",
            "error InvalidMetric",
            "error InvalidMetric",
            "error NotOurs",
            "error NotOurs",
            "error HostConflict",
            "info NotSimulated",
            "info NotSimulated",
        ],
        id="all that is wrong is told at once",
    ),
    pytest.param(
        [*adopting()[1:-1], adopting_routes({"name": "web", "routes": ["a", "b"]}, {"name": "x"})],
        [
            "error PrimaryNotFound",
            "error RouteNotFound",
            "error RouteNotFound",
            "error VirtualServiceNotFound",
        ],
        id="all that is wrong with adopted routes is told at once",
    ),
    pytest.param(
        [deployment(), canary(service={"port": 80, "delegation": True})],
        ["warning NotDelegated"],
        id="nothing delegates to a delegate",
    ),
    pytest.param(
        [*APP, canary("web-two")], ["error TwoCanaries"], id="two Canaries for one workload"
    ),
    pytest.param(
        [*APP, canary("other", targetRef={"name": "api"}, service={"port": 80, "name": "web"})],
        ["error TwoCanaries"],
        id="two Canaries for one Service",
    ),
    pytest.param(
        [*APP, canary("other", targetRef={"name": "api"})], [], id="a Canary of something else"
    ),
    pytest.param(
        adopting("web:2"),
        ["info ReleaseBegins"],
        id="two Deployments with different images: a release begins at once",
    ),
    pytest.param([deployment(), canary(suspend=True)], ["warning Suspended"], id="suspended"),
    pytest.param([deployment(), canary(paused=True)], ["warning Paused"], id="paused"),
    pytest.param(
        [deployment(), canary(skipAnalysis=True)], ["warning NoAnalysis"], id="no analysis at all"
    ),
    # the analysis
    pytest.param(
        [deployment(), canary(analysis={"interval": "5s"})],
        ["warning IntervalBelowScrape"],
        id="checks more often than scrapes",
    ),
    # the mesh
    pytest.param([*APP, telemetry("source_app")], [], id="a label that nobody needs is removed"),
    pytest.param(
        [*APP, telemetry("destination_workload")],
        ["error LabelRemoved"],
        id="the label that names the workload is removed",
    ),
    pytest.param(
        [*APP, telemetry("response_code", "UPSERT")],
        ["error LabelRemoved"],
        id="the response code is written over",
    ),
    pytest.param(
        [*APP, telemetry("response_flags")],
        ["warning LabelRemoved"],
        id="the label that tells cut connections is removed",
    ),
    pytest.param(
        [*APP, telemetry("response_code", metric="TCP_SENT_BYTES")],
        [],
        id="a label is removed from a metric that nobody reads",
    ),
    pytest.param(
        [*with_plain_text(adopting()), strict()],
        ["error BreaksMutualTLS"],
        id="plain text to pods that insist on mutual TLS",
    ),
    pytest.param(
        [*with_plain_text(adopting()), strict(namespace="istio-system")],
        ["error BreaksMutualTLS"],
        id="plain text in a mesh that insists on mutual TLS",
    ),
    pytest.param(with_plain_text(adopting()), [], id="plain text where nobody minds"),
    pytest.param(
        [
            deployment(),
            canary(service={"port": 80, "trafficPolicy": {"tls": {"mode": "DISABLE"}}}),
            strict(),
        ],
        ["error BreaksMutualTLS"],
        id="the Canary itself asks for plain text",
    ),
    # who else there is
    pytest.param(
        [*APP, obj("flagger.app/v1beta1", "Canary", "old", {"targetRef": {"name": "web"}})],
        ["error TwoControllers"],
        id="Flagger has the same workload",
    ),
    pytest.param(
        [*APP, obj("argoproj.io/v1alpha1", "Rollout", "r", {"workloadRef": {"name": "web"}})],
        ["error TwoControllers"],
        id="Argo Rollouts has the same workload",
    ),
    pytest.param(
        [
            *adopting(),
            obj(
                "argoproj.io/v1alpha1",
                "Rollout",
                "r",
                {
                    "strategy": {
                        "canary": {"trafficRouting": {"istio": {"virtualService": {"name": "web"}}}}
                    }
                },
            ),
        ],
        ["error TwoControllers"],
        id="Argo Rollouts writes the same VirtualService",
    ),
    pytest.param(
        [*APP, autoscaler("web")], ["warning ScalesTheTarget"], id="an autoscaler of the target"
    ),
    pytest.param(
        [*APP, autoscaler("web-primary")],
        ["info ScalesThePrimary"],
        id="an autoscaler of the primary",
    ),
    pytest.param([*APP, autoscaler("other")], [], id="an autoscaler of something else"),
    pytest.param(
        [deployment(replicas=3), canary()], ["info ReplicasInGit"], id="a size in Git, by hand"
    ),
    pytest.param(
        [deployment(replicas=3), canary(), application()],
        ["warning ReplicasInGit"],
        id="a size in Git, with Argo CD",
    ),
    pytest.param(
        [deployment(replicas=3), canary(), application(), POLICY],
        [],
        id="a size in Git that the policy keeps",
    ),
    # Argo CD
    pytest.param(
        [
            *APP,
            application(
                ignoreDifferences=[WEIGHTS],
                syncPolicy={"syncOptions": ["RespectIgnoreDifferences=true"]},
            ),
        ],
        ["error EditsNeverApply"],
        id="the usual advice: edits of routes never apply",
    ),
    pytest.param(
        [*APP, application(ignoreDifferences=[WEIGHTS])],
        [],
        id="ignored weights without RespectIgnoreDifferences are fine",
    ),
    pytest.param(
        [
            *APP,
            application(
                ignoreDifferences=[
                    {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}
                ],
                syncPolicy={"syncOptions": ["RespectIgnoreDifferences=true"]},
            ),
        ],
        [],
        id="ignored replicas are fine",
    ),
    pytest.param(
        [
            *APP,
            application(
                ignoreDifferences=[
                    {
                        "group": "networking.istio.io",
                        "kind": "VirtualService",
                        "managedFieldsManagers": ["linnet"],
                    }
                ],
                syncPolicy={"syncOptions": ["RespectIgnoreDifferences=true"]},
            ),
        ],
        ["error EditsNeverApply"],
        id="ignoring what linnet manages covers the whole list of routes",
    ),
    pytest.param(
        [*APP, application(syncPolicy={"syncOptions": ["Replace=true"]})],
        ["warning Replaced"],
        id="an Application that replaces objects",
    ),
    pytest.param(
        [
            deployment(),
            canary(metadata={"annotations": {"argocd.argoproj.io/sync-options": "Replace=true"}}),
        ],
        ["warning Replaced"],
        id="a Canary that is replaced",
    ),
    pytest.param(
        [*adopting(), application(), POLICY],
        ["warning ComparedByText"],
        id="adopted routes without server-side diff",
    ),
    pytest.param(
        [*adopting(), application(ignoreDifferences=[WEIGHTS]), POLICY],
        [],
        id="adopted routes whose weights are ignored need no server-side diff",
    ),
    pytest.param(
        [
            *adopting(),
            application(
                {
                    "argocd.argoproj.io/compare-options": (
                        "ServerSideDiff=true,IncludeMutationWebhook=true"
                    )
                }
            ),
            POLICY,
        ],
        ["info ComparesVersions"],
        id="a comparison that takes resourceVersions in",
    ),
    pytest.param(
        [*adopting(), application(SERVER_SIDE, syncPolicy={"automated": {"selfHeal": True}})],
        ["info NeedsPolicy"],
        id="selfHeal of adopted weights without the policy among the manifests",
    ),
    pytest.param(
        [
            deployment(),
            canary(metadata=wave(1)),
            obj("v1", "ConfigMap", "after", None, **wave(2)),
        ],
        ["warning NotInTheLastWave"],
        id="something waits for the Canary's release",
    ),
    pytest.param(
        [deployment(), canary(metadata=wave(2)), obj("v1", "ConfigMap", "c", None, **wave(1))],
        [],
        id="the Canary has the last wave",
    ),
]


def told(one: Finding) -> str:
    return f"{one.severity.value} {one.reason}"


@pytest.mark.parametrize(("objects", "expected"), TABLE)
def test_it_finds(objects: list[Any], expected: list[str]) -> None:
    assert [told(one) for one in found(*objects)] == expected


def test_a_finding_names_object_field_and_line() -> None:
    (one,) = found(*APP, telemetry("destination_workload"))
    assert one.object == "Telemetry shop/t"
    assert one.field == "spec.metrics[0].overrides[0].tagOverrides.destination_workload"
    assert one.where.startswith("app.yaml, object 2: spec.metrics.0.overrides.0")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(make.notice(), [], id="all is well"),
        pytest.param(
            make.notice(healthy=0.01), [], id="one in a hundred healthy releases is taken back"
        ),
        pytest.param(
            make.notice(healthy=0.03),
            ["info HealthyTakenBack"],
            id="some of the healthy releases are taken back",
        ),
        pytest.param(
            make.notice(healthy=0.2),
            ["warning HealthyTakenBack"],
            id="a fifth of the healthy releases is taken back",
        ),
        pytest.param(
            make.notice(healthy=0.7),
            ["error HealthyTakenBack"],
            id="most of the healthy releases are taken back",
        ),
        pytest.param(
            make.notice(undecided=0.8),
            ["warning HealthyUndecided"],
            id="most of the healthy releases never end",
        ),
        pytest.param(
            make.notice(smallest=None),
            ["error NothingNoticed"],
            id="a canary that fails everything is promoted",
        ),
        pytest.param(
            Notice(100, noticed(0.005, 0, 1), None, (noticed(1.0, 0.2, 0.1),)),
            ["warning NothingNoticed"],
            id="a canary that fails everything is held",
        ),
        pytest.param(
            make.notice(smallest=0.4), ["warning NoticedLate"], id="only a very bad one is noticed"
        ),
    ],
)
def test_of_what_is_noticed_it_tells(given: Notice, expected: list[str]) -> None:
    assert [told(one) for one in found(*APP, notice=given)] == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("overlays/production", ["ComparedByText"], id="the path of the Canary"),
        pytest.param("overlays/staging", [], id="another path, and another namespace"),
    ],
)
def test_an_application_is_known_by_its_path(path: str, expected: list[str]) -> None:
    elsewhere = {"destination": {"namespace": "elsewhere"}, "source": {"path": path}}
    built = "deploy/overlays/production (built), line {}"
    objects = [*adopting(), application(**elsewhere), POLICY]
    assert [one.reason for one in found(*objects, place=built)] == expected


def test_what_is_merely_assumed_of_the_primary_is_no_error() -> None:
    (one,) = found(*APP, notice=make.notice(healthy=0.7), known=False)
    assert told(one) == "warning HealthyTakenBack"
    assert "assumed" in one.message


@pytest.mark.parametrize(
    ("rps", "least", "expected"),
    [
        pytest.param(50, 97, [], id="150 requests: 97 percent leaves room for four failures"),
        pytest.param(
            10, 97, ["info OneFailureFails"], id="30 requests: one failure is below 97 percent"
        ),
        pytest.param(1, 97, ["warning FewRequests"], id="3 requests are too few to tell"),
        pytest.param(50, 100, [], id="no failure is tolerated on purpose"),
    ],
)
def test_checks_with_too_few_requests(rps: float, least: float, expected: list[str]) -> None:
    metrics = [{"name": "request-success-rate", "thresholdRange": {"min": least}}]
    objects = deployment(), canary(analysis={"metrics": metrics})
    assert [told(o) for o in found(*objects, notice=make.notice(), rps=rps)] == expected


def test_the_worst_comes_first() -> None:
    severities = [
        one.severity
        for one in found(deployment(replicas=3), canary(paused=True), telemetry("response_code"))
    ]
    assert severities == [Severity.ERROR, Severity.WARNING, Severity.INFO]
