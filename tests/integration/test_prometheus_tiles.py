"""What tiles hold: a real Prometheus is asked about a past known exactly."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from integration.mesh_past import (
    all_of,
    always,
    buckets,
    changed,
    gap,
    requests,
    steady,
    target,
)
from integration.prometheus_lab import (
    Points,
    Prometheus,
    Proxy,
    Scene,
    openmetrics,
    series,
    wait_for,
)
from linnet.adapters.prometheus_pool import PrometheusPool
from linnet.adapters.prometheus_tiles import PrometheusTiles
from linnet.analysis.tiles import Counts
from linnet.analysis.watch import Baseline, TileReading, TileSpan, Watch, Yardstick

YARDSTICK = Yardstick(5, "source")
PRIMARY = "web-primary"


def primary(scene: Scene, points: Points, code: str = "200", **labels: str) -> Scene:
    return requests(scene, points, code, destination_workload=PRIMARY, **labels)


@dataclass(frozen=True)
class Case:
    """A past, and what its last tile holds. `says` is why a side has no counts."""

    build: Callable[[Scene], object]
    canary: Counts | None = None
    primary: Counts | None = None
    says: str = ""
    yardstick: Yardstick = YARDSTICK


def both(*parts: Callable[[Scene], object]) -> Callable[[Scene], None]:
    """A proxy that reports ten good requests to the primary in each scrape, and `parts`."""
    return all_of(target, lambda s: primary(s, steady(10)), *parts)


TEN = Counts(10, 0)

CASES = {
    "both sides are counted in the same seconds": Case(
        both(
            lambda s: requests(s, steady(7)),
            lambda s: requests(s, steady(2), code="503"),
            lambda s: primary(s, steady(1), code="500"),
        ),
        Counts(9, 2),
        Counts(11, 1),
    ),
    "the first error of a series counts": Case(
        both(lambda s: requests(s, steady(7)), lambda s: requests(s, {0: 1}, code="503")),
        Counts(8, 1),
        TEN,
    ),
    "a canary's very first requests count": Case(
        both(lambda s: requests(s, {0: 3}, code="503")), Counts(3, 3), TEN
    ),
    "connections that fail count, which only the callers' side sees": Case(
        both(
            lambda s: requests(s, steady(4), code="0", response_flags="UF"),
            lambda s: requests(s, steady(1), reporter="destination"),
        ),
        Counts(4, 4),
        TEN,
    ),
    "an answer that was cut off failed, whatever it began with": Case(
        both(
            lambda s: requests(s, steady(1), response_flags="UC"),
            lambda s: requests(s, steady(2), response_flags="-"),
            lambda s: requests(s, steady(1), code="429", response_flags="RL"),
        ),
        Counts(4, 1),
        TEN,
    ),
    "gRPC calls fail by their status": Case(
        both(
            lambda s: requests(s, steady(3), request_protocol="grpc", grpc_response_status="0"),
            lambda s: requests(s, steady(2), request_protocol="grpc", grpc_response_status="5"),
            lambda s: requests(s, steady(1), request_protocol="grpc", grpc_response_status="14"),
        ),
        Counts(6, 1),
        TEN,
    ),
    "of HTTP only the code counts": Case(
        both(lambda s: requests(s, steady(3), request_protocol="http", grpc_response_status="14")),
        Counts(3, 0),
        TEN,
    ),
    "slow are requests above the edge": Case(
        both(
            lambda s: requests(s, steady(8)),
            lambda s: buckets(s, {"100": steady(3), "250": steady(6), "+Inf": steady(8)}),
            lambda s: buckets(
                s,
                {"100": steady(3), "250.0": steady(9), "+Inf": steady(10)},
                destination_workload=PRIMARY,
            ),
        ),
        Counts(8, 0, slow=2),
        Counts(10, 0, slow=1),
        yardstick=Yardstick(5, "source", 250),
    ),
    "without a histogram it is not known what is slow": Case(
        both(lambda s: requests(s, steady(8))),
        Counts(8, 0),
        TEN,
        yardstick=Yardstick(5, "source", 250),
    ),
    "a histogram that lags behind does not make more slow than there were": Case(
        both(
            lambda s: requests(s, steady(2)),
            lambda s: buckets(s, {"250": steady(0), "+Inf": steady(6)}),
        ),
        Counts(2, 0, slow=2),
        TEN,
        yardstick=Yardstick(5, "source", 250),
    ),
    "no requests are no requests": Case(
        both(lambda s: requests(s, steady(0, start=50))), Counts(0, 0), TEN
    ),
    "no series is no data, never a silent zero": Case(
        both(),
        None,
        TEN,
        "no requests to shop/web were seen by source, destination or waypoint proxies in the last"
        " 5 min; is traffic reaching the canary?",
    ),
    "several proxies are added up": Case(
        both(
            lambda s: target(s, "gw2"),
            lambda s: requests(s, steady(3)),
            lambda s: requests(s, steady(1), code="500", instance="gw2"),
        ),
        Counts(4, 1),
        TEN,
    ),
    "a restarted proxy is no evidence, on either side": Case(
        both(
            lambda s: requests(s, changed(steady(20, start=900), {0: 3}), code="200"),
            lambda s: requests(s, changed(steady(0, start=2), {0: 3}), code="500"),
        ),
        says="the counters of istio_requests_total for shop/web began anew",
    ),
    "a restarted proxy does not silence the others": Case(
        both(
            lambda s: target(s, "gw2"),
            lambda s: requests(s, changed(steady(20, start=900), {0: 3}), instance="gw2"),
            lambda s: requests(s, steady(1), code="500"),
        ),
        Counts(1, 1),
        TEN,
    ),
    "a proxy that was restarted a scrape ago gives evidence again": Case(
        both(
            lambda s: target(s, "gw2"),
            lambda s: requests(
                s, changed(steady(20, start=900), {-10: 2, -5: 7, 0: 13}), instance="gw2"
            ),
        ),
        Counts(6, 0),
        TEN,
    ),
    "a Prometheus that lost its data does not take whole lives for a tile": Case(
        all_of(
            lambda s: target(s, points={0: 1}),
            lambda s: requests(s, {0: 700}, code="500"),
            lambda s: primary(s, {0: 9000}),
        ),
        says="there is nothing to compare them with yet",
    ),
    "a target that could not be scraped does not bring its past along": Case(
        both(
            lambda s: target(s, "gw2", points={t: float(t > -3) for t in always()}),
            lambda s: requests(s, {0: 700}, code="500", instance="gw2"),
        ),
        None,
        TEN,
        says="there is nothing to compare them with yet",
    ),
    "a missed scrape is made up for": Case(
        all_of(
            lambda s: target(s, points=gap(always(), -10, 0)),
            lambda s: requests(s, gap(steady(3), -10, 0)),
            lambda s: primary(s, gap(steady(10), -10, 0)),
        ),
        Counts(6, 0),
        Counts(20, 0),
    ),
    "after a longer gap the first tile is no evidence": Case(
        all_of(
            lambda s: target(s, points=gap(always(), -20, 0)),
            lambda s: requests(s, gap(steady(3), -20, 0), code="500"),
            lambda s: primary(s, gap(steady(10), -20, 0)),
        ),
        says="there is nothing to compare them with yet",
    ),
    "a new pod counts from its first request": Case(
        both(
            lambda s: target(s, "new", points={0: 1}),
            lambda s: requests(s, {0: 6}, instance="new"),
            lambda s: requests(s, {0: 2}, code="500", instance="new"),
        ),
        Counts(8, 2),
        TEN,
    ),
    "the workload's label is removed": Case(
        all_of(
            target,
            lambda s: requests(s, steady(1), destination_workload=""),
        ),
        says="1 series of istio_requests_total have no label destination_workload: is it removed by"
        " a Telemetry with tagOverrides?",
    ),
    "the reporter's label is removed": Case(
        both(lambda s: requests(s, steady(1), reporter="")),
        None,
        TEN,
        says="istio_requests_total for shop/web has no label reporter: is it removed by",
    ),
    "the reporter's label is removed, and nobody knew better before": Case(
        all_of(target, lambda s: requests(s, steady(1), reporter="")),
        says="istio_requests_total for shop/web has no label reporter: is it removed by",
        yardstick=Yardstick(5),
    ),
    "the response code's label is removed": Case(
        both(lambda s: requests(s, steady(1), code="")),
        None,
        TEN,
        says="istio_requests_total for shop/web has no label response_code: is it removed by",
    ),
    "the gRPC status' label is removed": Case(
        both(lambda s: requests(s, steady(1), request_protocol="grpc")),
        None,
        TEN,
        says="istio_requests_total for shop/web has no label grpc_response_status: is it removed",
    ),
    "a cancelled gRPC call has no status": Case(
        both(
            lambda s: requests(s, steady(1), request_protocol="grpc", response_flags="DC"),
            lambda s: requests(s, steady(1), request_protocol="grpc", grpc_response_status="0"),
        ),
        Counts(2, 0),
        TEN,
    ),
    "one side seen by callers, the other by its pods only, is not compared": Case(
        both(lambda s: requests(s, steady(1), reporter="destination")),
        None,
        TEN,
        says="requests to shop/web were seen by destination proxies, and not by source proxies,"
        " whose counts this release is judged by",
    ),
    "nor without a yardstick": Case(
        both(lambda s: requests(s, steady(1), reporter="destination")),
        None,
        TEN,
        says="requests to shop/web were seen by destination proxies, and not by source proxies",
        yardstick=Yardstick(5),
    ),
    "where callers have no proxies the pods' side counts": Case(
        all_of(
            target,
            lambda s: requests(s, steady(3), code="500", reporter="destination"),
            lambda s: primary(s, steady(4), reporter="destination"),
        ),
        Counts(3, 3),
        Counts(4, 0),
        yardstick=Yardstick(5),
    ),
    "scrapes that are farther apart than tiles": Case(
        all_of(
            lambda s: target(s, points=always(range(-607, -6, 30))),
            lambda s: requests(s, {t: t + 700 for t in range(-607, -6, 30)}),
            lambda s: primary(s, {t: t + 700 for t in range(-607, -6, 30)}),
        ),
        says="no new sample of istio_requests_total for shop/web within the last 5 s; the newest is"
        " 7 s old (the scrape interval is taken to be 5 s: --scrape-interval sets it)",
    ),
}
SCENES = {name: Scene() for name in CASES}
TILED = Scene()
SCRAPED_BY_15 = Scene()
QUIET = Scene()
NEVER_SEEN = Scene()
NOBODY_CALLED = Scene()
EMPTY = Scene()
MOSTLY_WITHOUT_PROXY = Scene()
TWO_JOBS = Scene()


def random_past(scene: Scene) -> dict[str, list[tuple[int, int]]]:
    """Fill a scene with random traffic to both sides; returns (good, bad) up to each scrape."""
    chance = random.Random(11)
    target(scene)
    histories: dict[str, list[tuple[int, int]]] = {}
    for workload in ("web", PRIMARY):
        good = bad = 0
        points: tuple[Points, Points] = ({}, {})
        history = histories[workload] = []
        for at in range(-600, 1, 5):
            if history:
                good += chance.choice([0, 0, 1, 2, 17])
                bad += chance.choice([0, 0, 0, 1, 4])
            history.append((good, bad))
            for counter, value in zip(points, (good, bad), strict=True):
                if value:
                    counter[at] = value
        requests(scene, points[0], destination_workload=workload)
        requests(scene, points[1], code="503", destination_workload=workload)
        buckets(scene, {"250": points[0], "+Inf": points[0]}, destination_workload=workload)
    return histories


def before_a_release() -> None:
    """Fill the scenes that a primary is known from."""
    times = range(-900, 1, 15)
    target(SCRAPED_BY_15, points=always(times))
    primary(SCRAPED_BY_15, {t: (t + 900) * 4 for t in times})
    by_time = {
        bound: {float(t): (t + 900) * share for t in times} for bound, share in SHARES.items()
    }
    buckets(SCRAPED_BY_15, by_time, destination_workload=PRIMARY)
    target(QUIET)
    primary(QUIET, steady(0, start=3))
    buckets(QUIET, {"250": steady(0), "+Inf": steady(0)}, destination_workload=PRIMARY)
    target(NEVER_SEEN, points=always())
    requests(NEVER_SEEN, steady(3), destination_workload="other")
    target(NOBODY_CALLED)
    target(MOSTLY_WITHOUT_PROXY)
    primary(MOSTLY_WITHOUT_PROXY, steady(2))
    primary(MOSTLY_WITHOUT_PROXY, steady(50), reporter="destination")
    target(TWO_JOBS)
    primary(TWO_JOBS, steady(2))
    slow = always(range(-900, 1, 30))
    TWO_JOBS.add("up", slow, job="gateways", instance="gw3")
    primary(TWO_JOBS, {t: t + 900 for t in slow}, job="gateways", instance="gw3")


SHARES = {"100": 3.0, "250": 3.9, "500": 3.98, "1000": 4.0, "+Inf": 4.0}
"""97.5 % of requests take up to 250 ms, 99.5 % up to 500: the 99th percentile is 437 ms."""


@pytest.fixture(scope="module")
def past() -> dict[str, list[tuple[int, int]]]:
    return random_past(TILED)


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, past: dict[str, list[tuple[int, int]]]
) -> Iterator[Prometheus]:
    for name, case in CASES.items():
        case.build(SCENES[name])
    before_a_release()
    others = [SCRAPED_BY_15, QUIET, NEVER_SEEN, MOSTLY_WITHOUT_PROXY, TWO_JOBS]
    others += [NOBODY_CALLED, EMPTY]
    prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"))
    prometheus.import_history(openmetrics([TILED, *SCENES.values(), *others]))
    with prometheus:
        yield prometheus


class Reader:
    """Tiles of shop/web and its primary, with a clock that a test sets."""

    def __init__(self, url: str, scrape_interval: float | None = None) -> None:
        self.now = 0.0
        self.registry = CollectorRegistry()
        self.pool = PrometheusPool(url, registry=self.registry)
        self.tiles = PrometheusTiles(self.pool, lambda: self.now, scrape_interval)

    async def read(self, at: float, since: float, yardstick: Yardstick = YARDSTICK) -> TileSpan:
        """Read as seen at `at`."""
        self.now = at
        return await self.tiles.read(Watch("shop", "web", PRIMARY, yardstick), since)

    async def baseline(self, scene: Scene) -> Baseline:
        """Look back from just after a scene's end."""
        self.now = scene.at.timestamp() + 6
        return await self.tiles.baseline("", "shop", PRIMARY)

    @property
    def queries(self) -> float:
        return (
            self.registry.get_sample_value("linnet_prometheus_queries_total", {"kind": "tiles"})
            or 0
        )


