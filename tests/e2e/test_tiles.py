"""The guard's counts, against requests counted one by one."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from e2e.app import NAME, App
from e2e.backend import Backend
from linnet.adapters.prometheus_pool import PrometheusPool
from linnet.adapters.prometheus_tiles import PrometheusTiles
from linnet.analysis.tiles import Counts
from linnet.analysis.watch import TileReading, Watch

SCRAPED = 3.0
"""Seconds after which what happened has been scraped and read: the local cluster scrapes each
second."""


@pytest.fixture
async def tiles(backend: Backend) -> AsyncIterator[PrometheusTiles]:
    pool = PrometheusPool(backend.prometheus, registry=CollectorRegistry())
    tiles = PrometheusTiles(pool, time.time)
    yield tiles
    await tiles.close()
    pool.close()


class Reader:
    """Reads a release tile by tile, as the operator does."""

    def __init__(self, tiles: PrometheusTiles, watch: Watch) -> None:
        self._tiles = tiles
        self._watch = watch
        self.since = time.time()
        self.readings: list[TileReading] = []

    async def until(self, end: float) -> None:
        """Read on until a tile has been read that ended then or later."""
        while self.since < end:
            span = await self._tiles.read(self._watch, self.since)
            assert span.unavailable == ""
            self.readings += span.readings
            if span.readings:
                self.since = span.readings[-1].end
            await asyncio.sleep(max(0.0, span.next_at - time.time()))

    @property
    def canary(self) -> Counts:
        return total([one.tile.canary for one in self.readings])

    @property
    def primary(self) -> Counts:
        return total([one.tile.primary for one in self.readings])


def total(counts: list[Counts | None]) -> Counts:
    known = [one for one in counts if one]
    return Counts(
        sum(one.requests for one in known),
        sum(one.errors for one in known),
        sum(one.slow or 0 for one in known),
    )


@pytest.mark.parametrize(
    ("tag", "slow"),
    [
        pytest.param("2.0.0-errors-20", 0, id="which answers with an error now and then"),
        pytest.param("2.0.0-resets-100", 0, id="which closes every connection"),
        pytest.param("2.0.0-slow-500", 1, id="which is slow"),
    ],
)
async def test_tiles_hold_each_request_to_a_canary(
    app: App, tiles: PrometheusTiles, tag: str, slow: int
) -> None:
    await app.create("1.0.0")
    analysis = {"interval": "10m", "stepWeights": [50], "metrics": [], "guard": {"enabled": False}}
    await app.initialized(analysis=analysis)
    async with app.traffic(rps=100) as load:
        await load.more(300)
    await asyncio.sleep(SCRAPED)
    found = await tiles.baseline("", app.namespace, f"{NAME}-primary")
    assert found.absent == ""
    assert found.yardstick is not None
    assert (found.yardstick.seconds, found.yardstick.reporter) == (1, "source")
    assert found.yardstick.edge is not None
    assert found.yardstick.edge < 500
    reader = Reader(tiles, Watch(app.namespace, NAME, f"{NAME}-primary", found.yardstick))
    async with app.traffic(rps=100) as load:
        reading = asyncio.create_task(reader.until(time.time() + 20))
        await app.release(tag)
        await app.weight(50)
        await load.more(500)
    reading.cancel()
    await reader.until(time.time() + SCRAPED)

    counts, old = load.counts(), load.by_version()["1.0.0"]
    print(f"{tag}: {counts.sent} requests, {old} to the primary; {reader.canary}, {reader.primary}")
    assert reader.primary.requests == old
    assert reader.canary.requests == counts.sent - old > 0
    assert reader.primary.errors + reader.canary.errors == counts.failed
    assert (reader.canary.slow or 0) >= slow * reader.canary.requests
