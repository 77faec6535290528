"""The policies of deploy/ on a real API server: whoever writes, what linnet wrote stays."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cluster.binaries import module_file
from integration.admission import applied
from integration.kubectl import apply, kubectl
from linnet.api.names import ASKED_ANNOTATION, REPLICAS_ANNOTATION, WEIGHTS_ANNOTATION

LINNET = ("--as=system:serviceaccount:anywhere:linnet", "--as-group=system:masters")
SERVER_SIDE = ("--server-side", "--force-conflicts")
HOST = "reviews.{namespace}.svc.cluster.local"


@pytest.fixture(scope="module", autouse=True)
def policies(api: object) -> Iterator[None]:
    """The policies, in force. `api` refuses a cluster that is not for tests."""
    kubectl(
        *("apply", "--server-side", "--force-conflicts", "--filename"),
        str(module_file("crd-all.gen.yaml")),
    )
    with applied():
        _wait_until_in_force()
        yield


def _wait_until_in_force() -> None:
    """The API server takes a moment to learn of a policy, and tells nobody when it has."""
    name = "in-force"
    for _ in range(100):
        obj = _virtual_service("default", [_split(90, 10)], name=name)
        note = _note("default", 50).replace("/reviews ", "/in-force ")
        obj["metadata"]["annotations"] = {WEIGHTS_ANNOTATION: note}
        apply([obj])
        apply([_virtual_service("default", [_split(90, 10)], name=name, timeout="1s")])
        live = json.loads(kubectl("get", "virtualservice", name, "--output=json"))
        kubectl("delete", "virtualservice", name)
        if _weights(live) == [[50, 50]]:
            return
    pytest.fail("the policies do not come into force")


def _split(primary: int, canary: int, host: str = "reviews", **more: Any) -> dict[str, Any]:
    return {**more, "route": [_to("v1", primary, host), _to("v2", canary, host)]}


def _to(subset: str, weight: int | None = None, host: str = "reviews") -> dict[str, Any]:
    entry: dict[str, Any] = {"destination": {"host": host, "subset": subset}}
    return entry if weight is None else entry | {"weight": weight}


def _virtual_service(
    namespace: str, http: list[dict[str, Any]], version: str = "v1", **more: Any
) -> dict[str, Any]:
    """Return a VirtualService whose routes are for a path each, but for the last one."""
    name, timeout = more.get("name", "reviews"), more.get("timeout")
    paths = [{"match": [{"uri": {"exact": f"/{n}"}}]} for n in range(len(http) - 1)]
    http = [{**path, **route} for path, route in zip([*paths, {}], http, strict=True)]
    if timeout:
        http = [{**route, "timeout": timeout} for route in http]
    return {
        "apiVersion": f"networking.istio.io/{version}",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"hosts": ["reviews"], "http": http},
    }


def _note(namespace: str, weight: int, routes: str = "*") -> str:
    host = HOST.format(namespace=namespace)
    return f"{namespace}/reviews {routes} {host}/v1={100 - weight} {host}/v2={weight}"


def _weights(live: dict[str, Any]) -> list[list[int]]:
    return [[entry.get("weight", 0) for entry in r["route"]] for r in live["spec"]["http"]]


class Reviews:
    """A VirtualService with a route at 40/60, which linnet has written."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._in = ("--namespace", namespace)

    def made(self, *http: dict[str, Any], note: str | None = None) -> "Reviews":
        obj = _virtual_service(self.namespace, list(http) or [_split(40, 60)])
        note = _note(self.namespace, 60) if note is None else note
        obj["metadata"]["annotations"] = {WEIGHTS_ANNOTATION: note}
        kubectl("create", "--save-config", "--filename=-", stdin=json.dumps(obj))
        return self

    def written(self, http: list[dict[str, Any]], *how: str, **more: Any) -> list[list[int]]:
        """Write it as somebody would, and return the weights that it has then."""
        obj = _virtual_service(self.namespace, http, **more)
        verb = how or ("apply",)
        kubectl(*verb, "--filename=-", stdin=json.dumps(obj))
        return _weights(self.live())

    def live(self) -> dict[str, Any]:
        found = kubectl("get", "virtualservice", "reviews", "--output=json", *self._in)
        return dict(json.loads(found))

    def gone(self) -> None:
        kubectl("delete", "virtualservice", "reviews", "--ignore-not-found", *self._in)


@pytest.fixture
def reviews(namespace: str) -> Iterator[Reviews]:
    it = Reviews(namespace)
    yield it
    it.gone()


GIT = _split(90, 10)


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(("apply",), id="kubectl apply"),
        pytest.param(("apply", "--server-side", "--force-conflicts"), id="server-side apply"),
        pytest.param(("replace",), id="a replacement, which knows no annotation"),
    ],
)
def test_weights_stay_and_all_else_applies(reviews: Reviews, how: tuple[str, ...]) -> None:
    reviews.made()
    assert reviews.written([GIT], *how, timeout="7s") == [[40, 60]]
    assert reviews.live()["spec"]["http"][0]["timeout"] == "7s"


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_weights_stay_in_every_served_version(reviews: Reviews, version: str) -> None:
    assert reviews.made().written([GIT], version=version) == [[40, 60]]


