"""The past of a mesh, known exactly: what its proxies counted, scraped every five seconds."""

from collections.abc import Callable, Iterable

from integration.prometheus_lab import Points, Scene

SCRAPES = range(-900, 1, 5)
REQUESTS = "istio_requests_total"
BUCKETS = "istio_request_duration_milliseconds_bucket"


def target(scene: Scene, instance: str = "gw", points: Points | None = None) -> Scene:
    """A target that was scraped all the time, or as `points` say."""
    return scene.add("up", points or always(), job="mesh", instance=instance)


def always(times: Iterable[int] = SCRAPES) -> Points:
    """A target that answers each scrape."""
    return {float(time): 1.0 for time in times}


def steady(per_scrape: float, since: int = -900, start: float = 0) -> Points:
    """A counter that grows evenly from `start` at its first scrape."""
    times = [time for time in SCRAPES if time >= since]
    return {time: start + per_scrape * number for number, time in enumerate(times)}


def requests(scene: Scene, points: Points, code: str = "200", **labels: str) -> Scene:
    """A counter of requests to shop/web, as a gateway reports it unless `labels` say otherwise."""
    return scene.add(REQUESTS, points, **_labels(response_code=code, **labels))


def buckets(scene: Scene, counts: dict[str, Points], **labels: str) -> Scene:
    for bound, points in counts.items():
        scene.add(BUCKETS, points, **_labels(le=bound, **labels))
    return scene


def _labels(**labels: str) -> dict[str, str]:
    defaults = {
        "job": "mesh",
        "instance": "gw",
        "reporter": "source",
        "destination_workload_namespace": "shop",
        "destination_workload": "web",
    }
    return {key: value for key, value in (defaults | labels).items() if value}


def all_of(*parts: Callable[[Scene], object]) -> Callable[[Scene], None]:
    def build(scene: Scene) -> None:
        for part in parts:
            part(scene)

    return build


def changed(points: Points, changes: Points) -> Points:
    return {**points, **changes}


def gap(points: Points, after: int, before: int) -> Points:
    """Leave out what Prometheus did not scrape."""
    return {time: value for time, value in points.items() if not after < time < before}
