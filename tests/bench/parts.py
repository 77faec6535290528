"""What is measured, in parts that can be run alone."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from bench.figures import Measured
from bench.stand import LADDER, PROMOTED, Stand, analysis, each
from cluster.load import Load
from e2e.app import App, weights

Figures = dict[str, Measured]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Scale:
    """How much work; the names of the figures are those of the full scale."""

    rest: float = 60.0
    many: int = 100
    releases: int = 20
    interval: float = 10.0
    away: float = 90.0
    killed: float = 20.0


FULL: Final = Scale()
QUICK: Final = Scale(rest=10, many=10, releases=4, interval=3, away=15, killed=20)
SETTLING: Final = 5.0
"""Seconds until what follows a change (Events, scaling down) is over."""
RPS: Final = 50.0
STABLE: Final = "1.0.0"


async def rest(stand: Stand, scale: Scale, say: Say) -> Figures:
    """1 Canary at rest; more created at once; those at rest."""
    (one,) = await stand.apps("one", 1)
    await one.initialized(analysis=analysis(scale.interval))
    say(f"1 Canary at rest, for {scale.rest:g} s")
    figures = await _at_rest(stand, scale, "rest-1")
    say(f"{scale.many} Deployments are made ready")
    apps = await stand.apps("many", scale.many)
    say(f"{scale.many} Canaries are created at once")
    began, before = time.time(), stand.work()
    routed, initialized, _ = await asyncio.gather(
        stand.until_all("VirtualService", apps, lambda o: weights(o) == (100, 0)),
        stand.until_all("Canary", apps, lambda o: _phase(o) == "Initialized"),
        each(apps, lambda app: app.canary(analysis=analysis(scale.interval))),
    )
    spent = stand.work().since(before)
    figures["create-100"] = Measured(max(initialized.values()) - began, spent)
    figures["create-100-routes"] = Measured(max(routed.values()) - began)
    say(f"{scale.many} Canaries at rest, for {scale.rest:g} s")
    return figures | await _at_rest(stand, scale, "rest-100")


async def _at_rest(stand: Stand, scale: Scale, name: str) -> Figures:
    await asyncio.sleep(SETTLING)
    since, before, asked = time.time(), stand.used(), await stand.queries()
    await asyncio.sleep(scale.rest)
    after, queries = stand.used(), (await stand.queries()) - asked
    requests = stand.backend.operator_requests(since)
    watches = sum(r.verb == "watch" for r in requests)
    lease = sum("/leases/" in r.path for r in requests)
    others = Counter(
        f"{r.verb} {r.path}" for r in requests if r.verb != "watch" and "/leases/" not in r.path
    )
    cpu = after.cpu - before.cpu
    told = f"besides, in {scale.rest:g} s, watches renewed: {watches}, requests for the lease: "
    seen = "".join(f"; {count} of {what}" for what, count in others.most_common(3))
    return {
        f"{name}-requests": Measured(others.total() / scale.rest, f"{told}{lease}{seen}"),
        f"{name}-queries": Measured(queries.total() / scale.rest),
        f"{name}-cpu": Measured(100 * cpu / scale.rest, f"{cpu:.2f} s in {scale.rest:g} s"),
        f"{name}-memory": Measured(
            after.memory / 1e6, f"{after.peak / 1e6:.0f} MB at its peak since the start"
        ),
    }


async def healthy(stand: Stand, scale: Scale, say: Say) -> Figures:
    """One release that does well."""
    app = await _ready(stand, "healthy", scale.interval)
    say("a healthy release")
    async with app.traffic(RPS) as load:
        await load.more(50)
        began = time.time()
        await app.release("2.0.0")
        await app.weight(LADDER[0])
        await asyncio.sleep(1)  # its Event is written a little later
        since, asked = time.time(), await stand.queries()
        await app.weight(LADDER[-1], within=10 * scale.interval)
        await asyncio.sleep(1)
        queries, until = await stand.queries() - asked, time.time()
        requests = stand.backend.operator_requests(since)
        await app.phase(*PROMOTED, within=10 * scale.interval)
        took = time.time() - began
        await load.more(int(2 * RPS))
    steps = len(LADDER) - 1
    paths = [
        r.path.split("?")[0]
        for r in requests
        if r.verb not in ("watch", "get", "list") and "/leases/" not in r.path
    ]
    kinds = Counter(_resource(path) for path in paths)
    events = kinds["events"]
    intervals = max(1, round((until - since) / scale.interval))
    counts = load.counts()
    return {
        "healthy": Measured(took, f"{_ideal(scale):g} s is the ideal; {_sent(load)}"),
        "healthy-failed": Measured(counts.failed, "; ".join(counts.reasons)),
        "step-writes": Measured((len(paths) - events) / steps, f"{steps} steps, {_kinds(kinds)}"),
        "step-events": Measured(events / steps),
        "step-queries": Measured(queries.total() / intervals, _kinds(queries)),
    }


class Exposure(NamedTuple):
    """What a failing release cost: times are seconds since its first traffic."""

    phase: str
    failed: int
    back: float
    last: float
    sent: str


async def failing(stand: Stand, scale: Scale, say: Say) -> Figures:
    """Releases that fail, at the peers' settings and at quick ones."""
    figures: Figures = {}
    for suffix, interval, threshold in (("", scale.interval, 5), ("-fast", 1.0, 2)):
        say(f"releases failing 100 % and 5 %, interval {interval:g} s, threshold {threshold}")
        runs = await asyncio.gather(
            *(
                _exposure(stand, f"failing-{share}{suffix}", share, interval, threshold)
                for share in (100, 5)
            )
        )
        for share, run in zip((100, 5), runs, strict=True):
            name = f"failing-{share}{suffix}"
            figures[name] = Measured(run.failed, f"{run.phase}; {run.sent}")
            figures[f"{name}-seconds"] = (
                Measured(run.back) if run.phase == "Failed" else Measured(None, "promoted")
            )
            if not suffix:
                figures[f"{name}-last"] = Measured(run.last)
    return figures


