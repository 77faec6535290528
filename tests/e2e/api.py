"""The Kubernetes API as a user of the cluster sees it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from linnet.adapters.connection import Connection, NotFoundError
from linnet.adapters.kinds import KINDS, Kind
from linnet.api.objects import ObjectRef, ref_of

_RBAC = "rbac.authorization.k8s.io"
MORE = {
    kind.name: kind
    for kind in (
        Kind("Application", "argoproj.io", ("v1alpha1",), "applications"),
        Kind("ClusterRole", _RBAC, ("v1",), "clusterroles"),
        Kind("ClusterRoleBinding", _RBAC, ("v1",), "clusterrolebindings"),
        Kind("ConfigMap", "", ("v1",), "configmaps"),
        Kind(
            "CustomResourceDefinition",
            "apiextensions.k8s.io",
            ("v1",),
            "customresourcedefinitions",
        ),
        Kind("Event", "", ("v1",), "events"),
        *(
            Kind(name, "admissionregistration.k8s.io", ("v1",), plural)
            for name, plural in (
                ("MutatingAdmissionPolicy", "mutatingadmissionpolicies"),
                ("MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings"),
                ("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
                ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
            )
        ),
        Kind("Namespace", "", ("v1",), "namespaces"),
        Kind("Pod", "", ("v1",), "pods"),
        Kind("Role", _RBAC, ("v1",), "roles"),
        Kind("RoleBinding", _RBAC, ("v1",), "rolebindings"),
        Kind("ServiceAccount", "", ("v1",), "serviceaccounts"),
        Kind("Telemetry", "telemetry.istio.io", ("v1",), "telemetries"),
    )
}
MANAGER = "e2e-user"
WITHIN = 120.0
"""Seconds that a wait takes at most. As a rule it is a few. On a machine that has much else to do
it can be many times as long, and nothing is wrong."""


class Api:
    """Applies, reads, patches, deletes and awaits objects, under one identity."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, kubeconfig: Path) -> "Api":
        """Connect as the kubeconfig's user."""
        return cls(await Connection.open(str(kubeconfig)))

    @property
    def server(self) -> str:
        """The API server's URL."""
        return self._connection.server

    async def close(self) -> None:
        """Close all connections."""
        await self._connection.close()

    async def apply(self, obj: Mapping[str, Any], *, force: bool = True) -> dict[str, Any]:
        """Server-side apply one object, as `kubectl apply --server-side --force-conflicts`."""
        ref = ref_of({"kind": obj["kind"], **obj})
        return await self._connection.request(
            "PATCH",
            _path(ref, obj["apiVersion"]),
            ref,
            body=dict(obj),
            query={
                "fieldManager": MANAGER,
                "force": str(force).lower(),
                "fieldValidation": "Strict",
            },
            content_type="application/apply-patch+yaml",
        )

    async def get(self, ref: ObjectRef) -> dict[str, Any] | None:
        """Return the object, or None where there is none."""
        try:
            return await self._connection.request("GET", _path(ref), ref)
        except NotFoundError:
            return None

    async def list(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        """Return all objects of a kind in a namespace."""
        ref = ObjectRef(kind, namespace, "")
        answer = await self._connection.request("GET", _path(ref), ref)
        return list(answer["items"])

    async def patch(self, ref: ObjectRef, body: Mapping[str, Any]) -> dict[str, Any]:
        """Merge-patch the object."""
        return await self._connection.request(
            "PATCH", _path(ref), ref, body=body, content_type="application/merge-patch+json"
        )

    async def delete(self, ref: ObjectRef) -> None:
        """Delete the object if it is there."""
        try:
            await self._connection.request("DELETE", _path(ref), ref)
        except NotFoundError:
            return

    async def token(self, namespace: str, service_account: str) -> str:
        """Return a token of a ServiceAccount, good for some hours."""
        answer = await self._connection.request(
            "POST",
            f"{_path(ObjectRef('ServiceAccount', namespace, service_account))}/token",
            service_account,
            body={
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"expirationSeconds": 6 * 3600},
            },
        )
        return str(answer["status"]["token"])

    async def until(
        self,
        ref: ObjectRef,
        holds: Callable[[dict[str, Any]], bool],
        *,
        within: float = WITHIN,
    ) -> dict[str, Any]:
        """Wait until the object is there and the condition holds; return it.

        AssertionError with the object's last state when that does not happen within the seconds.
        """
        end = time.monotonic() + within
        while True:
            obj = await self.get(ref)
            if obj is not None and holds(obj):
                return obj
            if time.monotonic() > end:
                state = (obj or {}).get("status", "absent")
                raise AssertionError(f"{ref} did not get there within {within:g} s: {state}")
            await asyncio.sleep(0.05)  # the polling interval of this wait

    async def until_gone(self, ref: ObjectRef, *, within: float = WITHIN) -> None:
        """Wait until the object is gone."""
        end = time.monotonic() + within
        while (obj := await self.get(ref)) is not None:
            assert time.monotonic() < end, f"{ref} is still there: {obj.get('status')}"
            await asyncio.sleep(0.05)  # the polling interval of this wait


def _path(ref: ObjectRef, api_version: str = "") -> str:
    kind = KINDS.get(ref.kind) or MORE[ref.kind]
    version = api_version.rpartition("/")[2] or kind.versions[0]
    return kind.path(version, ref.namespace, ref.name)