@pytest.fixture
async def reader(server: Prometheus) -> AsyncIterator[Reader]:
    reader = Reader(server.url)
    yield reader
    await reader.tiles.close()
    reader.pool.close()


@pytest.mark.parametrize("name", CASES)
async def test_a_tile(reader: Reader, name: str) -> None:
    case, end = CASES[name], SCENES[name].at.timestamp()
    # A whole tile later it is read as it is, even if scrapes are missing.
    span = await reader.read(end + 5, end - 5, case.yardstick)
    assert span.unavailable == ""
    [reading] = span.readings
    assert reading.end == end
    assert (reading.tile.canary, reading.tile.primary) == (case.canary, case.primary)
    assert case.says in reading.absent
    assert (reading.absent != "") == (None in (case.canary, case.primary))


@pytest.mark.parametrize("seconds", [5, 10, 15, 60])
async def test_tiles_add_up_to_whole_requests(
    reader: Reader, past: dict[str, list[tuple[int, int]]], seconds: int
) -> None:
    end = TILED.at.timestamp()
    yardstick = Yardstick(seconds, "source", 250)
    span = await reader.read(end + seconds, end - 600, yardstick)
    assert [one.end for one in span.readings] == list(
        range(int(end) - 600 + seconds, int(end) + 1, seconds)
    )
    for side, workload in (("canary", "web"), ("primary", PRIMARY)):
        counts = [getattr(one.tile, side) for one in span.readings]
        total = sum(one.requests for one in counts if one)
        failed = sum(one.errors for one in counts if one)
        assert (total - failed, failed) == past[workload][-1]
        assert all(one.slow == 0 for one in counts if one)


