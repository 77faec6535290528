"""What a Canary's author may write, and what linnet makes of it."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from linnet.api.canary import Canary
from linnet.errors import SpecError
from unit.api.specs import ACCEPTED, DEFAULTS, FLAGGER, MINIMAL, REFUSED, Refused, canary, spec


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case: Refused) -> None:
    with pytest.raises(SpecError) as caught:
        Canary.from_object(canary(case.spec))
    assert caught.value.reason == "InvalidSpec"
    assert case.field in caught.value.message
    assert case.words in caught.value.message


@pytest.mark.parametrize("accepted", ACCEPTED)
def test_accepts(accepted: dict[str, Any]) -> None:
    Canary.from_object(canary(accepted))


def test_left_out_fields_get_the_documented_defaults() -> None:
    assert Canary.from_object(canary(MINIMAL)) == Canary.from_object(canary(DEFAULTS))


def test_keys_without_values_count_as_left_out() -> None:
    nulls = spec("service.hosts", None, service__targetPort=None, paused=None)
    assert Canary.from_object(canary(nulls)) == Canary.from_object(canary(MINIMAL))


def test_a_flagger_manifest_keeps_its_meaning() -> None:
    read = Canary.from_object({**FLAGGER, "apiVersion": "linnet.dev/v1beta1"}).spec
    assert read.target_ref.name == "podinfo"
    assert read.progress_deadline_seconds == 60
    assert read.service.gateways == ("istio-system/public-gateway", "mesh")
    assert read.service.retries == FLAGGER["spec"]["service"]["retries"]
    assert read.service.timeout == timedelta(seconds=30)
    assert read.analysis.interval == timedelta(minutes=1)
    assert read.analysis.threshold == 10
    assert (read.analysis.step_weight, read.analysis.max_weight) == (5, 50)
    assert [metric.name for metric in read.analysis.metrics] == [
        "request-success-rate",
        "request-duration",
        "404s percentage",
    ]
    assert read.analysis.metrics[1].threshold_range.max == 500


def test_istio_objects_are_passed_on_as_they_are_written() -> None:
    service = FLAGGER["spec"]["service"]
    read = Canary.from_object(FLAGGER).spec.service
    assert list(read.match) == service["match"]
    assert read.headers == service["headers"]
    assert read.rewrite == service["rewrite"]
    assert read.traffic_policy == service["trafficPolicy"]
    assert read.cors_policy == service["corsPolicy"]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        pytest.param({}, ("podinfo", "podinfo-primary", "podinfo-canary"), id="after the target"),
        pytest.param(
            {"service__name": "shop"}, ("shop", "shop-primary", "shop-canary"), id="as asked for"
        ),
    ],
)
def test_services_are_named(changes: dict[str, Any], names: tuple[str, str, str]) -> None:
    read = Canary.from_object(canary(spec(**changes)))
    assert (read.service_name, read.service_primary, read.service_canary) == names
    assert read.primary_name == "podinfo-primary"


@pytest.mark.parametrize(
    ("guard", "percent"),
    [
        pytest.param({}, 0.5, id="half of the default objective's error budget"),
        pytest.param({"objective": 99.9}, 0.05, id="half of an objective's error budget"),
        pytest.param({"objective": 99.9, "floor": 2}, 2, id="as it is set"),
    ],
)
def test_a_floor_follows_from_the_objective(guard: dict[str, float], percent: float) -> None:
    read = Canary.from_object(canary(spec("analysis.guard", guard))).spec
    assert read.analysis.guard.floor_percent == pytest.approx(percent)


def test_all_mistakes_are_named_at_once() -> None:
    two = spec("service.port", 0, analysis__interval="x")
    with pytest.raises(SpecError) as caught:
        Canary.from_object(canary(two))
    assert caught.value.message == (
        "spec.service.port: must be at least 1; "
        "spec.analysis.interval: must be a duration from 1s to 24h, such as 30s or 1m30s"
    )


def test_many_mistakes_are_counted() -> None:
    hosts = spec("service.hosts", ["A"] * 9)
    with pytest.raises(SpecError, match=r"hosts\[4\].*; and 4 more$"):
        Canary.from_object(canary(hosts))


def test_a_secret_in_a_url_is_not_repeated() -> None:
    url = spec("metricsServer", "http://user:secret@prometheus")
    with pytest.raises(SpecError) as caught:
        Canary.from_object(canary(url))
    assert "secret" not in caught.value.message


def test_fields_of_another_version_are_ignored() -> None:
    newer = spec("analysis.somethingNew", {"a": 1}, other=[1])
    assert Canary.from_object(canary(newer)) == Canary.from_object(canary(MINIMAL))


def test_fields_are_known_by_their_names_in_kubernetes_only() -> None:
    with pytest.raises(SpecError, match="say how the weight grows"):
        Canary.from_object(canary(spec("analysis", {"step_weight": 10})))


def test_a_canary_without_a_spec_says_so() -> None:
    with pytest.raises(SpecError, match="spec: must be an object"):
        Canary.from_object({"metadata": {"name": "podinfo"}})


def test_a_canary_cannot_be_changed() -> None:
    read = Canary.from_object(canary(MINIMAL))
    with pytest.raises(ValidationError, match="frozen"):
        read.spec.service.port = 81  # type: ignore[misc]  # frozen, which is what is tested


def test_metadata_is_read() -> None:
    obj = canary(MINIMAL, namespace="shop")
    obj["metadata"] |= {
        "uid": "u",
        "generation": 3,
        "resourceVersion": "7",
        "finalizers": ["linnet.dev/finalizer"],
        "deletionTimestamp": "2026-01-01T00:00:00Z",
        "annotations": None,
        "managedFields": [],
    }
    read = Canary.from_object(obj)
    assert (read.name, read.namespace, read.uid, read.generation) == ("podinfo", "shop", "u", 3)
    assert (read.resource_version, read.finalizers) == ("7", ("linnet.dev/finalizer",))
    assert read.deleted
    assert str(read.ref) == "Canary shop/podinfo"
