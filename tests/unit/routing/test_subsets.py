"""Subsets that select the pods of their sides."""

import pytest

from linnet.routing.subsets import check_subsets
from unit.routing.canaries import Object, objects
from unit.routing.test_adoption import canary


def deployment(name: str, **labels: str) -> Object:
    """Return a Deployment whose pods have labels."""
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "prod"},
        "spec": {"template": {"metadata": {"labels": labels}}},
    }


def rule(v1: dict[str, str], v2: dict[str, str]) -> Object:
    """Return the DestinationRule with the labels of its subsets."""
    subsets = [{"name": "v1", "labels": v1}, {"name": "v2", "labels": v2}]
    return {
        "kind": "DestinationRule",
        "metadata": {"name": "reviews-destination", "namespace": "prod"},
        "spec": {"host": "reviews", "subsets": subsets},
    }


V1 = deployment("reviews-v1", app="reviews", version="v1")
V2 = deployment("reviews-v2", app="reviews", version="v2")


@pytest.mark.parametrize(
    ("live", "words"),
    [
        pytest.param([rule({"version": "v1"}, {"version": "v2"}), V1, V2], None, id="are right"),
        pytest.param(
            [rule({"version": "v2"}, {"version": "v1"}), V1, V2],
            "the pods of Deployment prod/reviews-v1 have not the labels of subset v1",
            id="are swapped",
        ),
        pytest.param(
            [rule({"app": "reviews"}, {"version": "v2"}), V1, V2],
            "subset v1 of DestinationRule prod/reviews-destination (app: reviews) selects the pods"
            " of Deployment prod/reviews-v2 as well",
            id="select both",
        ),
        pytest.param(
            [rule({}, {"version": "v2"}), V1, V2], "(no labels) selects", id="select everything"
        ),
        pytest.param([rule({"version": "v2"}, {}), V1], None, id="a Deployment is not there yet"),
        pytest.param([V1, V2], None, id="the DestinationRule is not there yet"),
    ],
)
def test_subsets(live: list[Object], words: str | None) -> None:
    error = check_subsets(canary(), objects(*live))
    if words is None:
        assert error is None
    else:
        assert error is not None
        assert error.reason == "SubsetMismatch"
        assert words in error.message
