"""Who else scales or routes the workloads of a Canary."""

from collections.abc import Iterator
from typing import Final

from linnet.api.names import ASKED_ANNOTATION
from linnet.planning.finding import Finding, Severity
from linnet.planning.findings.case import Case, about, items, mapping
from linnet.planning.manifests import CANARY, DEPLOYMENT, Manifest

FLAGGER: Final = ("flagger.app", "Canary")
ROLLOUT: Final = ("argoproj.io", "Rollout")
AUTOSCALERS: Final = (
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("keda.sh", "ScaledObject"),
)


def other_controllers(case: Case) -> Iterator[Finding]:
    """Yield others that release the same workload, or write the same routes."""
    ours = {case.canary.target_name, case.canary.primary_name}
    routes = {case.canary.service_name} | {
        one.name for one in case.canary.spec.service.virtual_services
    }
    for one in case.neighbours:
        shared, field = "", ""
        if (one.group, one.kind) == FLAGGER:
            name = str(mapping(one.spec.get("targetRef")).get("name") or "")
            shared, field = (f"Deployment {name}" if name in ours else ""), "spec.targetRef"
        elif (one.group, one.kind) == ROLLOUT:
            shared, field = _shared_by_rollout(one, ours, routes)
        if shared:
            yield about(
                one,
                Severity.ERROR,
                "TwoControllers",
                field,
                f"{one.kind} {one.ref.name} of {one.group} is in charge of {shared}, as Canary"
                f" {case.canary.name} is: the two undo each other; delete one of them",
            )


def other_canaries(case: Case) -> Iterator[Finding]:
    """Yield other Canaries of linnet's that need objects of the same names.

    In the cluster the one that comes first has them, and the other stalls.
    """
    if not case.canary.copies_target:
        return  # the engine sees it: nothing has to be made first
    for one in case.neighbours:
        if (one.group, one.kind) != CANARY or one.spec.get("primaryRef"):
            continue
        target = str(mapping(one.spec.get("targetRef")).get("name") or "")
        service = str(mapping(one.spec.get("service")).get("name") or target)
        if case.canary.target_name == target or case.canary.service_name == service:
            shared = f"Deployment {target}" if case.canary.target_name == target else service
            yield case.finding(
                Severity.ERROR,
                "TwoCanaries",
                "spec.targetRef" if case.canary.target_name == target else "spec.service",
                f"Canary {one.ref.name} ({one.at()}) is for {shared} as well, and only one of the"
                " two can be: delete the other",
            )


def _shared_by_rollout(rollout: Manifest, ours: set[str], routes: set[str]) -> tuple[str, str]:
    name = str(mapping(rollout.spec.get("workloadRef")).get("name") or "")
    if name in ours:
        return f"Deployment {name}", "spec.workloadRef"
    strategy = mapping(mapping(rollout.spec.get("strategy")).get("canary"))
    istio = mapping(mapping(strategy.get("trafficRouting")).get("istio"))
    named = [istio.get("virtualService"), *items(istio.get("virtualServices"))]
    written = {str(mapping(each).get("name")) for each in named} & routes
    if written:
        return f"VirtualService {min(written)}", "spec.strategy.canary.trafficRouting.istio"
    return "", ""


def autoscalers(case: Case) -> Iterator[Finding]:
    """Yield autoscalers of the two workloads: what they do, and what they do not."""
    if not case.canary.copies_target:
        return
    target, primary = case.canary.target_name, case.canary.primary_name
    for one in case.neighbours:
        if (one.group, one.kind) not in AUTOSCALERS:
            continue
        scaled = mapping(one.spec.get("scaleTargetRef")).get("name")
        if scaled == target:
            yield about(
                one,
                Severity.WARNING,
                "ScalesTheTarget",
                "spec.scaleTargetRef.name",
                f"it scales {target}, which linnet keeps at 0 while there is no release; what"
                f" serves then is {primary}: name that",
            )
        elif scaled == primary:
            yield about(
                one,
                Severity.INFO,
                "ScalesThePrimary",
                "spec.scaleTargetRef.name",
                f"the canary gets as many pods as {primary} has when a release begins, and keeps"
                " that number",
            )


def replicas(case: Case) -> Iterator[Finding]:
    """Yield a size in Git that linnet's scaling goes against."""
    if not case.canary.copies_target or case.has_policy(ASKED_ANNOTATION):
        return
    for one in case.neighbours:
        named = one.ref.name == case.canary.target_name
        if (one.group, one.kind) == DEPLOYMENT and named and one.spec.get("replicas") is not None:
            argocd = bool(case.applications)
            yield about(
                one,
                Severity.WARNING if argocd else Severity.INFO,
                "ReplicasInGit",
                "spec.replicas",
                f"linnet scales {one.ref.name} to 0 while there is no release, and whoever applies"
                f" this manifest scales it to {one.spec['replicas']} again: leave replicas out, or"
                " install linnet's admission policies, which keep the size",
            )
