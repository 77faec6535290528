"""What is told at /metrics."""

import pytest

from linnet.adapters.telemetry import CanarySummary, Telemetry
from linnet.api.objects import ObjectRef

WEB = ObjectRef("Canary", "shop", "web")


@pytest.mark.parametrize(
    ("phase", "status"),
    [
        ("", 0),
        ("Initializing", 0),
        ("Progressing", 0),
        ("Promoting", 0),
        ("Finalising", 0),
        ("Initialized", 1),
        ("Succeeded", 1),
        ("Failed", 2),
    ],
)
def test_a_canarys_status_and_weight_are_told(phase: str, status: int) -> None:
    telemetry = Telemetry()
    telemetry.tell_canaries(lambda: [CanarySummary(WEB, phase, 30)])
    value = telemetry.registry.get_sample_value
    labels = {"namespace": "shop", "name": "web"}
    assert value("linnet_canary_status", labels) == status
    assert value("linnet_canary_weight", labels) == 30


def test_canaries_are_counted_by_phase_as_they_are_at_each_scrape() -> None:
    canaries = [CanarySummary(WEB, "Progressing", 10)]
    telemetry = Telemetry()
    telemetry.tell_canaries(lambda: canaries)
    value = telemetry.registry.get_sample_value
    labels = {"namespace": "shop", "phase": "Progressing"}
    assert value("linnet_canaries", labels) == 1
    canaries.append(CanarySummary(ObjectRef("Canary", "shop", "api"), "Progressing", 20))
    assert value("linnet_canaries", labels) == 2
    canaries.clear()
    assert value("linnet_canaries", labels) is None


def test_every_metric_says_what_it_is() -> None:
    for metric in Telemetry().registry.collect():
        assert metric.documentation.endswith("."), metric.name
