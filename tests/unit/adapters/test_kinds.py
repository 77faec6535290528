"""Addresses of the Kubernetes API, written and read."""

import pytest
from yarl import URL

from linnet.adapters.kinds import KINDS, Address, Kind, kind_at, parse
from linnet.adapters.telemetry import describe


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/api/v1/services", Address("", "v1", "", "services", "", "")),
        ("/api/v1/namespaces/shop", Address("", "v1", "", "namespaces", "shop", "")),
        (
            "/apis/apps/v1/namespaces/shop/deployments/web/scale",
            Address("apps", "v1", "shop", "deployments", "web", "scale"),
        ),
        ("/api", None),
        ("/apis", None),
        ("/apis/apps/v1", None),
        ("/api/v1", None),
        ("/version", None),
        ("/", None),
    ],
)
def test_a_path_is_read(path: str, address: Address | None) -> None:
    assert parse(path) == address


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_what_is_written_is_read_again(kind: Kind) -> None:
    address = parse(kind.path(kind.versions[0], "shop", "web", "status"))
    assert address == Address(kind.group, kind.versions[0], "shop", kind.plural, "web", "status")
    assert kind_at(address) is kind


def test_without_a_name_all_objects_are_meant() -> None:
    assert KINDS["Service"].path("v1") == "/api/v1/services"
    assert KINDS["Service"].path("v1", "shop") == "/api/v1/namespaces/shop/services"


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("GET", "/apis/apps/v1/deployments?limit=5", ("list", "deployments")),
        ("GET", "/apis/apps/v1/deployments?watch=true", ("watch", "deployments")),
        ("GET", "/apis/apps/v1/namespaces/shop/deployments/web", ("get", "deployments")),
        (
            "PUT",
            "/apis/apps/v1/namespaces/shop/deployments/web/scale",
            ("update", "deployments/scale"),
        ),
        ("PATCH", "/api/v1/namespaces/shop/services/web", ("patch", "services")),
        ("POST", "/apis/events.k8s.io/v1/namespaces/shop/events", ("create", "events")),
        ("DELETE", "/api/v1/namespaces/shop/services/web", ("delete", "services")),
        ("GET", "/apis/apps/v1", ("get", "discovery")),
    ],
)
def test_requests_are_counted_in_the_words_of_rbac(
    method: str, path: str, said: tuple[str, str]
) -> None:
    assert describe(method, URL("https://cluster.example" + path)) == said
