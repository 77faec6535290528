"""The primary: a copy of the target that serves the promoted revision."""

from collections.abc import Mapping
from typing import Any, Final

from linnet.api.canary import Canary
from linnet.api.names import PRIMARY_SUFFIX, REVISION_ANNOTATION
from linnet.api.objects import ref_of
from linnet.errors import SpecError
from linnet.ownership import claim, owned_metadata
from linnet.workload.revision import revision_of, without_noise

IDENTITY_LABELS: Final = ("app", "name", "app.kubernetes.io/name")
COPIED: Final = ("strategy", "minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit")
POD_AFFINITIES: Final = ("podAffinity", "podAntiAffinity")
LONGEST_LABEL: Final = 63

Object = Mapping[str, Any]


def identity(target: Object) -> tuple[str, str]:
    """Return the label, key and value, by which target and primary are told apart.

    Raises SpecError where the target's selector has no label that can do.
    """
    labels = target["spec"]["selector"].get("matchLabels") or {}
    if not labels:
        raise SpecError(
            "NoSelectorLabel",
            f"{ref_of(target)}: spec.selector.matchLabels is empty, and the primary has to differ "
            "from its target in one of them; create the Deployment anew with a label there, such "
            "as app",
        )
    key = next((label for label in IDENTITY_LABELS if label in labels), min(labels))
    if len(labels[key] + PRIMARY_SUFFIX) > LONGEST_LABEL:
        raise SpecError(
            "LabelTooLong",
            f"{ref_of(target)}: the label {key}: {labels[key]} of spec.selector is too long: the "
            f"primary's gets {PRIMARY_SUFFIX} appended, and may have {LONGEST_LABEL} characters; "
            "create the Deployment anew with a shorter one",
        )
    return key, labels[key]


def target_labels(target: Object) -> dict[str, str]:
    """Return the labels that select the target's pods and no pod of the primary.

    Raises SpecError as `identity` does.
    """
    identity(target)
    return dict(target["spec"]["selector"]["matchLabels"])


def primary_labels(target: Object, primary: Object | None = None) -> dict[str, str]:
    """Return the labels that select the primary's pods and no pod of the target.

    Once there is a primary, its own selector counts: that cannot be changed, even if the target
    was created anew with other labels. Raises SpecError as `identity` does.
    """
    if primary is not None:
        return dict(primary["spec"]["selector"].get("matchLabels") or {})
    key, value = identity(target)
    return {**target["spec"]["selector"]["matchLabels"], key: value + PRIMARY_SUFFIX}


def primary_template(target: Object) -> dict[str, Any]:
    """Return the target's pod template with the primary's identity.

    The identity label changes in the pods' labels and wherever the template selects pods by it: in
    pod affinities and topology spread constraints. All else is the target's to the letter.
    """
    key, value = identity(target)
    template = target["spec"]["template"]
    labels = {**template["metadata"]["labels"], key: value + PRIMARY_SUFFIX}
    pod = dict(template["spec"])
    if affinity := pod.get("affinity"):
        pods = {k: _of_primary(affinity[k], key, value) for k in POD_AFFINITIES if k in affinity}
        pod["affinity"] = {**affinity, **pods}
    if spread := pod.get("topologySpreadConstraints"):
        pod["topologySpreadConstraints"] = _of_primary(spread, key, value)
    return {**template, "metadata": {**template["metadata"], "labels": labels}, "spec": pod}


def same_template(target: Object, primary: Object) -> bool:
    """Tell whether the primary runs the target's template. Raises SpecError as `identity` does."""
    return bool(
        without_noise(primary_template(target)) == without_noise(primary["spec"]["template"])
    )


def primary_deployment(canary: Canary, target: Object, live: Object | None, size: int) -> Object:
    """Return the primary with the target's template and `size` replicas.

    Raises SpecError where the name is taken, or the live primary has another selector.
    """
    spec = target["spec"]
    metadata = owned_metadata(canary, canary.primary_name)
    metadata["annotations"] = {REVISION_ANNOTATION: revision_of(spec["template"])}
    selector = _selector_of_primary(spec["selector"], *identity(target))
    desired = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            **{key: spec[key] for key in COPIED if key in spec},
            "replicas": size,
            "selector": selector,
            "template": primary_template(target),
        },
    }
    claim(canary, desired, live)
    if live is not None and live["spec"]["selector"] != selector:
        raise SpecError(
            "SelectorChanged",
            f"{ref_of(target)} was created anew with another "
            f"spec.selector, which {ref_of(desired)} cannot follow: delete Canary {canary.name} "
            "and create it again",
        )
    return desired


def _of_primary(node: Any, key: str, value: str) -> Any:
    """Return `node` with every label selector that means the target's pods for the primary's."""
    if isinstance(node, list):
        return [_of_primary(item, key, value) for item in node]
    if isinstance(node, Mapping):
        return {
            field: (
                _selector_of_primary(item, key, value)
                if field == "labelSelector" and item
                else _of_primary(item, key, value)
            )
            for field, item in node.items()
        }
    return node


def _selector_of_primary(selector: Object, key: str, value: str) -> dict[str, Any]:
    changed = dict(selector)
    labels = selector.get("matchLabels") or {}
    if labels.get(key) == value:
        changed["matchLabels"] = {**labels, key: value + PRIMARY_SUFFIX}
    if expressions := selector.get("matchExpressions"):
        changed["matchExpressions"] = [
            {**each, "values": [v + PRIMARY_SUFFIX if v == value else v for v in each["values"]]}
            if each["key"] == key and "values" in each
            else each
            for each in expressions
        ]
    return changed
