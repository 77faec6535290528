"""Specs that must be accepted, and specs that must be refused: by the models and the API server.

Both read these tables, so that they cannot disagree on them.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

SUCCESS_RATE = {"name": "request-success-rate", "thresholdRange": {"min": 99}}
LATENCY = {"name": "request-duration", "thresholdRange": {"max": 500}, "interval": "30s"}
INLINE = {"name": "checkout errors", "thresholdRange": {"max": 0}, "query": "sum(errors)"}

FLAGGER = yaml.safe_load(
    """
    apiVersion: flagger.app/v1beta1
    kind: Canary
    metadata:
      name: podinfo
      namespace: test
    spec:
      provider: istio
      targetRef:
        apiVersion: apps/v1
        kind: Deployment
        name: podinfo
      progressDeadlineSeconds: 60
      service:
        port: 9898
        targetPort: 9898
        portName: http-web
        gateways:
        - istio-system/public-gateway
        - mesh
        hosts:
        - app.example.com
        trafficPolicy:
          tls:
            mode: ISTIO_MUTUAL
        match:
        - uri:
            prefix: /
        rewrite:
          uri: /
        retries:
          attempts: 3
          perTryTimeout: 1s
          retryOn: "gateway-error,connect-failure,refused-stream"
        timeout: 30s
        headers:
          request:
            add:
              x-some-header: value
        corsPolicy:
          allowOrigins:
          - exact: https://example.com
          allowMethods:
          - GET
          allowCredentials: false
          maxAge: 24h
      analysis:
        interval: 1m
        threshold: 10
        maxWeight: 50
        stepWeight: 5
        metrics:
        - name: request-success-rate
          thresholdRange:
            min: 99
          interval: 1m
        - name: request-duration
          thresholdRange:
            max: 500
          interval: 30s
        - name: "404s percentage"
          thresholdRange:
            max: 5
          query: |
            100 - sum(rate(istio_requests_total{response_code!="404"}[1m]))
            / sum(rate(istio_requests_total[1m])) * 100
    """
)
"""A manifest as Flagger's documentation has it, without what linnet has not got."""

MINIMAL: Mapping[str, Any] = {
    "targetRef": {"name": "podinfo"},
    "service": {"port": 80},
    "analysis": {"stepWeight": 10},
}

DEFAULTS: Mapping[str, Any] = {
    "provider": "istio",
    "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
    "progressDeadlineSeconds": 600,
    "scaleDownDelaySeconds": 10,
    "skipAnalysis": False,
    "suspend": False,
    "paused": False,
    "service": {"port": 80, "portName": "http"},
    "analysis": {
        "interval": "1m",
        "threshold": 1,
        "maxWeight": 100,
        "stepWeight": 10,
        "stepWeightPromotion": 0,
        "primaryReadyThreshold": 100,
        "canaryReadyThreshold": 100,
        "guard": {
            "enabled": True,
            "ratio": 1.25,
            "objective": 99,
            "falseRollbackRate": 5,
            "latency": {"enabled": True},
        },
        "blindTimeout": "1m30s",
        "onNoData": "hold",
        "promotion": {
            "evidence": False,
            "minSoak": "5m",
            "margin": 1,
            "falsePromotionRate": 5,
            "deadline": "1h",
            "onUndecided": "hold",
        },
    },
}
"""What MINIMAL is with everything that is left out filled in."""


def spec(path: str = "", value: Any = None, /, **more: Any) -> dict[str, Any]:
    """Return MINIMAL with the value at `path` set; more paths have __ for the dot.

    A value of ... removes what is there.
    """
    result: dict[str, Any] = deepcopy(dict(MINIMAL))
    changes = {path: value} if path else {}
    for where, what in {**changes, **{k.replace("__", "."): v for k, v in more.items()}}.items():
        *parents, last = where.split(".")
        node = result
        for name in parents:
            node = node.setdefault(name, {})
        if what is ...:
            del node[last]
        else:
            node[last] = deepcopy(what)
    return result


def canary(spec: Any, name: str = "podinfo", namespace: str = "default") -> dict[str, Any]:
    """Return a Canary object with this spec."""
    return {
        "apiVersion": "linnet.dev/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name, "namespace": namespace},
        "spec": deepcopy(spec),
    }


@dataclass(frozen=True)
class Refused:
    """A spec, the field that both have to name, and what both have to say about it.

    `server` is what the API server says where the check is one of its own.
    """

    spec: Mapping[str, Any]
    field: str
    words: str
    server: str = ""


