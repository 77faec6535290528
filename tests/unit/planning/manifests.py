"""Manifests to plan: an app with its Canary, to be changed by tests that need something else."""

import copy
from collections.abc import Mapping
from typing import Any

from linnet.api.canary import Canary
from linnet.planning.assumptions import Assumptions
from linnet.planning.finding import Finding
from linnet.planning.findings import Case, findings
from linnet.planning.manifests import CANARY, Manifest, Manifests
from linnet.planning.notice import Notice, Noticed
from linnet.planning.rehearsal import rehearse
from linnet.planning.schedule import schedule

Object = dict[str, Any]
SUBSETS = [{"name": name, "labels": {"version": name}} for name in ("v1", "v2")]


def obj(api_version: str, kind: str, name: str, spec: Any = None, **metadata: Any) -> Object:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop", **metadata},
        **({} if spec is None else {"spec": spec}),
    }


def deployment(
    name: str = "web", image: str = "web:1", labels: Mapping[str, str] | None = None, **spec: Any
) -> Object:
    labels = dict(labels or {"app": name})
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "app", "image": image}]},
    }
    return obj(
        "apps/v1",
        "Deployment",
        name,
        {"selector": {"matchLabels": labels}, "template": template, **spec},
    )


def canary(name: str = "web", metadata: Mapping[str, Any] | None = None, **spec: Any) -> Object:
    analysis = {
        "interval": "30s",
        "threshold": 2,
        "stepWeights": [10, 50],
        "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 97}}],
        **spec.pop("analysis", {}),
    }
    body = {
        "targetRef": {"name": "web"},
        "service": {"port": 80},
        "analysis": {key: value for key, value in analysis.items() if value is not None},
        **spec,
    }
    return obj("linnet.dev/v1beta1", "Canary", name, body, **(metadata or {}))


def adopting(image: str = "web:1") -> list[Object]:
    """Two Deployments of the user's own behind subsets, as in the article; v2 runs `image`."""
    return [
        deployment("web-v1", labels={"app": "web", "version": "v1"}),
        deployment("web-v2", image, labels={"app": "web", "version": "v2"}),
        destination_rule("web", subsets=SUBSETS),
        obj("v1", "Service", "web", {"selector": {"app": "web"}, "ports": [{"port": 80}]}),
        obj(
            "networking.istio.io/v1",
            "VirtualService",
            "web",
            {
                "hosts": ["web"],
                "http": [
                    {
                        "route": [
                            {"destination": {"host": "web", "subset": "v1"}, "weight": 90},
                            {"destination": {"host": "web", "subset": "v2"}, "weight": 10},
                        ]
                    }
                ],
            },
        ),
        canary(
            targetRef={"name": "web-v2"},
            primaryRef={"name": "web-v1"},
            service={
                "virtualServiceRef": {"name": "web"},
                "destinationRuleRef": {
                    "name": "web",
                    "primarySubset": "v1",
                    "canarySubset": "v2",
                },
            },
        ),
    ]


def destination_rule(host: str, **spec: Any) -> Object:
    return obj("networking.istio.io/v1", "DestinationRule", "web", {"host": host, **spec})


def application(annotations: Mapping[str, str] | None = None, **spec: Any) -> Object:
    return obj(
        "argoproj.io/v1alpha1",
        "Application",
        "shop",
        {"destination": {"namespace": "shop"}, **spec},
        namespace="argocd",
        annotations=dict(annotations or {}),
    )


def manifests(*objects: Object, at: str = "app.yaml, object {}") -> Manifests:
    """Return the manifests; line numbers are the places of the objects."""

    def located(number: int, one: Object) -> Manifest:
        return Manifest(
            copy.deepcopy(one),
            lambda place: f"{at.format(number)}: {'.'.join(map(str, place))}",
        )

    return Manifests.of(located(number, one) for number, one in enumerate(objects))


def read(all_of_them: Manifests) -> tuple[Manifest, Canary]:
    """Return the first Canary, as manifest and as read."""
    manifest = next(all_of_them.of_kind(CANARY))
    return manifest, Canary.from_object(manifest.object)


def found(
    *objects: Object,
    notice: Notice | None = None,
    rps: float = 50,
    known: bool = True,
    place: str = "app.yaml, object {}",
) -> list[Finding]:
    """Return what is found about the first Canary."""
    all_of_them = manifests(*objects, at=place)
    manifest, one = read(all_of_them)
    assumed = Assumptions(rps, 0.005, 15, "a test", known=known)
    times = schedule(one, assumed.circumstances)
    rehearsal = rehearse(one, all_of_them)
    return list(findings(Case(manifest, one, all_of_them, assumed, rehearsal, times, notice)))


def noticed(errors: float, back: float, promoted: float = 0.0) -> Noticed:
    return Noticed(errors, 100, back, promoted, 1 - back - promoted, (60, 90), (5, 9))


def notice(healthy: float = 0.0, undecided: float = 0.0, smallest: float | None = 0.02) -> Notice:
    """Return what is noticed: shares of healthy releases, and the smallest error rate."""
    calm = noticed(0.005, healthy, 1 - healthy - undecided)
    least = None if smallest is None else noticed(smallest, 0.97)
    worst = noticed(1.0, 0.0 if smallest is None else 1.0, 1.0 if smallest is None else 0.0)
    return Notice(100, calm, least, (worst,))
