"""Tiles for many releases: how many queries, who shares them, and what is said when they fail."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from linnet.adapters.prometheus_pool import PrometheusPool
from linnet.adapters.prometheus_ranges import WATCHES_A_QUERY
from linnet.adapters.prometheus_tiles import ACTIVE_TILES, MAX_TILES, PrometheusTiles
from linnet.analysis.tiles import Counts
from linnet.analysis.watch import TileSpan, Watch, Yardstick
from unit.adapters.prometheus_stub import Answer, Request, Stub, body, hang_up, result

END = 1_767_268_800.0
"""When a tile of any length ends."""


def release(number: int = 0, server: str = "", **changes: Any) -> Watch:
    name = f"app{number:04}"
    yardstick = Yardstick(**{"seconds": 5.0, "reporter": "source", **changes})
    return Watch("shop", name, f"{name}-primary", yardstick, server)


def mesh(*, late: int = 0, tiles: tuple[float, ...] = ()) -> Answer:
    """Answer with ten requests to each workload that is asked for, one of which failed.

    A query for a range gets them at each of `tiles`, or at each step. `late` targets were not
    scraped.
    """

    def answer(request: Request, handler: BaseHTTPRequestHandler) -> None:
        [workloads] = re.findall(r'destination_workload=~"([^"]*)"', request.query)[:1]
        asked = request.parameters
        if "start" in asked:
            step, start, end = (float(asked[name]) for name in ("step", "start", "end"))
            times = tiles or tuple(start + step * n for n in range(int((end - start) / step) + 1))
        else:
            times = (float(asked["time"]),)
        rows = [
            {
                "metric": {
                    "destination_workload_namespace": "shop",
                    "destination_workload": name.replace("\\", ""),
                    "reporter": "source",
                    "response_code": code,
                },
                **values(times, count, "start" in asked),
            }
            for name in workloads.split("|")
            for code, count in (("200", 9), ("503", 1))
        ]
        if late:
            rows.append({"metric": {"linnet_late": "1"}, "value": [times[0], str(late)]})
        result(rows)(request, handler)

    return answer


def values(times: tuple[float, ...], count: int, ranged: bool) -> dict[str, object]:
    points = [[time, str(count)] for time in times]
    return {"values": points} if ranged else {"value": points[0]}


class Clock:
    now = END + 1

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as stub:
        stub.answer = mesh()
        yield stub


@pytest.fixture
async def tiles(stub: Stub, clock: Clock) -> AsyncIterator[PrometheusTiles]:
    pool = PrometheusPool(stub.url, timeout=10, registry=CollectorRegistry())
    tiles = PrometheusTiles(pool, clock)
    yield tiles
    stub.release.set()
    await tiles.close()
    pool.close()


def ends(span: TileSpan) -> list[float]:
    return [reading.end for reading in span.readings]


async def test_releases_share_one_query_and_find_their_counts(
    tiles: PrometheusTiles, stub: Stub
) -> None:
    spans = await asyncio.gather(*(tiles.read(release(n), END - 5) for n in range(20)))
    assert len(stub.asked) == 1
    assert stub.asked[0].parameters["time"] == f"{END:.3f}"
    for span in spans:
        assert ends(span) == [END]
        assert span.readings[0].tile.canary == span.readings[0].tile.primary == Counts(10, 1)
        assert (span.next_at, span.unavailable) == (END + 6, "")


async def test_a_hundred_releases_fit_into_a_query(tiles: PrometheusTiles, stub: Stub) -> None:
    releases = [release(n) for n in range(2 * WATCHES_A_QUERY + 1)]
    spans = await asyncio.gather(*(tiles.read(one, END - 5) for one in releases))
    assert len(stub.asked) == 3
    assert {span.readings[0].tile.canary for span in spans} == {Counts(10, 1)}


async def test_the_first_who_asks_has_a_tile_read_for_all_that_are_under_way(
    tiles: PrometheusTiles, stub: Stub, clock: Clock
) -> None:
    await asyncio.gather(*(tiles.read(release(n), END - 5) for n in range(3)))
    clock.now += 5
    for number in (1, 0, 2):
        assert ends(await tiles.read(release(number), END)) == [END + 5]
    assert len(stub.asked) == 2


async def test_one_that_joins_later_is_asked_for_alone_once(
    tiles: PrometheusTiles, stub: Stub, clock: Clock
) -> None:
    await tiles.read(release(0), END - 5)
    await tiles.read(release(1), END - 5)
    assert "app0000" not in stub.asked[1].query
    clock.now += 5
    await tiles.read(release(1), END)
    await tiles.read(release(0), END)
    assert len(stub.asked) == 3


async def test_a_release_that_is_over_is_not_asked_for_any_more(
    tiles: PrometheusTiles, stub: Stub, clock: Clock
) -> None:
    await tiles.read(release(0), END - 5)
    for number in range(ACTIVE_TILES + 2):
        await tiles.read(release(1), END - 5 + 5 * number)
        clock.now += 5
    assert "app0000" in stub.asked[2].query
    assert "app0000" not in stub.asked[-1].query


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"seconds": 2.5}, id="tiles of another length"),
        pytest.param({"reporter": "destination"}, id="another reporter"),
    ],
)
async def test_releases_that_are_counted_otherwise_have_a_query_of_their_own(
    tiles: PrometheusTiles, stub: Stub, other: dict[str, Any]
) -> None:
    await asyncio.gather(tiles.read(release(0), END - 2), tiles.read(release(1, **other), END - 2))
    assert len(stub.asked) == 2


async def test_slow_requests_take_one_query_more_for_all_their_edges(
    tiles: PrometheusTiles, stub: Stub
) -> None:
    releases = [release(0, edge=250.0), release(1, edge=1000.0), release(2)]
    await asyncio.gather(*(tiles.read(one, END - 5) for one in releases))
    assert len(stub.asked) == 2
    [durations] = [one.query for one in stub.asked if "_bucket" in one.query]
    assert 'le=~"250([.]0)?|1000([.]0)?|[+]Inf"' in durations
    assert "app0002" not in durations


async def test_what_was_missed_comes_first_with_one_query_for_all(
    tiles: PrometheusTiles, stub: Stub
) -> None:
    spans = await asyncio.gather(*(tiles.read(release(n), END - 25 - 5 * n) for n in range(3)))
    for number, span in enumerate(spans):
        assert ends(span) == [END + 5 * k for k in range(-4 - number, 1)]
        assert {one.tile.canary for one in span.readings} == {Counts(10, 1)}
    ranges = [one.parameters for one in stub.asked if "start" in one.parameters]
    assert [(float(one["start"]), float(one["end"]), one["step"]) for one in ranges] == [
        (END - 30, END - 5, "5.000")
    ]
    assert len(stub.asked) == 2


async def test_a_gap_in_the_past_is_a_tile_without_data(tiles: PrometheusTiles, stub: Stub) -> None:
    stub.answer = mesh(tiles=(END - 10,))
    span = await tiles.read(release(), END - 20)
    assert ends(span) == [END - 15, END - 10, END - 5, END]
    assert [one.tile.canary is None for one in span.readings] == [True, False, True, False]


async def test_there_is_an_end_to_catching_up(tiles: PrometheusTiles, stub: Stub) -> None:
    span = await tiles.read(release(), 0.0)
    assert len(span.readings) == MAX_TILES
    assert ends(span)[-1] == END


async def test_a_tile_that_is_not_complete_is_read_once_more_a_tile_later(
    tiles: PrometheusTiles, stub: Stub, clock: Clock
) -> None:
    stub.answer = mesh(late=1)
    assert await tiles.read(release(), END - 5) == TileSpan((), END + 5)
    clock.now = END + 5
    assert ends(await tiles.read(release(), END - 5)) == [END]


async def test_a_prometheus_that_is_away_is_told_and_what_it_did_not_tell_comes_later(
    tiles: PrometheusTiles, stub: Stub, clock: Clock
) -> None:
    stub.answer = hang_up
    span = await tiles.read(release(), END - 5)
    assert (span.readings, span.next_at) == ((), END + 6)
    assert span.unavailable.startswith(f"Prometheus {stub.url} cannot be reached")
    clock.now += 5
    stub.answer = mesh()
    assert ends(await tiles.read(release(), END - 5)) == [END, END + 5]


async def test_an_answer_that_fails_is_asked_for_again_within_the_tile(
    tiles: PrometheusTiles, stub: Stub, clock: Clock
) -> None:
    stub.answer = body(b"", 503)
    assert "503" in (await tiles.read(release(), END - 5)).unavailable
    stub.answer = mesh()
    clock.now += 1
    assert ends(await tiles.read(release(), END - 5)) == [END]


async def test_a_server_that_cannot_be_one_is_told(tiles: PrometheusTiles) -> None:
    span = await tiles.read(release(server="prometheus:9090"), END - 5)
    assert span.unavailable.startswith("spec.metricsServer cannot be asked")
    missed = await tiles.read(release(server="prometheus:9090"), END - 50)
    assert missed.unavailable == span.unavailable
    found = await tiles.baseline("prometheus:9090", "shop", "app-primary")
    assert (found.yardstick, found.absent) == (None, span.unavailable)


async def test_a_bug_is_told_and_logged(
    tiles: PrometheusTiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("linnet.adapters.prometheus_tiles.tile_queries", bug)
    span = await tiles.read(release(), END - 5)
    assert span.unavailable == "linnet failed to read the counts; the operator's log says why"
    assert "a bug" in caplog.text


async def test_why_a_workload_has_no_series_is_asked_once_a_minute(
    tiles: PrometheusTiles, stub: Stub, clock: Clock
) -> None:
    stub.answer = result([])
    asked = []
    for number in range(14):
        span = await tiles.read(release(), END - 5 + 5 * number)
        assert "there is no istio_requests_total for namespace shop" in span.readings[0].absent
        clock.now += 5
        asked.append(sum("timestamp" in one.query for one in stub.asked))
    assert asked == [1] * 12 + [2] * 2


async def test_one_who_goes_away_leaves_the_others_their_answers(
    tiles: PrometheusTiles, stub: Stub
) -> None:
    reading = [asyncio.create_task(tiles.read(release(n), END - 5)) for n in range(2)]
    await asyncio.sleep(0)
    reading[0].cancel()
    assert ends(await reading[1]) == [END]
    assert reading[0].cancelled()
