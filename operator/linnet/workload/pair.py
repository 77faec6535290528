"""Two workloads of the user's own: whether they run the same, and what tells their pods apart.

They may differ for good, in labels, sizes or environment. What counts are the containers' images,
and one annotation of the pod template for whoever releases a change that no image shows.
"""

from collections.abc import Mapping
from typing import Any

from linnet.api.names import CONFIG_ANNOTATION
from linnet.api.objects import ref_of
from linnet.errors import SpecError

Object = Mapping[str, Any]


def same_images(target: Object, primary: Object) -> bool:
    """Tell whether two Deployments run the same: nothing would be released by either."""
    return not missing_in(primary, target)


def missing_in(primary: Object, target: Object) -> tuple[str, ...]:
    """Return what has to be done to the primary for it to run what the target runs, in words.

    Containers go by their names; a single one on either side goes by any name.
    """
    found: list[str] = []
    for field in ("initContainers", "containers"):
        found.extend(_missing(_images(primary, field), _images(target, field)))
    ours, wanted = _config(primary), _config(target)
    if ours != wanted:
        found.append(
            f"set annotation {CONFIG_ANNOTATION} of the pod template to {wanted}"
            if wanted
            else f"remove annotation {CONFIG_ANNOTATION} of the pod template"
        )
    return tuple(found)


def pod_labels(workload: Object) -> dict[str, str]:
    """Return the labels by which a Service selects the pods of a Deployment of the user's own.

    Raises SpecError("NoSelectorLabel") where its selector has none.
    """
    labels = workload["spec"]["selector"].get("matchLabels")
    if not labels:
        raise SpecError(
            "NoSelectorLabel",
            f"{ref_of(workload)}: spec.selector.matchLabels is empty, and Services select pods by "
            "it; create the Deployment anew with labels there, such as app and version",
        )
    return dict(labels)


def check_apart(target: Object, primary: Object) -> None:
    """Raise SpecError("SelectorsOverlap") where a selector of one also selects pods of the other.

    Raises SpecError("NoSelectorLabel") as `pod_labels` does.
    """
    for one, other in ((target, primary), (primary, target)):
        pods = other["spec"]["template"]["metadata"].get("labels") or {}
        if pod_labels(one).items() <= pods.items():
            raise SpecError(
                "SelectorsOverlap",
                f"spec.selector of {ref_of(one)} selects the pods of {ref_of(other)} as well, so "
                "that a Service cannot tell them apart: create the Deployment anew with a label "
                "in its selector that the other's pods do not have, such as version",
            )


def _missing(ours: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    if len(ours) == len(wanted) == 1:
        name, image = next(iter(ours.items()))
        (new,) = wanted.values()
        return [f"set image of container {name} to {new}"] if image != new else []
    changed = [
        f"set image of container {name} to {image}"
        if name in ours
        else f"add container {name} with image {image}"
        for name, image in wanted.items()
        if ours.get(name) != image
    ]
    return [*changed, *(f"remove container {name}" for name in ours if name not in wanted)]


def _images(workload: Object, field: str) -> dict[str, str]:
    containers = workload["spec"]["template"]["spec"].get(field) or ()
    return {container["name"]: container.get("image") or "" for container in containers}


def _config(workload: Object) -> str:
    annotations = workload["spec"]["template"].get("metadata", {}).get("annotations") or {}
    return str(annotations.get(CONFIG_ANNOTATION) or "")
