"""What of the mesh's own configuration linnet's work does not go together with."""

from collections.abc import Iterator
from typing import Final

from linnet.planning.finding import Finding, Severity
from linnet.planning.findings.case import Case, about, items, mapping
from linnet.planning.manifests import DESTINATION_RULE, PEER_AUTHENTICATION, Manifest, Object
from linnet.routing.destinations import destination_of
from linnet.routing.hosts import covers, hosts_of
from linnet.routing.mutualtls import BREAKING, ROOT_NAMESPACE

TELEMETRY: Final = ("telemetry.istio.io", "Telemetry")
NEEDED: Final = (
    "destination_workload",
    "destination_workload_namespace",
    "reporter",
    "response_code",
)
"""Without one of these labels nothing can be measured."""
USED: Final = ("response_flags", "grpc_response_status", "request_protocol")
"""Without one of these some failures are not told from successes."""
COUNTED: Final = frozenset({"ALL_METRICS", "REQUEST_COUNT", "REQUEST_DURATION"})


def labels_that_are_removed(case: Case) -> Iterator[Finding]:
    """Yield labels that a Telemetry takes from the metrics that linnet reads."""
    for one in case.manifests.of_kind(TELEMETRY):
        if one.ref.namespace not in (case.canary.namespace, ROOT_NAMESPACE):
            continue
        for place, override in _overrides(one):
            metric = mapping(override.get("match")).get("metric", "ALL_METRICS")
            if metric not in COUNTED:
                continue
            if override.get("disabled") is True:
                yield about(
                    one,
                    Severity.ERROR,
                    "MetricDisabled",
                    f"{place}.disabled",
                    f"{metric} is what releases are judged by: without it every check is without"
                    " data, and weights are held",
                )
            for label, change in mapping(override.get("tagOverrides")).items():
                yield from _changed(one, f"{place}.tagOverrides.{label}", label, mapping(change))


def _overrides(telemetry: Manifest) -> Iterator[tuple[str, Object]]:
    for number, metrics in enumerate(map(mapping, items(telemetry.spec.get("metrics")))):
        for index, override in enumerate(map(mapping, items(metrics.get("overrides")))):
            yield f"spec.metrics[{number}].overrides[{index}]", override


def _changed(one: Manifest, place: str, label: str, change: Object) -> Iterator[Finding]:
    removed = change.get("operation") == "REMOVE"
    verb = "removes" if removed else "changes"
    if label in NEEDED:
        yield about(
            one,
            Severity.ERROR,
            "LabelRemoved",
            place,
            f"it {verb} the label {label}, without which no request can be told to be the canary's"
            " or to have failed: every check is without data, and weights are held; leave it as it"
            " is",
        )
    elif label in USED and removed:
        yield about(
            one,
            Severity.WARNING,
            "LabelRemoved",
            place,
            f"it removes the label {label}, by which linnet tells some failures (connections cut"
            " off, gRPC status) from successes",
        )


def plain_text_under_strict(case: Case) -> Iterator[Finding]:
    """Yield DestinationRules that switch mutual TLS off where the pods insist on it.

    Where linnet makes the Services, the engine has looked at this.
    """
    if case.canary.makes_services:
        return
    policy = _strict(case)
    if policy is None:
        return
    hosts = _hosts(case)
    for one in case.manifests.of_kind(DESTINATION_RULE):
        host = next(iter(hosts_of(one.object)), "")
        if one.ref.namespace not in (case.canary.namespace, ROOT_NAMESPACE):
            continue
        if not any(covers(host, ours) for ours in hosts):
            continue
        for place, traffic in _policies(one):
            mode = mapping(traffic.get("tls")).get("mode")
            if mode in BREAKING:
                yield about(
                    one,
                    Severity.ERROR,
                    "BreaksMutualTLS",
                    f"{place}.tls.mode",
                    f"tls mode {mode} for {host}, but {policy.ref} is STRICT, so every request is"
                    " refused: leave tls out, mutual TLS is automatic then",
                )


def _strict(case: Case) -> Manifest | None:
    """Return the policy for whole namespaces by which the Canary's pods insist on mutual TLS."""
    wide = [
        one
        for one in case.manifests.of_kind(PEER_AUTHENTICATION)
        if not mapping(one.spec.get("selector")).get("matchLabels")
    ]
    for namespace in (case.canary.namespace, ROOT_NAMESPACE):
        for one in wide:
            mode = mapping(one.spec.get("mtls")).get("mode", "UNSET")
            if one.ref.namespace == namespace and mode != "UNSET":
                return one if mode == "STRICT" else None
    return None


def _hosts(case: Case) -> set[str]:
    """Return the hosts that the Canary's routes lead to."""
    service, here = case.canary.spec.service, case.canary.namespace
    if service.destination_rule_ref is not None:
        named = service.destination_rule_ref.name
        rules = case.manifests.of_kind(DESTINATION_RULE)
        own = (one for one in rules if (one.ref.namespace, one.ref.name) == (here, named))
        return {host for one in own for host in hosts_of(one.object)}
    names = (case.canary.service_primary, case.canary.service_canary)
    return {destination_of({"destination": {"host": name}}, here).host for name in names}


def _policies(rule: Manifest) -> Iterator[tuple[str, Object]]:
    yield "spec.trafficPolicy", mapping(rule.spec.get("trafficPolicy"))
    for number, subset in enumerate(map(mapping, items(rule.spec.get("subsets")))):
        yield f"spec.subsets[{number}].trafficPolicy", mapping(subset.get("trafficPolicy"))