async def test_tiles_are_the_same_one_by_one_and_all_at_once(reader: Reader) -> None:
    end = TILED.at.timestamp()
    yardstick = Yardstick(5, "source", 250)
    one_by_one: list[TileReading] = []
    for at in range(int(end) - 300, int(end) + 1, 5):
        span = await reader.read(at + 5, at - 5, yardstick)
        one_by_one += [replace(reading, absent="") for reading in span.readings]
    before = reader.queries
    at_once = await reader.read(end + 5, end - 305, yardstick)
    assert [replace(one, absent="") for one in at_once.readings] == one_by_one
    # A range of outcomes and one of durations; the newest tile had been asked for.
    assert reader.queries - before == 2


async def test_a_tile_whose_scrapes_are_not_all_there_is_waited_for(reader: Reader) -> None:
    last = SCENES["both sides are counted in the same seconds"].at.timestamp()
    # The tile after a scene's last scrape: its target has not been scraped (any more).
    early = await reader.read(last + 6.5, last)
    assert early == TileSpan((), next_at=last + 10)
    late = await reader.read(last + 10, last)
    assert [one.tile.primary for one in late.readings] == [None]
    assert "no new sample of istio_requests_total" in late.readings[0].absent


async def test_nothing_is_asked_before_a_tile_is_over(reader: Reader) -> None:
    end = TILED.at.timestamp()
    assert await reader.read(end + 0.5, end - 5) == TileSpan((), next_at=end + 1)
    assert reader.queries == 0
    span = await reader.read(end + 1, end - 5)
    assert [one.end for one in span.readings] == [end]
    assert span.next_at == end + 6