def _refused(
    sentence: str, spec: Mapping[str, Any], field: str, words: str, server: str = ""
) -> Any:
    return pytest.param(Refused(spec, field, words, server), id=sentence)


_DURATION = "must be a duration from 1s to 24h, such as 30s or 1m30s"
_WAIT = "must be a duration from 1ms to 24h, such as 30s or 1m30s"
_PORT = "must be a port number from 1 to 65535, or the name of a container port"
_HTTP = "Istio takes the protocol from this name, and linnet shifts HTTP and gRPC only"
_HOST = "must be a host name in lower case such as shop.example.com, *.example.com, or *"
_GATEWAY = "must be mesh, or a gateway's NAME or NAMESPACE/NAME in lower case"
_GROWS = "say how the weight grows: set analysis.stepWeight or analysis.stepWeights"
_INTEGER = "must be of type integer"
_MILLISECONDS = "request-duration is in milliseconds, and no request takes 0 or less: max must be"


def _metrics(*metrics: Any) -> dict[str, Any]:
    return spec("analysis.metrics", list(metrics))


def _latency(**change: Any) -> dict[str, Any]:
    return {**LATENCY, **change}


PRIMARY = {"name": "podinfo-v1"}
ROUTES = {"name": "reviews", "namespace": "prod"}
SUBSETS = {"name": "reviews", "primarySubset": "v1", "canarySubset": "v2"}
TWO_SERVICES = {"virtualServiceRef": ROUTES, "primaryService": "v1", "canaryService": "v2"}

