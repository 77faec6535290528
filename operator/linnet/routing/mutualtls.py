"""Mutual TLS between a Canary's callers and its pods, as other policies of the mesh have it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef, ref_of
from linnet.errors import SpecError
from linnet.routing.hosts import covers, hosts_of, side_hosts
from linnet.routing.services import container_ports
from linnet.workload.primary import primary_labels

ROOT_NAMESPACE: Final = "istio-system"
SHADOWED: Final = frozenset({"DISABLE", "SIMPLE", "MUTUAL"})
BREAKING: Final = frozenset({"DISABLE", "SIMPLE"})

Object = Mapping[str, Any]


def shadows(canary: Canary, other: Object) -> SpecError | None:
    """Return the error where a DestinationRule and the Canary's two get in each other's way.

    One for the same host is merged with ours, and the first traffic policy wins. One for a broader
    host is shadowed by ours: that matters where it says how to encrypt, and the Canary does not.
    """
    if not canary.makes_services:
        return None
    ref, spec = ref_of(other), other.get("spec") or {}
    ours = (canary.service_primary, canary.service_canary)
    if ref.namespace == canary.namespace and ref.name in ours:
        return None
    # Rules of other namespaces are for callers there, and rank before ours anyway.
    if ref.namespace not in (canary.namespace, ROOT_NAMESPACE) or spec.get("workloadSelector"):
        return None
    host = next(iter(hosts_of(other)), "")
    if host in side_hosts(canary):
        if ref.namespace != canary.namespace:
            return None
        return SpecError(
            "MeshPolicyConflict",
            f"{ref} is for {host}, which linnet writes a DestinationRule for: move its "
            "trafficPolicy to spec.service.trafficPolicy, and delete it",
        )
    mode = _tls_mode(spec.get("trafficPolicy"), canary.spec.service.port_number)
    if mode not in SHADOWED or not any(covers(host, side) for side in side_hosts(canary)):
        return None
    if _tls_mode(canary.spec.service.traffic_policy, canary.spec.service.port_number):
        return None
    return SpecError(
        "MeshPolicyConflict",
        f"{ref} sets tls mode {mode} for {host}, and linnet's DestinationRules for "
        f"{' and '.join(ours)} would shadow it: repeat its tls in spec.service.trafficPolicy",
    )


def breaks_mutual_tls(
    canary: Canary, objects: Mapping[ObjectRef, Object], neighbours: Iterable[Object]
) -> SpecError | None:
    """Return the error where callers are told to do without mutual TLS, and the pods insist on it.

    Among `neighbours` are the PeerAuthentications of the Canary's namespace and the root namespace.
    Of those for a pod the narrowest counts: by selector, for the namespace, for the mesh.
    """
    target = objects.get(ObjectRef("Deployment", canary.namespace, canary.target_name))
    if not canary.makes_services or target is None:
        return None
    mode = _tls_mode(canary.spec.service.traffic_policy, canary.spec.service.port_number)
    if mode not in BREAKING:
        return None
    policies = [other for other in neighbours if other["kind"] == "PeerAuthentication"]
    primary = objects.get(ObjectRef("Deployment", canary.namespace, canary.primary_name))
    port = str(_container_port(canary, target))
    for labels in (_pod_labels(target), _primary_pod_labels(canary, target, primary)):
        policy = _strict(canary.namespace, labels, port, policies)
        if policy is not None:
            return SpecError(
                "BreaksMutualTLS",
                f"spec.service.trafficPolicy.tls.mode is {mode}, but {ref_of(policy)} is STRICT, "
                "so every request would be refused: leave tls out, mutual TLS is automatic then",
            )
    return None


def _primary_pod_labels(
    canary: Canary, target: Object, primary: Object | None
) -> Mapping[str, str]:
    if canary.copies_target:
        return {**_pod_labels(target), **primary_labels(target)}
    return _pod_labels(primary) if primary is not None else {}


def _pod_labels(deployment: Object) -> Mapping[str, str]:
    return deployment["spec"]["template"]["metadata"].get("labels") or {}


def _tls_mode(policy: Object | None, port: int) -> str | None:
    policy = policy or {}
    for settings in policy.get("portLevelSettings") or ():
        if (settings.get("port") or {}).get("number") == port:
            policy = settings  # nothing of the policy around it is inherited
    mode = (policy.get("tls") or {}).get("mode")
    return str(mode) if mode else None


def _container_port(canary: Canary, target: Object) -> int | str:
    wanted = canary.spec.service.target_port or canary.spec.service.port_number
    ports = {port.get("name"): port["containerPort"] for port in container_ports(target)}
    number: int | str = ports.get(wanted, wanted)
    return number


def _strict(
    namespace: str, labels: Mapping[str, str], port: str, policies: list[Object]
) -> Object | None:
    """Return the policy that makes mutual TLS a must on this port of pods with these labels."""
    for policy in _by_rank(namespace, labels, policies):
        spec = policy.get("spec") or {}
        # A port's own mode is heeded only beside a selector.
        ports = (spec.get("portLevelMtls") or {}) if spec.get("selector") else {}
        for mtls in (ports.get(port), spec.get("mtls")):
            mode = (mtls or {}).get("mode", "UNSET")
            if mode != "UNSET":
                return policy if mode == "STRICT" else None
    return None


def _by_rank(namespace: str, labels: Mapping[str, str], policies: list[Object]) -> Iterator[Object]:
    """Yield the policies for pods with these labels, narrowest first, then oldest first."""
    ranked = []
    for policy in policies:
        ref = ref_of(policy)
        wanted = ((policy.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
        if wanted.items() <= labels.items() and (not wanted or ref.namespace == namespace):
            here = ref.namespace == namespace
            created = policy["metadata"].get("creationTimestamp", "")
            ranked.append(((not wanted, not here, created, ref), policy))
    yield from (policy for _, policy in sorted(ranked, key=lambda pair: pair[0]))