async def _exposure(
    stand: Stand, name: str, share: int, interval: float, threshold: int
) -> Exposure:
    app = await _ready(stand, name, interval, threshold)
    async with app.traffic(RPS) as load:
        await load.more(50)
        await app.release(f"2.0.0-errors-{share}")
        await app.weight(LADDER[0])
        await app.weight(0, within=12 * interval + 60)
        back = time.time()
        status = await app.phase("Failed", *PROMOTED)
        await load.more(int(5 * RPS))
    requests = load.requests()
    first = next(r.at for r in requests if r.version not in ("", STABLE))
    failed = requests.failed()
    last = failed[-1].at - first if failed else 0.0
    return Exposure(status["phase"], len(failed), back - first, last, _sent(load))


async def outages(stand: Stand, scale: Scale, say: Say) -> Figures:
    """Prometheus away, the operator killed, the image set back: each in mid-run."""
    figures: Figures = {}
    app = await _ready(stand, "set-back", scale.interval)
    say("the image set back in mid-run")
    async with _at_second_step(app):
        began = time.time()
        await app.release(STABLE)
        await app.weight(0)
        figures["set-back"] = Measured(time.time() - began)

    app = await _ready(stand, "killed", scale.interval)
    say(f"the operator killed in mid-run, and started {scale.killed:g} s later")
    async with _at_second_step(app):
        stand.operator.kill9()
        await asyncio.sleep(scale.killed)
        began = time.time()
        stand.operator.start()
        moved = asyncio.create_task(app.no_more(LADDER[1]))
        await stand.operator.ready()
        ready = time.time()
        await moved
        figures["operator-killed"] = Measured(
            time.time() - began,
            f"from the start of the process, which says it is ready after {ready - began:.1f} s",
        )

    app = await _ready(stand, "away", scale.interval)
    say(f"Prometheus away for {scale.away:g} s in mid-run")
    async with _at_second_step(app) as load:
        await asyncio.to_thread(stand.backend.stop, "prometheus")
        try:
            await asyncio.sleep(scale.away)
            status = await app.status()
        finally:
            await asyncio.to_thread(stand.backend.start, "prometheus")
        began, weight = time.time(), status["canaryWeight"]
        # Blind for longer than `blindTimeout` it goes back to the first step.
        held = status["phase"] == "Progressing" and weight in LADDER[:2]
        if held:
            following = LADDER[LADDER.index(weight) + 1]
            await app.weight(following, within=60 + 3 * scale.interval)
        figures["prometheus-away"] = Measured(
            time.time() - began if held else None,
            f"held, at weight {weight} in the end; failed checks: {status['failedChecks']};"
            f" {_sent(load)}"
            if held
            else f"{status['phase']} at weight {weight}",
        )
    return figures