REFUSED = [
    # what is missing, or of another kind
    _refused(
        "a target must be named",
        spec("targetRef", ...),
        "spec.targetRef",
        "is required",
        "Required value",
    ),
    _refused(
        "a service must be described",
        spec("service", ...),
        "spec.service",
        "is required",
        "Required value",
    ),
    _refused(
        "a service needs a port",
        spec("service", {}),
        "spec.service.port",
        "is required: it is the port of the Services that linnet makes",
    ),
    _refused(
        "a null is no port",
        spec("service.port", None),
        "spec.service.port",
        "is required: it is the port of the Services that linnet makes",
    ),
    _refused(
        "a port is no string",
        spec("service.port", "80"),
        "spec.service.port",
        "must be a whole number",
        _INTEGER,
    ),
    _refused(
        "a port is no fraction",
        spec("service.port", 80.5),
        "spec.service.port",
        "must be a whole number",
        _INTEGER,
    ),
    _refused(
        "a switch is no string",
        spec("paused", "true"),
        "spec.paused",
        "must be true or false",
        "must be of type boolean",
    ),
    _refused(
        "a duration is no number",
        spec("analysis.interval", 60),
        "spec.analysis.interval",
        "must be a string",
        "must be of type string",
    ),
    _refused(
        "a list is no single value",
        spec("service.hosts", "a.example.com"),
        "spec.service.hosts",
        "must be a list",
        "must be of type array",
    ),
    _refused(
        "a match is an object",
        spec("service.match", ["/"]),
        "spec.service.match[0]",
        "must be an object",
        "must be of type object",
    ),
    # the target
    _refused(
        "only Istio routes traffic",
        spec("provider", "linkerd"),
        "spec.provider",
        "must be 'istio'",
        'supported values: "istio"',
    ),
    _refused(
        "only Deployments are targets",
        spec("targetRef.kind", "DaemonSet"),
        "spec.targetRef.kind",
        "must be 'Deployment'",
        'supported values: "Deployment"',
    ),
    _refused(
        "a Deployment's name is lower case",
        spec("targetRef.name", "Podinfo"),
        "spec.targetRef.name",
        "must be the name of a Deployment",
    ),
    _refused(
        "a name with a line break is no name",
        spec("targetRef.name", "podinfo\n"),
        "spec.targetRef.name",
        "must be the name of a Deployment",
    ),
    _refused(
        "a name must leave room for -primary",
        spec("targetRef.name", "p" * 56),
        "spec.targetRef.name",
        "must have at most 55 characters",
        "may not be more than 55",
    ),
    _refused(
        "a name with a dot names no Service",
        spec("targetRef.name", "pod.info"),
        "spec.service",
        "targetRef.name cannot name a Service",
    ),
    _refused(
        "one Deployment cannot be both sides",
        spec("primaryRef", {"name": "podinfo"}),
        "spec.primaryRef",
        "name the same Deployment",
    ),
    _refused(
        "a primary has a name",
        spec("primaryRef", {"kind": "Deployment"}),
        "spec.primaryRef.name",
        "is required",
        "Required value",
    ),
    _refused(
        "a Prometheus has a URL",
        spec("metricsServer", "prometheus:9090"),
        "spec.metricsServer",
        "must be a URL such as http://prometheus.istio-system:9090",
    ),
    _refused(
        "a URL carries no password",
        spec("metricsServer", "http://user:secret@prometheus:9090"),
        "spec.metricsServer",
        "must not carry a user name or password",
    ),
    _refused(
        "a deadline lies in the future",
        spec("progressDeadlineSeconds", 0),
        "spec.progressDeadlineSeconds",
        "must be at least 1",
        "greater than or equal to 1",
    ),
    _refused(
        "pods that lost their traffic do not stay for days",
        spec("scaleDownDelaySeconds", 3601),
        "spec.scaleDownDelaySeconds",
        "must be at most 3600",
        "less than or equal to 3600",
    ),
    # the service
    _refused(
        "a Service's name begins with a letter",
        spec("service.name", "1st"),
        "spec.service.name",
        "begin with a letter",
    ),
    _refused(
        "a Service's name must leave room for -primary",
        spec("service.name", "s" * 56),
        "spec.service.name",
        "must have at most 55 characters",
        "may not be more than 55",
    ),
    _refused(
        "port 0 does not exist",
        spec("service.port", 0),
        "spec.service.port",
        "must be at least 1",
        "greater than or equal to 1",
    ),
    _refused(
        "ports end at 65535",
        spec("service.port", 65536),
        "spec.service.port",
        "must be at most 65535",
        "less than or equal to 65535",
    ),
    _refused("a target port ends at 65535", spec("service.targetPort", 65536), "targetPort", _PORT),
    _refused("a named port has a letter", spec("service.targetPort", "9898"), "targetPort", _PORT),
    _refused(
        "a named port has no two dashes", spec("service.targetPort", "a--b"), "targetPort", _PORT
    ),
    _refused(
        "a named port has at most 15 characters",
        spec("service.targetPort", "a" * 16),
        "spec.service.targetPort",
        "has at most 15 characters",
        "may not be more than 15",
    ),
    _refused(
        "a target port is a number or a name",
        spec("service.targetPort", True),
        "spec.service.targetPort",
        "must be a port number or the name of a port",
        "must be of type",
    ),
    _refused("raw TCP is not shifted", spec("service.portName", "tcp"), "portName", _HTTP),
    _refused("TLS is not shifted", spec("service.portName", "https-web"), "portName", _HTTP),
    _refused(
        "a port's name is lower case",
        spec("service.portName", "HTTP"),
        "spec.service.portName",
        "must consist of lower case letters",
    ),
    _refused("a gateway has a name", spec("service.gateways", [""]), "gateways[0]", _GATEWAY),
    _refused(
        "a gateway has one namespace", spec("service.gateways", ["a/b/c"]), "gateways[0]", _GATEWAY
    ),
    _refused("a host is not empty", spec("service.hosts", ["a", ""]), "hosts[1]", _HOST),
    _refused("a host is no URL", spec("service.hosts", ["http://a"]), "hosts[0]", _HOST),
    _refused("a host has no port", spec("service.hosts", ["a:80"]), "hosts[0]", _HOST),
    _refused("a * stands first", spec("service.hosts", ["a.*.com"]), "hosts[0]", _HOST),
    _refused(
        "the host * is not for the mesh",
        spec("service.hosts", ["*"]),
        "spec.service.hosts",
        "the host * is for gateways only",
    ),
    _refused(
        "the host * is not for the mesh beside a gateway either",
        spec("service.hosts", ["*"], service__gateways=["istio-system/gateway", "mesh"]),
        "spec.service.hosts",
        "the host * is for gateways only",
    ),
    _refused("a time-out of 0s is none", spec("service.timeout", "0s"), "service.timeout", _WAIT),
    _refused("a time-out has a unit", spec("service.timeout", "5"), "service.timeout", _WAIT),
    _refused(
        "a time-out is not negative", spec("service.timeout", "-5s"), "service.timeout", _WAIT
    ),
    _refused("Istio takes no microseconds", spec("service.timeout", "0.5ms"), "timeout", _WAIT),
    _refused(
        "retries that are off have no time-out",
        spec("service.retries", {"attempts": 0, "perTryTimeout": "1s"}),
        "spec.service.retries.attempts",
        "leave perTryTimeout and retryOn out",
    ),
    _refused(
        "retries that are off have no conditions",
        spec("service.retries", {"attempts": 0, "retryOn": "5xx"}),
        "spec.service.retries.attempts",
        "leave perTryTimeout and retryOn out",
    ),
    _refused(
        "attempts are not negative",
        spec("service.retries", {"attempts": -1}),
        "spec.service.retries.attempts",
        "must be at least 0",
        "greater than or equal to 0",
    ),
    _refused(
        "each try takes at least a millisecond",
        spec("service.retries", {"attempts": 1, "perTryTimeout": "0ms"}),
        "spec.service.retries.perTryTimeout",
        _WAIT,
    ),
    _refused(
        "two tries are a millisecond apart at least",
        spec("service.retries", {"attempts": 1, "backoff": "0ms"}),
        "spec.service.retries.backoff",
        _WAIT,
    ),
    _refused(
        "a rewrite rewrites something",
        spec("service.rewrite", {}),
        "spec.service.rewrite",
        "set uri, authority or uriRegexRewrite",
    ),
    _refused(
        "a path is rewritten once",
        spec("service.rewrite", {"uri": "/", "uriRegexRewrite": {"match": "a", "rewrite": "b"}}),
        "spec.service.rewrite.uriRegexRewrite",
        "set either uri or uriRegexRewrite, not both",
    ),
    _refused(
        "a preflight answer is cached for a time",
        spec("service.corsPolicy", {"maxAge": "0s"}),
        "spec.service.corsPolicy.maxAge",
        _WAIT,
    ),
    # the analysis
    _refused("the weight must grow", spec("analysis", {}), "spec.analysis", _GROWS),
    _refused("the weight must grow without an analysis too", spec("analysis", ...), "spec", _GROWS),
    _refused("a null is no analysis", spec("analysis", None), "spec.analysis", _GROWS),
    _refused(
        "the weight grows in one way",
        spec("analysis.stepWeights", [10, 50]),
        "spec.analysis.stepWeights",
        "set either stepWeight or stepWeights, not both",
    ),
    _refused(
        "the weight grows in one way with skipAnalysis too",
        spec("analysis.stepWeights", [10], skipAnalysis=True),
        "spec.analysis.stepWeights",
        "set either stepWeight or stepWeights, not both",
    ),
    _refused(
        "no step is none",
        spec("analysis.stepWeight", 0),
        "spec.analysis.stepWeight",
        "must be at least 1",
        "greater than or equal to 1",
    ),
    _refused(
        "a step does not go beyond the top",
        spec("analysis.stepWeight", 60, analysis__maxWeight=50),
        "spec.analysis.stepWeight",
        "stepWeight must not be greater than maxWeight",
    ),
    _refused(
        "a weight ends at 100",
        spec("analysis.maxWeight", 101),
        "spec.analysis.maxWeight",
        "must be at most 100",
        "less than or equal to 100",
    ),
    _refused(
        "a ladder has a rung",
        spec("analysis", {"stepWeights": []}),
        "spec.analysis.stepWeights",
        "must have at least 1 item",
        "should have at least 1 items",
    ),
    _refused(
        "a ladder does not go down",
        spec("analysis", {"stepWeights": [10, 30, 20]}),
        "spec.analysis.stepWeights",
        "weights must rise from step to step",
    ),
    _refused(
        "a ladder has no rung twice",
        spec("analysis", {"stepWeights": [10, 10, 20]}),
        "spec.analysis.stepWeights",
        "weights must rise from step to step",
    ),
    _refused(
        "a rung ends at 100",
        spec("analysis", {"stepWeights": [10, 110]}),
        "spec.analysis.stepWeights[1]",
        "must be at most 100",
        "less than or equal to 100",
    ),
    _refused(
        "a way back is no more than all",
        spec("analysis.stepWeightPromotion", 101),
        "spec.analysis.stepWeightPromotion",
        "must be at most 100",
        "less than or equal to 100",
    ),
    _refused(
        "no more than all pods can be ready",
        spec("analysis.canaryReadyThreshold", 101),
        "spec.analysis.canaryReadyThreshold",
        "must be at most 100",
        "less than or equal to 100",
    ),
    _refused(
        "one failed check is the least to act on",
        spec("analysis.threshold", 0),
        "spec.analysis.threshold",
        "must be at least 1",
        "greater than or equal to 1",
    ),
    _refused("a check a second at most", spec("analysis.interval", "999ms"), "interval", _DURATION),
    _refused("a check a day at least", spec("analysis.interval", "24h1ms"), "interval", _DURATION),
    _refused("an interval has a unit", spec("analysis.interval", "60"), "interval", _DURATION),
    _refused("an interval is one word", spec("analysis.interval", "1m 30s"), "interval", _DURATION),
    _refused(
        "an interval does not overflow",
        spec("analysis.interval", "9999999999h"),
        "spec.analysis.interval",
        _DURATION,
    ),
    # the guard
    _refused(
        "a floor above 100 % tolerates everything",
        spec("analysis.guard.floor", 150),
        "spec.analysis.guard.floor",
        "must be from 0.001 to 50, in percent: the share of failed requests that is always",
    ),
    _refused(
        "a floor of 0 blames for a single failure",
        spec("analysis.guard.floor", 0),
        "spec.analysis.guard.floor",
        "0 would blame it for a single failure",
    ),
    _refused(
        "a floor is a number, not a text",
        spec("analysis.guard.floor", "0.5%"),
        "spec.analysis.guard.floor",
        "must be a number",
        "must be of type number",
    ),
    _refused(
        "no evidence is beyond all doubt",
        spec("analysis.guard.falseRollbackRate", 0),
        "spec.analysis.guard.falseRollbackRate",
        "with 0 no evidence would ever be enough",
    ),
    _refused(
        "a guard is better than a coin",
        spec("analysis.guard.falseRollbackRate", 51),
        "spec.analysis.guard.falseRollbackRate",
        "must be from 0.01 to 50, in percent",
    ),
    _refused(
        "a canary need not be better than the primary",
        spec("analysis.guard.ratio", 0.8),
        "spec.analysis.guard.ratio",
        "must be from 1 to 100: how many times as often as the primary the canary may fail",
    ),
    _refused(
        "an objective leaves an error budget",
        spec("analysis.guard.objective", 100),
        "spec.analysis.guard.objective",
        "an objective of 100 leaves no error budget to judge by",
    ),
    _refused(
        "blindness lasts for a time",
        spec("analysis.blindTimeout", "-90s"),
        "spec.analysis.blindTimeout",
        "must be a duration from 10s to 24h, such as 30s or 1m30s",
    ),
    _refused(
        "no data is no pass",
        spec("analysis.onNoData", "pass"),
        "spec.analysis.onNoData",
        "must be 'hold' or 'fail'",
        'supported values: "hold", "fail"',
    ),
    # promotion by evidence
    _refused(
        "evidence needs traffic",
        spec("skipAnalysis", True, analysis__promotion__evidence=True),
        "spec.analysis.promotion.evidence",
        "evidence needs traffic, and with skipAnalysis the canary gets none",
    ),
    _refused(
        "evidence comes from the guard's counts",
        spec("analysis.guard.enabled", False, analysis__promotion__evidence=True),
        "spec.analysis.promotion.evidence",
        "evidence comes from what the guard counts: set guard.enabled: true",
    ),
    _refused(
        "evidence compares with a primary that has traffic",
        spec("analysis.stepWeight", 100, analysis__promotion__evidence=True),
        "spec.analysis.promotion.evidence",
        "evidence needs a step below 100",
    ),
    _refused(
        "evidence compares at one step of a ladder at least",
        spec("analysis", {"stepWeights": [100], "promotion": {"evidence": True}}),
        "spec.analysis.promotion.evidence",
        "evidence needs a step below 100",
    ),
    _refused(
        "a margin of 0 takes for ever",
        spec("analysis.promotion.margin", 0),
        "spec.analysis.promotion.margin",
        "without a margin no number of requests is enough",
    ),
    _refused(
        "a soak is no negative span",
        spec("analysis.promotion.minSoak", "-5m"),
        "spec.analysis.promotion.minSoak",
        "must be a duration from 0s to 24h",
    ),
    _refused(
        "there is time between soak and deadline",
        spec("analysis.promotion", {"evidence": True, "minSoak": "2h", "deadline": "2h"}),
        "spec.analysis.promotion.deadline",
        "deadline must be longer than minSoak",
    ),
    _refused(
        "promoting by chance is not promoting by evidence",
        spec("analysis.promotion.falsePromotionRate", 0),
        "spec.analysis.promotion.falsePromotionRate",
        "with 0 no evidence would ever be enough",
    ),
    _refused(
        "what is done with the undecided is one of three",
        spec("analysis.promotion.onUndecided", "retry"),
        "spec.analysis.promotion.onUndecided",
        "must be 'hold', 'rollback' or 'promote'",
        'supported values: "hold", "rollback", "promote"',
    ),
    _refused(
        "a ramp takes the place of steps",
        spec("analysis.ramp", {}, analysis__promotion__evidence=True),
        "spec.analysis.ramp",
        "leave stepWeight and stepWeights out",
    ),
    _refused(
        "a ramp ends by evidence",
        spec("analysis", {"ramp": {}}),
        "spec.analysis.ramp",
        "a ramp has no last step to promote after: set promotion.evidence: true",
    ),
    _refused(
        "a budget is spent by a request at least",
        spec("analysis", {"ramp": {"exposureBudget": 0}, "promotion": {"evidence": True}}),
        "spec.analysis.ramp.exposureBudget",
        "must be at least 1",
        "greater than or equal to 1",
    ),
    # the metrics
    _refused(
        "a metric of one's own needs a query",
        _metrics({"name": "errors", "thresholdRange": {"max": 1}}),
        "spec.analysis.metrics[0].query",
        "set query (a PromQL expression), or name a built-in metric",
    ),
    _refused(
        "a built-in metric has its own query",
        _metrics({**SUCCESS_RATE, "query": "vector(1)"}),
        "spec.analysis.metrics[0].query",
        "a built-in metric has a query of its own",
    ),
    _refused(
        "a metric has a range",
        _metrics({"name": "request-duration"}),
        "spec.analysis.metrics[0].thresholdRange",
        "is required",
        "Required value",
    ),
    _refused(
        "a range has an end",
        _metrics(_latency(thresholdRange={})),
        "spec.analysis.metrics[0].thresholdRange",
        "set min, max or both",
    ),
    _refused(
        "a range with nulls has no end",
        _metrics(_latency(thresholdRange={"min": None, "max": None})),
        "spec.analysis.metrics[0].thresholdRange",
        "set min, max or both",
    ),
    _refused(
        "a range is not upside down",
        _metrics(_latency(thresholdRange={"min": 2, "max": 1.5})),
        "spec.analysis.metrics[0].thresholdRange.min",
        "min must not be greater than max",
    ),
    _refused(
        "an end of a range is a number",
        _metrics(_latency(thresholdRange={"max": "500"})),
        "spec.analysis.metrics[0].thresholdRange.max",
        "must be a number",
        "must be of type number",
    ),
    _refused(
        "a success rate is at most 100",
        _metrics({**SUCCESS_RATE, "thresholdRange": {"min": 100.5}}),
        "spec.analysis.metrics[0].thresholdRange",
        "request-success-rate is in percent: min and max must be from 0 to 100",
    ),
    _refused(
        "a success rate is at least 0",
        _metrics({**SUCCESS_RATE, "thresholdRange": {"min": 99, "max": 101}}),
        "spec.analysis.metrics[0].thresholdRange",
        "request-success-rate is in percent: min and max must be from 0 to 100",
    ),
    _refused(
        "no request takes no time",
        _metrics(_latency(thresholdRange={"max": 0})),
        "spec.analysis.metrics[0].thresholdRange",
        _MILLISECONDS,
    ),
    _refused(
        "no request takes less than no time",
        _metrics(SUCCESS_RATE, _latency(thresholdRange={"max": -0.5})),
        "spec.analysis.metrics[1].thresholdRange",
        _MILLISECONDS,
    ),
    _refused(
        "a duration begins at 0",
        _metrics(_latency(thresholdRange={"min": -1, "max": 500})),
        "spec.analysis.metrics[0].thresholdRange",
        _MILLISECONDS,
    ),
    _refused(
        "two metrics have two names",
        _metrics(LATENCY, LATENCY),
        "spec.analysis.metrics",
        "request-duration is there twice: give each a name of its own",
        "Duplicate value",
    ),
    _refused(
        "a query is not empty",
        _metrics({**INLINE, "query": ""}),
        "spec.analysis.metrics[0].query",
        "must have at least 1 character",
        "should be at least 1 chars long",
    ),
    _refused(
        "a metric's interval is a second at least",
        _metrics(_latency(interval="0s")),
        "spec.analysis.metrics[0].interval",
        _DURATION,
    ),
    _refused(
        "twenty metrics are enough",
        _metrics(*({**INLINE, "name": f"m{i}"} for i in range(21))),
        "spec.analysis.metrics",
        "must have at most 20 items",
        "must have at most 20 items",
    ),
]

