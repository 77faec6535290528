"""The test cluster's API server, as linnet and the others in a namespace see it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import yaml
from kubernetes import client, dynamic
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError

from cluster.binaries import module_file
from linnet.api.canary import Canary
from linnet.api.names import API_VERSION, FIELD_MANAGER, KIND
from linnet.api.objects import ObjectRef, ref_of
from linnet.engine.decision import Create, Replace
from linnet.engine.diff import change
from unit.workload.deployments import deployment

Object = Mapping[str, Any]

VERSIONS = {
    KIND: API_VERSION,
    "Deployment": "apps/v1",
    "Service": "v1",
    "VirtualService": "networking.istio.io/v1",
    "DestinationRule": "networking.istio.io/v1",
}


@dataclass(frozen=True)
class Namespace:
    """One namespace of the API server, as linnet and the others there see it."""

    api: Any
    name: str

    def get(self, ref: ObjectRef) -> dict[str, Any] | None:
        """Return an object as the cache has it."""
        try:
            return _cached(self._kind(ref).get(name=ref.name, namespace=self.name))
        except NotFoundError:
            return None

    def known(self, ref: ObjectRef) -> dict[str, Any]:
        """Return an object that must be there."""
        live = self.get(ref)
        assert live is not None
        return live

    def user_creates(self, obj: Object) -> dict[str, Any]:
        """Create an object, as a user would; return it as the API server does."""
        created = self._kind(ref_of(obj)).create(body=dict(obj), namespace=self.name)
        return _cached(created)

    def user_patches(self, ref: ObjectRef, patch: Object) -> dict[str, Any]:
        """Merge a patch into an object, as a user would: lists are replaced."""
        patched = self._kind(ref).patch(
            body=dict(patch),
            name=ref.name,
            namespace=self.name,
            content_type="application/merge-patch+json",
        )
        return _cached(patched)

    def user_deletes(self, ref: ObjectRef) -> None:
        """Delete an object, as a user would."""
        self._kind(ref).delete(name=ref.name, namespace=self.name)

    def linnet_writes(self, desired: Object) -> dict[str, Any]:
        """Make an object what it should be; return it as it is then."""
        ref = ref_of(desired)
        match change(desired, self.get(ref)):
            case Create(_, obj):
                obj = dict(obj) | {"apiVersion": VERSIONS[ref.kind]}
                self._kind(ref).create(body=obj, namespace=self.name, field_manager=FIELD_MANAGER)
            case Replace(_, obj):
                try:
                    self.linnet_replaces(obj)
                except ConflictError:  # a controller was faster
                    return self.linnet_writes(desired)
        return self.known(ref)

    def linnet_replaces(self, obj: Object) -> dict[str, Any]:
        """Put an object in place of the live one."""
        replaced = self._kind(ref_of(obj)).replace(
            body=dict(obj), namespace=self.name, field_manager=FIELD_MANAGER
        )
        return _cached(replaced)

    def schemas(self, api_version: str) -> dict[str, Any]:
        """Return the API server's own description of the kinds of a group."""
        answer = self.api.request("get", f"/openapi/v3/apis/{api_version}", serialize=False)
        schemas: dict[str, Any] = json.loads(answer.data)["components"]["schemas"]
        return schemas

    def _kind(self, ref: ObjectRef) -> Any:
        return self.api.resources.get(api_version=VERSIONS[ref.kind], kind=ref.kind)


def _cached(answer: Any) -> dict[str, Any]:
    obj: dict[str, Any] = answer.to_dict()
    obj["metadata"].pop("managedFields", None)
    return obj


def as_written(obj: Object) -> dict[str, Any]:
    """Return an object without what changes with every write."""
    metadata = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}
    metadata.pop("generation", None)
    return {**obj, "metadata": metadata}


def namespace_with_istio(api: client.ApiClient, name: str) -> Namespace:
    """Return a namespace, after the API server was taught Istio's kinds if need be."""
    dynamic_api: Any = dynamic.DynamicClient(api)
    definitions = dynamic_api.resources.get(
        api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition"
    )
    known = {crd.metadata.name for crd in definitions.get().items}
    for crd in yaml.safe_load_all(module_file("crd-all.gen.yaml").read_text(encoding="utf-8")):
        if crd["metadata"]["name"] in known or crd["spec"]["group"] != "networking.istio.io":
            continue
        definitions.create(body=crd)
        for event in definitions.watch(name=crd["metadata"]["name"], timeout=30):
            conditions = event["object"].to_dict().get("status", {}).get("conditions", [])
            if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
                break
    return Namespace(dynamic_api, name)


_numbers = count(1)


class Canaries:
    """Makes Canaries that are there as long as it is: else their dependents would be collected."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._made: list[ObjectRef] = []

    def make(self, **service: Any) -> Canary:
        """Make a Canary that linnet keeps its hands off, with settings of `spec.service`."""
        name = f"podinfo-{next(_numbers)}"
        obj = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": name, "namespace": self._namespace.name},
            "spec": {
                "suspend": True,
                "targetRef": {"name": name},
                "skipAnalysis": True,
                "service": {"port": 80, **service},
            },
        }
        canary = Canary.from_object(self._namespace.user_creates(obj))
        self._made.append(canary.ref)
        return canary

    def make_target(self, canary: Canary, **spec: Any) -> dict[str, Any]:
        """Make the Deployment of a Canary; `spec` as in `deployment`."""
        target = deployment(canary.target_name, self._namespace.name, **spec)
        return self._namespace.user_creates(target)

    def close(self) -> None:
        """Delete the Canaries."""
        for ref in self._made:
            self._namespace.user_deletes(ref)
