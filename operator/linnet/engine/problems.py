"""What the user has to mend before linnet may go on."""

from collections.abc import Iterator, Mapping
from typing import Any

from linnet.analysis import templates
from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef
from linnet.engine.observation import Observation
from linnet.errors import SpecError, told_by
from linnet.routing.conflicts import conflicts
from linnet.routing.services import check_ports
from linnet.workload.pair import check_apart
from linnet.workload.primary import primary_labels
from linnet.workload.sharing import shared_workload

Object = Mapping[str, Any]


def problems(canary: Canary, observation: Observation) -> Iterator[SpecError]:
    """Yield the reasons why the Canary cannot work as it is written, each as it is asked for.

    The first is the one that it stalls on; those after it may come of it.
    """

    def live(name: str) -> Object | None:
        return observation.objects.get(ObjectRef("Deployment", canary.namespace, name))

    target, primary = live(canary.target_name), live(canary.primary_name)
    if target is None:
        yield _not_found("TargetNotFound", "targetRef", canary.namespace, canary.target_name)
    else:
        yield from told_by(shared_workload, canary, observation.neighbours)
        if canary.copies_target:
            yield from told_by(primary_labels, target)
    if not canary.copies_target:
        if primary is None:
            yield _not_found("PrimaryNotFound", "primaryRef", canary.namespace, canary.primary_name)
        else:
            if canary.makes_services and target is not None:
                yield from told_by(check_apart, target, primary)
            yield from told_by(check_ports, canary, primary)
    if target is not None:
        yield from told_by(check_ports, canary, target)
    yield from templates.problems(canary)
    yield from conflicts(canary, observation.objects, observation.neighbours, observation.adopters)


def _not_found(reason: str, field: str, namespace: str, name: str) -> SpecError:
    return SpecError(
        reason,
        f"spec.{field}: Deployment {namespace}/{name} does not exist; create it, or correct the"
        " name",
    )