class TestBeforeARelease:
    async def test_scrapes_reporter_and_the_latency_edge_are_found_out(
        self, reader: Reader
    ) -> None:
        found = await reader.baseline(SCRAPED_BY_15)
        assert found.yardstick == Yardstick(15, "source", 500)
        assert found.absent == ""
        assert len(found.readings) == 60
        assert [one.end for one in found.readings] == sorted(one.end for one in found.readings)
        assert {one.tile.canary for one in found.readings} == {None}
        last = found.readings[-1].tile.primary
        assert last is not None
        assert (last.requests, last.errors) == (60, 0)
        assert last.slow == pytest.approx(60 * (4.0 - 3.98) / 4)

    async def test_a_quiet_primary_has_no_latency_edge(self, reader: Reader) -> None:
        found = await reader.baseline(QUIET)
        assert found.yardstick == Yardstick(5, "source", None)
        assert found.absent == (
            "slow requests are not compared: fewer than 100 requests to shop/web-primary were timed"
            " in the last 300 s"
        )
        assert found.readings[-1].tile.primary == Counts(0, 0)

    async def test_a_primary_that_nobody_calls_is_told_of(self, reader: Reader) -> None:
        found = await reader.baseline(NEVER_SEEN)
        assert found.yardstick == Yardstick(5), "as often as proxies that others call"
        assert "no requests to shop/web-primary were seen by" in found.absent
        assert {one.tile.primary for one in found.readings} == {None}

    async def test_where_nobody_is_called_yet_all_targets_tell_the_scrape_interval(
        self, reader: Reader
    ) -> None:
        assert (await reader.baseline(NOBODY_CALLED)).yardstick == Yardstick(5)

    async def test_a_scrape_interval_that_is_not_known_is_told_of(self, reader: Reader) -> None:
        found = await reader.baseline(EMPTY)
        assert found.yardstick == Yardstick(15)
        assert "the scrape interval is not known and taken to be 15 s" in found.absent

    async def test_most_callers_without_a_proxy_let_the_pods_side_count(
        self, reader: Reader
    ) -> None:
        found = await reader.baseline(MOSTLY_WITHOUT_PROXY)
        assert found.yardstick == Yardstick(5, "destination")
        assert found.readings[-2].tile.primary == Counts(50, 0)

    async def test_the_slowest_scrape_of_a_workload_makes_the_tile(self, reader: Reader) -> None:
        found = await reader.baseline(TWO_JOBS)
        assert found.yardstick == Yardstick(30, "source")
        known = {one.tile.primary for one in found.readings if one.tile.primary}
        assert known == {Counts(30 + 6 * 2, 0)}

    async def test_what_the_operator_is_told_is_taken_for_granted(self, server: Prometheus) -> None:
        reader = Reader(server.url, scrape_interval=30)
        found = await reader.baseline(SCRAPED_BY_15)
        assert found.yardstick == Yardstick(30, "source", 500)
        await reader.tiles.close()
        reader.pool.close()

    async def test_nothing_is_known_while_prometheus_is_away(self) -> None:
        reader = Reader("http://127.0.0.1:1")
        found = await reader.baseline(SCRAPED_BY_15)
        await reader.tiles.close()
        reader.pool.close()
        assert found.yardstick is None
        assert found.absent.startswith("Prometheus http://127.0.0.1:1 cannot be reached")