@pytest.mark.parametrize(
    ("http", "weights"),
    [
        pytest.param(
            [{"route": [_to("v2", 10), _to("v1", 90)]}], [[60, 40]], id="in another order"
        ),
        pytest.param([{"route": [_to("v1"), _to("v2", 100)]}], [[40, 60]], id="without a weight"),
        pytest.param(
            [{"route": [_to("v2")]}, GIT],
            [[0], [40, 60]],
            id="behind a route that is new",
        ),
        pytest.param([GIT, _split(1, 99)], [[40, 60], [40, 60]], id="in a second route as well"),
        pytest.param(
            [{"route": [_to("v1", 80), _to("v2", 10), _to("v3", 10)]}],
            [[80, 10, 10]],
            id="unless it leads to a third destination",
        ),
        pytest.param([{"route": [_to("v1")]}], [[0]], id="unless it leads to one only"),
        pytest.param([_split(90, 10, "ratings")], [[90, 10]], id="unless it is another host"),
    ],
)
def test_weights_stay(
    reviews: Reviews, http: list[dict[str, Any]], weights: list[list[int]]
) -> None:
    assert reviews.made().written(http) == weights


def test_weights_stay_by_hosts_in_full(reviews: Reviews) -> None:
    full = HOST.format(namespace=reviews.namespace)
    assert reviews.made().written([_split(90, 10, full)]) == [[40, 60]]


def test_weights_of_other_routes_are_gits(reviews: Reviews) -> None:
    a, b = _split(40, 60, name="a"), _split(40, 60, name="b")
    reviews.made(a, b, note=_note(reviews.namespace, 60, routes="x,b"))
    assert reviews.written([_split(90, 10, name="b"), _split(90, 10, name="a"), GIT]) == [
        [40, 60],
        [90, 10],
        [90, 10],
    ]


def test_two_canaries_keep_their_weights(reviews: Reviews) -> None:
    note = _note(reviews.namespace, 60)
    other = f"{reviews.namespace}/ratings * ratings.shop.svc.cluster.local=5 ratings-v2.shop=95"
    far = "ratings.shop.svc.cluster.local"
    ratings = {
        "route": [
            {"destination": {"host": far}, "weight": 50},
            {"destination": {"host": "ratings-v2.shop"}, "weight": 50},
        ]
    }
    reviews.made(note=f"{other};{note}")
    assert reviews.written([ratings, GIT]) == [[5, 95], [40, 60]]


def test_linnet_writes_what_it_likes(reviews: Reviews) -> None:
    reviews.made()
    assert reviews.written([_split(20, 80)], "replace", *LINNET) == [[20, 80]]


def test_without_the_annotation_everybody_does(reviews: Reviews) -> None:
    reviews.made()
    remove = ("annotate", "virtualservice", "reviews", f"{WEIGHTS_ANNOTATION}-")
    kubectl(*remove, "--namespace", reviews.namespace)
    assert reviews.written([_split(20, 80)]) == [[20, 80]]


@pytest.mark.parametrize("note", ["", "nonsense", "a b c d", "a * x= y=", ";;"])
def test_an_annotation_that_is_not_readable_keeps_nobody_from_writing(
    reviews: Reviews, note: str
) -> None:
    assert reviews.made(note=note).written([GIT]) == [[90, 10]]


def test_a_large_virtual_service_is_within_the_budget_of_an_expression(reviews: Reviews) -> None:
    many = [_split(90, 10, f"other-{n}") for n in range(150)]
    assert reviews.made().written([*many, GIT])[-1] == [40, 60]


# --- sizes ------------------------------------------------------------------------------------


class Target:
    """A Deployment that linnet has scaled to 0, and whose manifest says 3."""

    def __init__(self, namespace: str) -> None:
        self._in = ("--namespace", namespace)
        self.namespace = namespace

    def made(self, *, marked: bool = True) -> "Target":
        manifest = json.dumps(self._manifest(0))
        kubectl("create", "--save-config", "--filename=-", stdin=manifest)
        if marked:
            notes = (f"{REPLICAS_ANNOTATION}=3", f"{ASKED_ANNOTATION}=3")
            kubectl("annotate", "deployment/podinfo", *notes, *self._in)
        return self

    def applied(self, replicas: int, *how: str) -> tuple[int, str | None]:
        """Apply the manifest; return the size, and what is noted that was asked for."""
        manifest = self._manifest(replicas)
        kubectl("apply", *how, "--filename=-", stdin=json.dumps(manifest))
        return self.live()

    def scaled(self, replicas: int, *how: str) -> tuple[int, str | None]:
        kubectl("scale", "deployment/podinfo", f"--replicas={replicas}", *self._in, *how)
        return self.live()

    def live(self) -> tuple[int, str | None]:
        found = json.loads(kubectl("get", "deployment/podinfo", "--output=json", *self._in))
        notes = found["metadata"].get("annotations", {})
        return found["spec"]["replicas"], notes.get(ASKED_ANNOTATION)

    def gone(self) -> None:
        kubectl("delete", "deployment/podinfo", *self._in)

    def _manifest(self, replicas: int) -> dict[str, Any]:
        labels = {"app": "podinfo"}
        container = {"name": "app", "image": "podinfo:1.0.0"}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "podinfo", "namespace": self.namespace},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        }


@pytest.fixture
def target(namespace: str) -> Iterator[Target]:
    it = Target(namespace)
    yield it
    it.gone()


@pytest.mark.parametrize("how", [(), SERVER_SIDE], ids=["client-side", "server-side"])
def test_a_manifest_does_not_scale_a_target(target: Target, how: tuple[str, ...]) -> None:
    target.made()
    assert target.applied(3, *how) == (0, "3")
    assert target.applied(5, *how) == (0, "5")


def test_kubectl_scale_does(target: Target) -> None:
    assert target.made().scaled(4) == (4, "3")
    assert target.applied(3) == (4, "3")


def test_linnet_does(target: Target) -> None:
    assert target.made().scaled(2, *LINNET) == (2, "3")


def test_a_deployment_of_nobodys_is_scaled_by_its_manifest(target: Target) -> None:
    assert target.made(marked=False).applied(3) == (3, None)