REFUSED += [
    # routes of the user's own
    _refused(
        "routes are in one list",
        spec("service.virtualServiceRef", {"name": "a"}, service__virtualServiceRefs=[ROUTES]),
        "spec.service.virtualServiceRefs",
        "leave one of the two out",
    ),
    _refused(
        "a list of VirtualServices is not empty",
        spec("service.virtualServiceRefs", []),
        "spec.service.virtualServiceRefs",
        "must have at least 1 item",
        "should have at least 1 items",
    ),
    _refused(
        "a route is not delegated to and adopted",
        spec("service.virtualServiceRef", ROUTES, service__delegation=True),
        "spec.service.delegation",
        "leave one of the two out",
    ),
    *(
        _refused(
            f"{field} of an adopted route is in Git",
            spec("service.virtualServiceRef", ROUTES, **{f"service__{field}": value}),
            "spec.service.virtualServiceRef",
            "write them into the VirtualService",
        )
        for field, value in (
            ("hosts", []),
            ("gateways", ["mesh"]),
            ("match", [{"uri": {"prefix": "/"}}]),
            ("rewrite", {"uri": "/"}),
            ("retries", {"attempts": 1}),
            ("timeout", "1s"),
            ("headers", {}),
            ("corsPolicy", {}),
        )
    ),
    _refused(
        "subsets without routes",
        spec("service.destinationRuleRef", SUBSETS, primaryRef=PRIMARY),
        "spec.service.virtualServiceRef",
        "name the VirtualService there",
    ),
    _refused(
        "subsets of one Deployment",
        spec("service.destinationRuleRef", SUBSETS, service__virtualServiceRef=ROUTES),
        "spec.primaryRef",
        "are for two Deployments of your own",
    ),
    _refused(
        "both subsets the same",
        spec(
            "service.destinationRuleRef",
            {**SUBSETS, "canarySubset": "v1"},
            service__virtualServiceRef=ROUTES,
            primaryRef=PRIMARY,
        ),
        "spec.service.destinationRuleRef.canarySubset",
        "are the same",
    ),
    _refused(
        "one Service of two",
        spec("service.canaryService", "b", service__virtualServiceRef=ROUTES, primaryRef=PRIMARY),
        "spec.service.canaryService",
        "name both Services, or neither",
    ),
    _refused(
        "one Service for both sides",
        spec("service", {**TWO_SERVICES, "canaryService": "v1"}, primaryRef=PRIMARY),
        "spec.service.canaryService",
        "each side needs a Service of its own",
    ),
    _refused(
        "Services and subsets",
        spec("service", {**TWO_SERVICES, "destinationRuleRef": SUBSETS}, primaryRef=PRIMARY),
        "spec.service.destinationRuleRef",
        "routes lead either to subsets or to two Services",
    ),
    _refused(
        "a policy for DestinationRules that are not made",
        spec("service", {**TWO_SERVICES, "trafficPolicy": {}}, primaryRef=PRIMARY),
        "spec.service.trafficPolicy",
        "write it into yours",
    ),
    _refused(
        "a name of a route with a space",
        spec("service.virtualServiceRef", {"name": "a", "routes": ["to v1"]}),
        "spec.service.virtualServiceRef.routes[0]",
        "must be the name of an HTTP route",
    ),
    _refused(
        "adopted routes to Services that need a port",
        spec("service", {"virtualServiceRef": ROUTES}),
        "spec.service.port",
        "is required: it is the port of the Services that linnet makes",
    ),
    *(
        _refused(
            f"{field} of a delegate is those of its root",
            spec("service.delegation", True, **{f"service__{field}": value}),
            "spec.service.delegation",
            "leave them out here",
        )
        for field, value in (("hosts", ["a.example.com"]), ("gateways", ["mesh"]))
    ),
]

