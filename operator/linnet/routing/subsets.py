"""The pods that the subsets of a user's DestinationRule select."""

from collections.abc import Mapping
from typing import Any

from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef
from linnet.errors import SpecError

Object = Mapping[str, Any]


def check_subsets(canary: Canary, objects: Mapping[ObjectRef, Object]) -> SpecError | None:
    """Return the error where a subset does not select the pods of its side, and of that alone."""
    rule = canary.spec.service.destination_rule_ref
    if rule is None:
        return None
    ref = ObjectRef("DestinationRule", canary.namespace, rule.name)
    subsets = (objects.get(ref, {}).get("spec") or {}).get("subsets") or ()
    labels = {subset.get("name"): subset.get("labels") or {} for subset in subsets}
    names = (canary.primary_name, canary.target_name)
    pods = [
        _pod_labels(objects.get(ObjectRef("Deployment", canary.namespace, name))) for name in names
    ]
    for place, subset in enumerate((rule.primary_subset, rule.canary_subset)):
        wanted, own, other = labels.get(subset), pods[place], pods[1 - place]
        if wanted is None or own is None or other is None:
            continue
        if not wanted.items() <= own.items():
            return SpecError(
                "SubsetMismatch",
                f"the pods of Deployment {canary.namespace}/{names[place]} have not the labels of "
                f"subset {subset} of {ref} ({_words(wanted)}): add these to the Deployment's pod "
                "template, or swap primarySubset and canarySubset",
            )
        if wanted.items() <= other.items():
            return SpecError(
                "SubsetMismatch",
                f"subset {subset} of {ref} ({_words(wanted)}) selects the pods of Deployment "
                f"{canary.namespace}/{names[1 - place]} as well: give it a label, such as version, "
                "that only one of the two has",
            )
    return None


def _pod_labels(deployment: Object | None) -> Mapping[str, str] | None:
    if deployment is None:
        return None
    return deployment["spec"]["template"]["metadata"].get("labels") or {}


def _words(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in sorted(labels.items())) or "no labels"