class Live:
    """What a reader has seen so far of a proxy that is scraped all the time."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._since = time.time()
        self.good = self.bad = 0.0

    async def look(self) -> None:
        """Read what is new."""
        span = await self._reader.read(time.time(), self._since, Yardstick(0.2, "source"))
        for reading in span.readings:
            self._since = reading.end
            if reading.tile.canary:
                self.good += reading.tile.canary.requests - reading.tile.canary.errors
                self.bad += reading.tile.canary.errors

    async def until(self, good: float, bad: float) -> None:
        """Return once so many have been seen in all, never more; fails after a minute."""
        deadline = time.monotonic() + 60
        while (self.good, self.bad) != (good, bad):
            assert self.good <= good, self.good
            assert self.bad <= bad, self.bad
            assert time.monotonic() < deadline, (self.good, self.bad)
            await asyncio.sleep(0.05)
            await self.look()

    async def pass_by(self, proxy: Proxy) -> None:
        """Return when the proxy was scraped some times more, and that has been read."""
        scrapes = proxy.scrapes + 4
        await asyncio.to_thread(wait_for, lambda: proxy.scrapes >= scrapes, "some scrapes")
        end = time.time()
        while self._since < end:
            await self.look()
            await asyncio.sleep(0.05)


def web(code: str) -> str:
    return series(
        "istio_requests_total",
        reporter="source",
        destination_workload_namespace="shop",
        destination_workload="web",
        response_code=code,
    )


async def test_restarts_of_proxies_and_of_prometheus_are_no_evidence(tmp_path: Path) -> None:
    with Proxy() as proxy:
        proxy.counters = {web("200"): 1000, web("503"): 40}
        with Prometheus(tmp_path, {"mesh": proxy.port}) as prometheus:
            reader = Reader(prometheus.url)
            seen = Live(reader)
            await seen.pass_by(proxy)
            assert (seen.good, seen.bad) == (0, 0)

            proxy.counters = {web("200"): 1005, web("503"): 41}
            await seen.until(5, 1)

            proxy.counters = {web("200"): 3, web("503"): 2}  # the proxy was restarted
            await seen.pass_by(proxy)
            assert (seen.good, seen.bad) == (5, 1)
            proxy.counters = {web("200"): 10, web("503"): 2}
            await seen.until(12, 1)

            prometheus.stop()
            proxy.counters = {web("200"): 11, web("503"): 500}
            await asyncio.sleep(1)  # longer than the two tiles that growth is counted from
            prometheus.start()
            await seen.pass_by(proxy)
            assert (seen.good, seen.bad) == (12, 1)
            proxy.counters = {web("200"): 11, web("503"): 503}
            await seen.until(12, 4)
            await reader.tiles.close()
            reader.pool.close()