ACCEPTED = [
    pytest.param(spec("service.delegation", True), id="a delegate"),
    pytest.param(
        spec("service.virtualServiceRef", ROUTES), id="adopted routes to linnet's Services"
    ),
    pytest.param(
        spec("service.virtualServiceRefs", [ROUTES, {"name": "b", "routes": ["a"]}]),
        id="adopted routes in two VirtualServices",
    ),
    pytest.param(
        spec("service", TWO_SERVICES, primaryRef=PRIMARY), id="Services of the user's own"
    ),
    pytest.param(
        spec(
            "service",
            {"virtualServiceRef": ROUTES, "destinationRuleRef": SUBSETS},
            primaryRef=PRIMARY,
        ),
        id="subsets of the user's own",
    ),
    pytest.param(MINIMAL, id="the shortest spec"),
    pytest.param(DEFAULTS, id="every default written out"),
    pytest.param(FLAGGER["spec"], id="a Flagger manifest for Istio"),
    pytest.param(spec("analysis", ..., skipAnalysis=True), id="no analysis where it is skipped"),
    pytest.param(spec("analysis", {"stepWeights": [1, 5, 100]}), id="a ladder of its own"),
    pytest.param(spec("analysis.stepWeight", 100), id="a single step to everything"),
    pytest.param(spec("analysis.guard", {"enabled": False}), id="a release without a guard"),
    pytest.param(
        spec("analysis.guard", {"ratio": 1, "floor": 0.01, "objective": 99.9}), id="a strict guard"
    ),
    pytest.param(
        spec("analysis", {"ramp": {}, "promotion": {"evidence": True}}), id="a ramp by evidence"
    ),
    pytest.param(
        spec("analysis", {"stepWeights": [50, 100], "promotion": {"evidence": True}}),
        id="evidence before everything",
    ),
    pytest.param(
        spec("analysis.promotion", {"minSoak": "2h"}), id="a soak that nobody asks for is harmless"
    ),
    pytest.param(
        _metrics(SUCCESS_RATE, LATENCY, INLINE), id="both built-in metrics and one of its own"
    ),
    pytest.param(
        _metrics(
            {**SUCCESS_RATE, "thresholdRange": {"min": 0, "max": 100}},
            _latency(thresholdRange={"min": 0, "max": 0.5}),
        ),
        id="the widest range of a rate, and a strict one of a duration",
    ),
    pytest.param(
        _metrics({**INLINE, "thresholdRange": {"min": -5, "max": -1}}),
        id="a metric of one's own may be negative",
    ),
    pytest.param(spec("analysis.interval", "1s"), id="a check a second"),
    pytest.param(spec("analysis.interval", "1h30m"), id="a duration of two terms"),
    pytest.param(spec("analysis.interval", "86400s"), id="a day in seconds"),
    pytest.param(spec("analysis.interval", "1.5h"), id="a duration with a fraction"),
    pytest.param(spec("service.timeout", "1ms"), id="the shortest time-out"),
    pytest.param(spec("service.targetPort", "http-web"), id="a target port by name"),
    pytest.param(spec("service.targetPort", 9898), id="a target port by number"),
    pytest.param(spec("analysis.threshold", 3.0), id="a whole number written with a point"),
    pytest.param(
        spec("service.hosts", None, service__match=None, suspend=None, metricsServer=None),
        id="keys without values",
    ),
    pytest.param(
        spec("service.hosts", ["*"], service__gateways=["gateway"]), id="the host * on a gateway"
    ),
    pytest.param(
        spec("service.gateways", ["public-gateway.istio-system.svc.cluster.local"]),
        id="a gateway by its full host name",
    ),
    pytest.param(spec("service.retries", {"attempts": 0}), id="retries switched off"),
    pytest.param(
        spec("service.rewrite", {"uriRegexRewrite": {"match": "^/v1/(.*)", "rewrite": "/\\1"}}),
        id="a rewrite by expression",
    ),
    pytest.param(
        spec("service.match", [{"uri": {"prefix": "/"}, "somethingNew": [1, {"a": None}]}]),
        id="fields that Istio may add to a match",
    ),
    pytest.param(
        spec("targetRef.name", "pod.info", service__name="podinfo"),
        id="a target with a dot and a Service with a name of its own",
    ),
    pytest.param(spec("targetRef.name", "p" * 55), id="the longest name"),
    pytest.param(spec("primaryRef", {"name": "podinfo-v1"}), id="a primary of the user's own"),
    pytest.param(
        spec("metricsServer", "https://thanos.example.com/team?a=b@c"), id="a Prometheus by URL"
    ),
]
