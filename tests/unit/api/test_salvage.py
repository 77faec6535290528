"""A Canary that is deleted is read as far as it can be, so that its routes can be given back."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from linnet.api.canary import Canary
from linnet.errors import SpecError
from unit.api.specs import REFUSED, Refused, canary, spec

DELETED = "2026-01-31T12:00:00Z"


def deleted(of: Mapping[str, Any]) -> dict[str, Any]:
    obj = canary(dict(of))
    return {**obj, "metadata": {**obj["metadata"], "deletionTimestamp": DELETED}}


def test_a_broken_analysis_does_not_matter_any_more() -> None:
    read = Canary.from_object(deleted(spec("analysis", {"stepWeights": [50, 20]})))
    assert read.target_name == "podinfo"
    assert read.service_name == "podinfo"


def test_only_what_is_broken_is_left_out() -> None:
    service = {"port": 80, "hosts": ["shop.example.com"], "portName": "TCP", "gateways": ["mesh"]}
    read = Canary.from_object(deleted(spec("service", service)))
    assert read.spec.service.hosts == ("shop.example.com",)
    assert read.spec.service.port_name == "http"


def test_of_a_rule_about_several_fields_the_one_it_names_is_left_out() -> None:
    read = Canary.from_object(deleted(spec("service.hosts", ["*"], service__timeout="5s")))
    assert read.spec.service.hosts == ()
    assert read.spec.service.timeout is not None


@pytest.mark.parametrize("case", REFUSED)
def test_whatever_is_refused_is_no_crash(case: Refused) -> None:
    """SpecError is what the operator knows how to tell."""
    with suppress(SpecError):
        assert Canary.from_object(deleted(case.spec)).target_name


def test_one_without_a_target_cannot_be_read() -> None:
    with pytest.raises(SpecError):
        Canary.from_object(deleted(spec("targetRef", ...)))
