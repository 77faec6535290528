"""The Services of a Canary: one for each side, and the one that clients call."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from linnet.api.canary import Canary
from linnet.api.objects import ObjectRef, ref_of
from linnet.errors import SpecError
from linnet.ownership import claim, owned_metadata
from linnet.routing.takeover import is_to_be_taken_over, port_key, take_over

Object = Mapping[str, Any]
Live = Mapping[ObjectRef, Object]


def services(
    canary: Canary,
    target: Mapping[str, str],
    primary: Mapping[str, str],
    live: Live,
    apex: Literal["primary", "target"] | None,
) -> Iterator[Object]:
    """Yield the Services to have; `target` and `primary` are the labels of either side's pods.

    The apex, which is the Service that clients call, is among them once it is said whose pods it
    selects. One that was there before keeps its other ports, its type and its metadata.
    Raises SpecError where a name is taken, or the Service that is there cannot do.
    """
    for name, selector in ((canary.service_primary, primary), (canary.service_canary, target)):
        service = _service(canary, name, selector)
        yield claim(canary, service, live.get(ObjectRef("Service", canary.namespace, name)))
    if apex is not None:
        selector = primary if apex == "primary" else target
        yield _apex(canary, selector, live.get(apex_ref(canary)))


def apex_ref(canary: Canary) -> ObjectRef:
    """Return the reference of the Service that clients call."""
    return ObjectRef("Service", canary.namespace, canary.service_name)


def check_apex(canary: Canary, live: Object | None) -> None:
    """Raise SpecError where the Service that clients call is there and cannot do."""
    if live is None or not is_to_be_taken_over(canary, live):
        return
    ref, service = ref_of(live), canary.spec.service
    if live["spec"].get("type") == "ExternalName":
        raise SpecError(
            "ServiceUnusable",
            f"{ref} is of type ExternalName and leads out of the cluster: delete it, or set "
            "spec.service.name to the name of another Service",
        )
    for port in live["spec"].get("ports") or ():
        if port.get("name") == service.port_name and port_key(port) != (service.port_number, "TCP"):
            raise SpecError(
                "ServiceUnusable",
                f"{ref} names port {port['port']} {service.port_name!r} already, which is "
                f"spec.service.portName of port {service.port}: set spec.service.port to the port "
                "that clients call, or spec.service.portName to a name that is free",
            )


def check_ports(canary: Canary, target: Object) -> None:
    """Raise SpecError("PortMissing") when no container has a port of the name that is asked for.

    A number need not be declared: Kubernetes reaches undeclared ports as well.
    """
    wanted = canary.spec.service.target_port
    if not isinstance(wanted, str):
        return
    names = sorted(name for port in container_ports(target) if (name := port.get("name")))
    if wanted not in names:
        known = f"it has {', '.join(names)}" if names else "it names none"
        raise SpecError(
            "PortMissing",
            f"spec.service.targetPort: no container of {ref_of(target)}"
            f" has a port named {wanted!r} ({known}); correct the name, or "
            "name the port in the Deployment",
        )


def container_ports(target: Object) -> Iterator[Object]:
    """Yield the ports that a Deployment's containers declare, where Services look for names."""
    pod = target["spec"]["template"]["spec"]
    sidecars = [c for c in pod.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in (*(pod.get("containers") or ()), *sidecars):
        yield from container.get("ports") or ()


def _apex(canary: Canary, selector: Mapping[str, str], live: Object | None) -> dict[str, Any]:
    check_apex(canary, live)
    return take_over(canary, _service(canary, canary.service_name, selector), live)


def _service(canary: Canary, name: str, selector: Mapping[str, str]) -> dict[str, Any]:
    service = canary.spec.service
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": owned_metadata(canary, name),
        "spec": {
            "selector": dict(selector),
            "ports": [
                {
                    "name": service.port_name,
                    "port": service.port_number,
                    "protocol": "TCP",
                    "targetPort": service.target_port or service.port_number,
                }
            ],
        },
    }
