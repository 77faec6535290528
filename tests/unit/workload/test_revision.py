"""What makes a pod template another revision."""

import re
from typing import Any

import pytest

from linnet.workload.revision import revision_of

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "a"}},
    "spec": {"containers": [{"name": "app", "image": "a:1", "command": ["a", "b"]}]},
}


def _with(**fields: Any) -> dict[str, Any]:
    return {**TEMPLATE, "spec": {**TEMPLATE["spec"], **fields}}


def _container(**fields: Any) -> dict[str, Any]:
    return _with(containers=[{**TEMPLATE["spec"]["containers"][0], **fields}])


@pytest.mark.parametrize(
    "template",
    [
        pytest.param(dict(reversed(TEMPLATE.items())), id="the order of fields"),
        pytest.param(_with(nodeSelector=None), id="a null"),
        pytest.param(_with(volumes=[]), id="an empty list"),
        pytest.param(_with(securityContext={}), id="an empty security context"),
        pytest.param(_container(resources={}), id="empty resources"),
        pytest.param(
            {**TEMPLATE, "metadata": {"labels": {"app": "a"}, "creationTimestamp": None}},
            id="a time of creation",
        ),
    ],
)
def test_noise(template: dict[str, Any]) -> None:
    assert revision_of(template) == revision_of(TEMPLATE)


@pytest.mark.parametrize(
    "template",
    [
        pytest.param(_container(image="a:2"), id="an image"),
        pytest.param(_container(command=["b", "a"]), id="the order of words"),
        pytest.param(_with(terminationGracePeriodSeconds=0), id="a zero"),
        pytest.param(_with(hostNetwork=False), id="a false"),
        pytest.param(_with(volumes=[{"name": "a", "emptyDir": {}}]), id="an empty directory"),
        pytest.param(
            {**TEMPLATE, "metadata": {"labels": {"app": "a"}, "annotations": {"restartedAt": "t"}}},
            id="a restart",
        ),
    ],
)
def test_news(template: dict[str, Any]) -> None:
    assert revision_of(template) != revision_of(TEMPLATE)


def _spread(selector: Any) -> dict[str, Any]:
    return _with(topologySpreadConstraints=[{"topologyKey": "a", "labelSelector": selector}])


def test_a_selector_of_everything_is_not_one_of_nothing() -> None:
    assert revision_of(_spread({})) != revision_of(_spread(None))


def test_the_name_of_a_revision_outlives_versions_of_linnet() -> None:
    assert revision_of(TEMPLATE) == "3380fdd893"
    assert re.fullmatch("[0-9a-f]{10}", revision_of(TEMPLATE))
