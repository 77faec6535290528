"""What an Argo CD Application does to the objects that linnet shares with Git."""

from collections.abc import Iterator
from typing import Final

from linnet.api.names import WEIGHTS_ANNOTATION
from linnet.planning.finding import Finding, Severity
from linnet.planning.findings.case import Case, about, items, mapping
from linnet.planning.manifests import APPLICATION, VIRTUAL_SERVICE, Manifest, Object

COMPARE: Final = "argocd.argoproj.io/compare-options"
SERVER_SIDE: Final = "ServerSideDiff=true"
MUTATIONS: Final = "IncludeMutationWebhook=true"
SYNC: Final = "argocd.argoproj.io/sync-options"
WAVE: Final = "argocd.argoproj.io/sync-wave"
GROUP, KIND = VIRTUAL_SERVICE


def ignored_differences(case: Case) -> Iterator[Finding]:
    """Yield Applications in which edits of a VirtualService never come into effect."""
    for one in case.manifests.of_kind(APPLICATION):
        if "RespectIgnoreDifferences=true" not in _options(one):
            continue
        for number, ignored in enumerate(map(mapping, items(one.spec.get("ignoreDifferences")))):
            if not _is_about_weights(ignored):
                continue
            yield about(
                one,
                Severity.ERROR,
                "EditsNeverApply",
                f"spec.ignoreDifferences[{number}]",
                "with RespectIgnoreDifferences=true Argo CD puts the whole live spec.http in place"
                " of Git's, so a commit that changes a timeout or adds a route is 'successfully"
                " synced' and never applied: remove both, and install linnet's admission policies,"
                " which keep the weights alone; without these leave out RespectIgnoreDifferences",
            )


def _is_about_weights(ignored: Object) -> bool:
    if ignored.get("group") not in (GROUP, "*") or ignored.get("kind") not in (KIND, "*"):
        return False
    pointers = [str(p) for p in items(ignored.get("jsonPointers"))]
    paths = [str(p) for p in items(ignored.get("jqPathExpressions"))]
    return (
        bool(items(ignored.get("managedFieldsManagers")))
        or any(pointer.startswith("/spec/http") or pointer == "/spec" for pointer in pointers)
        or any("http" in path or path == ".spec" for path in paths)
    )


def replaced_objects(case: Case) -> Iterator[Finding]:
    """Yield objects that a sync replaces, with all that linnet notes in them."""
    for one in case.applications:
        if "Replace=true" in _options(one):
            yield about(
                one,
                Severity.WARNING,
                "Replaced",
                "spec.syncPolicy.syncOptions",
                "with Replace=true each sync puts objects in place of the live ones, without the"
                " annotations and finalizers that linnet keeps in them: leave it out, or annotate"
                " just the objects that need it",
            )
    for other in (case.manifest, *_shared(case)):
        if "Replace=true" in other.annotation(SYNC):
            yield about(
                other,
                Severity.WARNING,
                "Replaced",
                "metadata.annotations",
                "with Replace=true each sync wipes the annotations and finalizers that linnet keeps"
                " in it: leave it out",
            )


def comparison(case: Case) -> Iterator[Finding]:
    """Yield Applications that show adopted routes as OutOfSync during a release."""
    if not case.canary.adopts:
        return
    for one in case.applications:
        given = [part.strip() for part in one.annotation(COMPARE).split(",")]
        if SERVER_SIDE not in given and not _ignores_weights(one):
            yield about(
                one,
                Severity.WARNING,
                "ComparedByText",
                "metadata.annotations",
                f"Canary {case.canary.name} adopts routes, whose weights an admission policy keeps;"
                f" without {SERVER_SIDE} Argo CD compares with the weights in Git, and shows"
                f" OutOfSync all through a release: annotate the Application {COMPARE}:"
                f" {SERVER_SIDE}",
            )
        if MUTATIONS in given:
            yield about(
                one,
                Severity.INFO,
                "ComparesVersions",
                "metadata.annotations",
                f"with {MUTATIONS} Argo CD compares resourceVersion as well, and each status that"
                " is written is a flash of OutOfSync: leave it out",
            )


def _ignores_weights(application: Manifest) -> bool:
    ignored = map(mapping, items(application.spec.get("ignoreDifferences")))
    return any(map(_is_about_weights, ignored))


def reset_weights(case: Case) -> Iterator[Finding]:
    """Yield Applications that reset adopted weights where no policy keeps them."""
    if not case.canary.adopts or case.has_policy(WEIGHTS_ANNOTATION):
        return
    for one in case.applications:
        automated = mapping(mapping(one.spec.get("syncPolicy")).get("automated"))
        if automated.get("selfHeal") is True:
            yield about(
                one,
                Severity.INFO,
                "NeedsPolicy",
                "spec.syncPolicy.automated.selfHeal",
                f"it sets the weights that Canary {case.canary.name} writes back to Git's, unless"
                " the cluster has linnet's admission policies"
                " (deploy/kustomize/components/admission-policies), which are not in these"
                " manifests",
            )


def waves(case: Case) -> Iterator[Finding]:
    """Yield a Canary that holds up a sync: what comes in later waves waits for its release."""
    own = _wave(case.manifest)
    if own is None:
        return
    later = [one for one in case.neighbours if (_wave(one) or 0) > own]
    if later:
        last = max(_wave(one) or 0 for one in later)
        names = ", ".join(f"{one.kind} {one.ref.name}" for one in later[:3])
        yield case.finding(
            Severity.WARNING,
            "NotInTheLastWave",
            "metadata.annotations",
            f"{names}{' …' if len(later) > 3 else ''} in sync wave {last} waits until the Canary of"
            f" wave {own} is Healthy, which takes a whole release: give the Canary the last wave",
        )


def _wave(one: Manifest) -> int | None:
    try:
        return int(one.annotation(WAVE) or 0)
    except ValueError:
        return None


def _shared(case: Case) -> Iterator[Manifest]:
    """Yield the objects of the user's own that linnet keeps annotations in."""
    adopted = {one.name for one in case.canary.spec.service.virtual_services}
    for one in case.neighbours:
        target = one.kind == "Deployment" and one.ref.name == case.canary.target_name
        if target or (one.kind == KIND and one.ref.name in adopted):
            yield one


def _options(application: Manifest) -> list[str]:
    policy = mapping(application.spec.get("syncPolicy"))
    return [str(option).replace(" ", "") for option in items(policy.get("syncOptions"))]
