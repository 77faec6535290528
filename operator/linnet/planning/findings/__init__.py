"""What is amiss: one module for each field of knowledge, each function a check."""

from linnet.planning.finding import Finding, in_order
from linnet.planning.findings import analysis, argocd, engine, mesh, routes, workloads
from linnet.planning.findings.case import Case

__all__ = ["CHECKS", "Case", "findings"]

CHECKS = (
    engine.what_stalls,
    engine.what_is_waited_for,
    engine.what_begins_at_once,
    engine.what_is_switched_off,
    analysis.intervals,
    analysis.requests_of_a_check,
    analysis.healthy_releases,
    analysis.what_nobody_notices,
    analysis.what_is_not_simulated,
    mesh.labels_that_are_removed,
    mesh.plain_text_under_strict,
    routes.counted_as_the_primary,
    workloads.other_canaries,
    workloads.other_controllers,
    workloads.autoscalers,
    workloads.replicas,
    argocd.ignored_differences,
    argocd.replaced_objects,
    argocd.comparison,
    argocd.reset_weights,
    argocd.waves,
)
"""Each takes a case and yields findings."""


def findings(case: Case) -> tuple[Finding, ...]:
    """Return what is amiss with a Canary and what is around it, the worst first."""
    return in_order(found for check in CHECKS for found in check(case))
