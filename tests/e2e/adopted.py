"""An app whose VirtualService belongs to the team, and policies that keep its weights."""

import asyncio
import copy
from collections.abc import Mapping
from typing import Any

import yaml

from deployment import KUSTOMIZE
from e2e.api import WITHIN, Api
from e2e.app import GATEWAY, NAME, App
from linnet.api.names import WEIGHTS_ANNOTATION
from linnet.api.objects import ref_of

POLICIES = KUSTOMIZE / "components" / "admission-policies"
ROUTES = {"virtualServiceRef": {"name": NAME, "routes": ["main", "beta"]}}


class Adopted(App):
    """A VirtualService with three routes, of which a Canary adopts two."""

    def manifest(self, **spec: Any) -> dict[str, Any]:
        """Return the Canary that writes the weights of two routes."""
        manifest = super().manifest(**spec)
        service = spec.get("service", {})
        if "virtualServiceRefs" not in service:
            service = {**ROUTES, **service}
        manifest["spec"]["service"] = {"port": 80, "targetPort": 9898, **service}
        return manifest

    def split(self, primary: int = 100, **more: Any) -> dict[str, Any]:
        """Return the VirtualService as it is in Git; `more` goes into the main route."""
        both = [
            {"destination": {"host": f"{NAME}-primary", "port": {"number": 80}}, "weight": primary},
            {
                "destination": {"host": f"{NAME}-canary", "port": {"number": 80}},
                "weight": 100 - primary,
            },
        ]
        routes = self.routes()
        routes["spec"]["gateways"] = [GATEWAY, "mesh"]
        routes["spec"]["hosts"].append(NAME)
        routes["spec"]["http"] = [
            {
                "name": "internal",
                "match": [{"uri": {"prefix": "/internal"}}],
                "route": both[:1],
                "fault": {"abort": {"httpStatus": 418, "percentage": {"value": 100}}},
            },
            {
                "name": "beta",
                "match": [{"headers": {"x-beta": {"exact": "yes"}}}],
                "route": copy.deepcopy(both),
                "retries": {"attempts": 3, "retryOn": "5xx"},
            },
            {"name": "main", "route": copy.deepcopy(both), "timeout": "5s", **more},
        ]
        return routes

    async def commit(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Apply a manifest as a Git operator would."""
        return await self.api.apply(obj)

    async def adopted(self) -> None:
        """Wait until the routes have the annotation: linnet writes their weights now."""
        await self.api.until(
            self.ref("VirtualService"),
            lambda routes: WEIGHTS_ANNOTATION in routes["metadata"].get("annotations", {}),
        )

    async def live(self) -> dict[str, Any]:
        """Return the VirtualService."""
        live = await self.api.get(self.ref("VirtualService"))
        assert live is not None
        return live

    async def weight(self, weight: int, within: float = WITHIN) -> None:
        """Wait until both adopted routes give the canary this weight."""
        await self.api.until(
            self.ref("VirtualService"),
            lambda routes: split_of(routes) == [(100 - weight, weight)] * 2,
            within=within,
        )


def split_of(routes: Mapping[str, Any]) -> list[tuple[int, ...]]:
    """Return the weights of each route with two destinations."""
    return [
        tuple(entry.get("weight", 0) for entry in route["route"])
        for route in routes["spec"]["http"]
        if len(route["route"]) > 1
    ]


async def install_policies(api: Api) -> None:
    """Have the API server keep weights and sizes."""
    for obj in policies():
        await api.apply(obj)


async def remove_policies(api: Api) -> None:
    """Have it keep them no more."""
    for obj in policies():
        await api.delete(ref_of(obj))


def policies() -> list[dict[str, Any]]:
    """Return the objects of the component."""
    files = (POLICIES / "weights.yaml", POLICIES / "replicas.yaml")
    return [obj for file in files for obj in yaml.safe_load_all(file.read_text())]


async def in_force(app: Adopted) -> None:
    """Wait until the API server has learned of the policies, which it tells nobody."""
    for _ in range(200):
        live = await app.live()
        before = split_of(live)
        probe = app.split(50)
        kept = await app.commit(probe)
        if split_of(kept) == before != split_of(probe):
            await app.commit(app.split())
            return
        await asyncio.sleep(0.05)  # the polling interval of this wait
    raise AssertionError("the policies do not come into force")


async def policies_keep(api: Api, deployment: Mapping[str, Any]) -> None:
    """Wait until the API server has learned of the policies: a size that is applied is not taken.

    `deployment` is a target that linnet has scaled to another size.
    """
    for _ in range(200):
        live = await api.apply(deployment)
        if live["spec"]["replicas"] != deployment["spec"]["replicas"]:
            return
        # linnet takes a size that got through for a wish, and scales the target down again.
        await api.until(ref_of(deployment), lambda d: d["spec"]["replicas"] == 0)
    raise AssertionError("the policies do not come into force")
