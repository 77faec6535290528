"""Listings: read from the HTTP answer, page by page."""

from typing import Any

import pytest
from yarl import URL

from linnet.adapters.cache import Cache
from linnet.adapters.kinds import KINDS
from linnet.adapters.listings import Listings, Scope
from linnet.api.objects import ObjectRef
from unit.adapters.objects import obj

API = "https://cluster.example"
DEPLOYMENTS = Scope(KINDS["Deployment"], "")
URL_ALL = URL(f"{API}/apis/apps/v1/deployments")


@pytest.fixture
def cache() -> Cache:
    return Cache(lambda ref: None)


@pytest.fixture
async def listings(cache: Cache) -> Listings:
    listings = Listings(cache)
    listings.expect([DEPLOYMENTS])
    return listings


def page(*names: str, version: int = 10, more: str = "") -> dict[str, Any]:
    """Return a page as the API server sends it: its items have neither kind nor apiVersion."""
    items = []
    for name in names:
        item = obj("Deployment", name, version)
        del item["kind"], item["apiVersion"]
        items.append(item)
    metadata = {"resourceVersion": str(version), "continue": more}
    return {
        "kind": "DeploymentList",
        "apiVersion": "apps/v1",
        "metadata": metadata,
        "items": items,
    }


def names(cache: Cache) -> set[str]:
    return {ref.name for ref in cache.refs(KINDS["Deployment"])}


async def test_a_page_goes_into_the_cache_and_on_as_empty(listings: Listings, cache: Cache) -> None:
    passed_on = listings.take(URL_ALL, page("web", "api"))
    assert passed_on["items"] == []
    assert passed_on["metadata"]["resourceVersion"] == "10", "kopf watches from here"
    live = cache.get(ObjectRef("Deployment", "shop", "web"))
    assert live is not None
    assert (live["kind"], live["apiVersion"]) == ("Deployment", "apps/v1")


async def test_it_is_complete_after_the_last_page(listings: Listings) -> None:
    listings.take(URL_ALL.with_query(limit="1"), page("web", more="next"))
    assert not listings.complete.is_set()
    assert listings.missing() == ["deployments.apps"]
    listings.take(URL_ALL.with_query({"limit": "1", "continue": "next"}), page("api"))
    assert listings.complete.is_set()
    assert listings.missing() == []


async def test_what_was_deleted_while_nobody_watched_is_forgotten(
    listings: Listings, cache: Cache
) -> None:
    listings.take(URL_ALL, page("web", "api"))
    listings.take(URL_ALL, page("web", version=20))
    assert names(cache) == {"web"}


async def test_an_empty_listing_forgets_everything(listings: Listings, cache: Cache) -> None:
    listings.take(URL_ALL, page("web"))
    listings.take(URL_ALL, page(version=20))
    assert names(cache) == set()


async def test_a_listing_that_broke_off_forgets_nothing(listings: Listings, cache: Cache) -> None:
    listings.take(URL_ALL, page("web", "api"))
    listings.take(URL_ALL.with_query(limit="1"), page("web", version=20, more="next"))
    assert names(cache) == {"web", "api"}
    listings.take(URL_ALL.with_query(limit="1"), page("api", version=30))
    assert names(cache) == {"api"}, "the pages of the broken listing do not count"


async def test_an_empty_cluster_is_complete_too(listings: Listings) -> None:
    listings.take(URL_ALL, page())
    assert listings.complete.is_set()


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(URL_ALL / "status", id="one object"),
        pytest.param(URL_ALL.with_query(watch="true"), id="a watch"),
        pytest.param(URL(f"{API}/apis/apps/v1"), id="discovery"),
        pytest.param(URL(f"{API}/api/v1/pods"), id="another kind"),
    ],
)
async def test_everything_else_passes_untouched(listings: Listings, url: URL) -> None:
    answer = page("web")
    assert listings.take(url, answer) is answer
    assert not listings.complete.is_set()


async def test_each_namespace_is_waited_for(listings: Listings, cache: Cache) -> None:
    listings.expect([Scope(KINDS["Deployment"], "shop"), Scope(KINDS["Deployment"], "search")])
    listings.take(URL(f"{API}/apis/apps/v1/namespaces/shop/deployments"), page("web"))
    assert not listings.complete.is_set()
    listings.take(URL(f"{API}/apis/apps/v1/namespaces/search/deployments"), page())
    assert listings.complete.is_set()
    assert names(cache) == {"web"}, "an empty namespace says nothing about another"


async def test_a_kind_that_comes_later_is_waited_for(listings: Listings) -> None:
    listings.take(URL_ALL, page())
    listings.expect([DEPLOYMENTS, Scope(KINDS["VirtualService"], "")])
    assert not listings.complete.is_set()
    assert listings.missing() == ["virtualservices.networking.istio.io"]
