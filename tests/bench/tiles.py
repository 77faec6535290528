"""What the guard costs: the tiles of many releases from a real Prometheus, and their decisions.

    PYTHONPATH=tests python -m bench.tiles --releases 1000

Prometheus gets a past of its own, of one gateway that reports two workloads for each release. Times
are the processor's, medians of ten tiles.
"""

import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import click
from prometheus_client import CollectorRegistry

from integration.mesh_past import buckets, requests
from integration.prometheus_lab import Prometheus, Scene, openmetrics
from linnet.adapters.prometheus_pool import PrometheusPool
from linnet.adapters.prometheus_tiles import PrometheusTiles
from linnet.analysis.policy import Policy, ReleaseState, Sample, begin, policy_of, step
from linnet.analysis.watch import TileReading, Watch, Yardstick
from linnet.api.analysis import Analysis

SCRAPE = 5
TILES = 10
GROWTH: Mapping[str, int] = {"200": 20, "503": 1, "404": 1}
"""How many requests of each code a second."""
BOUNDS = "1 5 10 25 50 100 250 500 1000 2500 5000 10000 30000 60000 300000 600000 1800000 3600000"


def past(releases: int) -> Scene:
    """Return the last minutes of a gateway."""
    scene = Scene()
    times = range(-60 * SCRAPE, (TILES + 1) * SCRAPE + 1, SCRAPE)
    scene.add("up", dict.fromkeys(map(float, times), 1.0), job="mesh", instance="gw")
    for number in range(releases):
        for name in (f"app{number}", f"app{number}-primary"):
            labels = {"destination_workload": name, "request_protocol": "http"}
            for code, growth in GROWTH.items():
                points = {float(t): 1.0 * growth * (t + 60 * SCRAPE) for t in times}
                requests(scene, points, code, response_flags="-", **labels)
            per_second = sum(GROWTH.values())
            everything = {float(t): 1.0 * per_second * (t + 60 * SCRAPE) for t in times}
            counts = {**dict.fromkeys(BOUNDS.split(), everything), "+Inf": everything}
            buckets(scene, counts, response_code="200", **labels)
    return scene


async def measure(url: str, end: float, releases: int) -> tuple[list[float], list[float]]:
    """Return the seconds that reading took, and deciding, for each tile."""
    clock = end
    pool = PrometheusPool(url, timeout=60, registry=CollectorRegistry())
    tiles = PrometheusTiles(pool, lambda: clock)
    yardstick = Yardstick(SCRAPE, "source", 250)
    watches = [
        Watch("shop", f"app{number}", f"app{number}-primary", yardstick)
        for number in range(releases)
    ]
    policy = policy_of(Analysis.model_validate({"stepWeights": [5, 50]}), seconds=5, latency=250)
    states = [step(policy, begin(policy, end), Sample(end)).state for _ in watches]
    reading, deciding = [], []
    for number in range(1, TILES + 1):
        clock = end + number * SCRAPE + 1
        began = time.process_time()
        since = clock - SCRAPE - 1
        spans = await asyncio.gather(*(tiles.read(watch, since) for watch in watches))
        read = time.process_time()
        assert all(len(span.readings) == 1 for span in spans), spans[0]
        states = decide(policy, states, [span.readings[0] for span in spans], clock)
        reading.append(read - began)
        deciding.append(time.process_time() - read)
    await tiles.close()
    pool.close()
    return reading, deciding


def decide(
    policy: Policy, states: Sequence[ReleaseState], readings: Sequence[TileReading], at: float
) -> list[ReleaseState]:
    """Take one tile of each release in."""
    return [
        step(policy, state, Sample(at, one.tile, one.end)).state
        for state, one in zip(states, readings, strict=True)
    ]


@click.command()
@click.option("--releases", default=1000, show_default=True, help="How many at once.")
def main(releases: int) -> None:
    """Measure what reading and deciding cost for each scrape."""
    scene = past(releases)
    with tempfile.TemporaryDirectory() as folder:
        prometheus = Prometheus(Path(folder))
        prometheus.import_history(openmetrics([scene]))
        with prometheus:
            read, decided = asyncio.run(measure(prometheus.url, scene.at.timestamp(), releases))
    share = (median(read) + median(decided)) / SCRAPE
    print(
        f"{releases} releases, a tile: {median(read):.3f} s reading, {median(decided):.3f} s"
        f" deciding; at a scrape interval of {SCRAPE} s {share:.1%} of a core"
    )


if __name__ == "__main__":
    main()
