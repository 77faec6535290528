"""The kinds that linnet watches and writes, and their addresses in the Kubernetes API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from linnet.api import names


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: its group, the versions that linnet can read, best first, and its plural.

    `selector` restricts what is watched to objects with these labels. An `optional` kind may be
    missing without keeping linnet from its work.
    """

    name: str
    group: str
    versions: tuple[str, ...]
    plural: str
    selector: str = ""
    optional: bool = False

    @property
    def resource(self) -> str:
        """The resource's full name, as RBAC rules and messages have it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def api_version(self, version: str) -> str:
        """Return the `apiVersion` of objects of this kind."""
        return f"{self.group}/{version}" if self.group else version

    def discovery_path(self, version: str) -> str:
        """Return where the API server lists the kinds of this group and version."""
        return f"/apis/{self.group}/{version}" if self.group else f"/api/{version}"

    def path(self, version: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the address of an object, a subresource, or (without a name) all objects."""
        parts = [self.discovery_path(version)]
        if namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        return "/".join([*parts, *filter(None, (name, subresource))])


CANARY = Kind(names.KIND, names.GROUP, (names.VERSION,), names.PLURAL)
DEPLOYMENT = Kind("Deployment", "apps", ("v1",), "deployments")
SERVICE = Kind("Service", "", ("v1",), "services")
ENDPOINT_SLICE = Kind(
    "EndpointSlice",
    "discovery.k8s.io",
    ("v1",),
    "endpointslices",
    # Kubernetes copies a Service's labels to its slices, so these are the slices of our Services.
    selector=f"{names.MANAGED_BY_LABEL}={names.MANAGED_BY}",
)
VIRTUAL_SERVICE = Kind(
    "VirtualService", "networking.istio.io", ("v1", "v1beta1"), "virtualservices"
)
DESTINATION_RULE = Kind(
    "DestinationRule", "networking.istio.io", ("v1", "v1beta1"), "destinationrules"
)
PEER_AUTHENTICATION = Kind(
    "PeerAuthentication",
    "security.istio.io",
    ("v1", "v1beta1"),
    "peerauthentications",
    optional=True,
)

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        CANARY,
        DEPLOYMENT,
        SERVICE,
        ENDPOINT_SLICE,
        VIRTUAL_SERVICE,
        DESTINATION_RULE,
        PEER_AUTHENTICATION,
    )
}


class Address(NamedTuple):
    """What a path of the Kubernetes API names."""

    group: str
    version: str
    namespace: str
    plural: str
    name: str
    subresource: str


def parse(path: str) -> Address | None:
    """Read a path of the Kubernetes API; None if it names no resource (discovery, /version)."""
    root, *rest = path.strip("/").split("/")
    group = rest.pop(0) if root == "apis" and rest else ""
    if root not in {"api", "apis"} or len(rest) < 2:
        return None
    version, *rest = rest
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = (*rest, "", "")[:3]
    return Address(group, version, namespace, plural, name, subresource)


def kind_at(address: Address) -> Kind | None:
    """Return the kind that an address is of, if it is one of ours."""
    for kind in KINDS.values():
        if (kind.group, kind.plural) == (address.group, address.plural):
            return kind
    return None