@contextlib.asynccontextmanager
async def _at_second_step(app: App) -> AsyncIterator[Load]:
    """Traffic, and a release that has just come to the second step."""
    async with app.traffic(RPS) as load:
        await load.more(50)
        await app.release("2.0.0")
        await app.weight(LADDER[1])
        yield load


async def releases(stand: Stand, scale: Scale, say: Say) -> Figures:
    """Many releases at once, each with traffic of its own."""
    say(f"{scale.releases} apps are made ready")
    apps = await stand.apps("release", scale.releases)
    await each(apps, lambda app: app.canary(analysis=analysis(scale.interval)))
    await stand.until_all("Canary", apps, lambda o: _phase(o) == "Initialized")
    async with contextlib.AsyncExitStack() as stack:
        loads = [await stack.enter_async_context(app.traffic(10)) for app in apps]
        await asyncio.gather(*(load.more(30) for load in loads))
        say(f"{scale.releases} releases at once")
        asked, began, before = await stand.queries(), time.time(), stand.work()
        await each(apps, lambda app: app.release("2.0.0"))
        ended = await stand.until_all(
            "Canary",
            apps,
            lambda o: _phase(o) in (*PROMOTED, "Failed"),
            within=4 * _ideal(scale) + 60,
        )
        queries, spent = await stand.queries() - asked, stand.work().since(before)
    phases = Counter([(await app.status())["phase"] for app in apps])
    last = max(ended.values()) - began
    intervals = max(1, int(last // scale.interval))
    failed = sum(load.counts().failed for load in loads)
    late = max(load.lag for load in loads)
    told = ", ".join(f"{count} {phase}" for phase, count in phases.items())
    return {
        "releases-20": Measured(
            last,
            f"the first after {min(ended.values()) - began:.1f} s; {told}; 10 requests a second"
            f" each, {failed} failed, sent at most {1000 * late:.0f} ms late; {spent}",
        ),
        "releases-20-ratio": Measured(last / _ideal(scale), f"ideal: {_ideal(scale):g} s"),
        "releases-20-queries": Measured(queries.total() / intervals, _kinds(queries)),
    }


async def _ready(stand: Stand, name: str, interval: float, threshold: int = 5) -> App:
    app = stand.app(name)
    await app.create(STABLE)
    await app.initialized(analysis=analysis(interval, threshold))
    return app


def _phase(canary: Mapping[str, Any]) -> str:
    return str(canary.get("status", {}).get("phase", ""))


def _resource(path: str) -> str:
    """Return the plural of what is written: /apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME."""
    return path.partition("/namespaces/")[2].split("/")[1]


def _ideal(scale: Scale) -> float:
    return len(LADDER) * scale.interval


def _sent(load: Load) -> str:
    counts = load.counts()
    late = f"sent at most {1000 * load.lag:.0f} ms late"
    return f"{counts.sent:,} requests, {counts.failed} failed, {late}"


def _kinds(counts: Counter[str]) -> str:
    return ", ".join(f"{kind}: {count}" for kind, count in sorted(counts.items()))


class Part(NamedTuple):
    """One part, and about how many seconds it takes, in full and in short."""

    run: Callable[[Stand, Scale, Say], Awaitable[Figures]]
    full: float
    quick: float


PARTS: Final = {
    "healthy": Part(healthy, 80, 40),
    "failing": Part(failing, 110, 60),
    "outages": Part(outages, 240, 120),
    "releases": Part(releases, 110, 50),
    "rest": Part(rest, 200, 60),
}
"""In the order in which they run."""
