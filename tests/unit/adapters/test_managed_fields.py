"""Who manages the fields of an object after linnet has written one of them."""

from typing import Any

import pytest

from linnet.adapters.managed_fields import handed_back

SPEC: dict[str, Any] = {"f:spec": {"f:hosts": {}, "f:http": {}}}
NOTE: dict[str, Any] = {"f:metadata": {"f:annotations": {"f:linnet.dev/weights": {}}}}


def entry(manager: str, operation: str = "Update", **fields: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": fields, "time": "t"}


def obj(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "reviews", "managedFields": list(entries)}}


GIT = entry("git", "Apply", **SPEC)
WITHOUT_HTTP: dict[str, Any] = {"f:spec": {"f:hosts": {}}}
ROBBED = entry("git", "Apply", **WITHOUT_HTTP)
HTTP: dict[str, Any] = {"f:spec": {"f:http": {}}}
TAKEN = entry("linnet", **NOTE, **HTTP)


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        pytest.param(
            [GIT], [ROBBED, TAKEN], [GIT, entry("linnet", **NOTE)], id="from whoever applied it"
        ),
        pytest.param(
            [GIT, entry("linnet", **NOTE)],
            [ROBBED, TAKEN],
            [GIT, entry("linnet", **NOTE)],
            id="each time",
        ),
        pytest.param(
            [entry("kubectl", **SPEC)],
            [entry("linnet", **SPEC)],
            [entry("kubectl", **SPEC)],
            id="from one who had nothing else",
        ),
        pytest.param(
            [ROBBED, TAKEN],
            [ROBBED, TAKEN],
            [ROBBED, entry("linnet", **NOTE)],
            id="after a crash in between, from nobody",
        ),
        pytest.param(
            [GIT, entry("linnet", "Apply", **SPEC)],
            [ROBBED, entry("linnet", "Apply", **SPEC), TAKEN],
            [GIT, entry("linnet", "Apply", **SPEC), entry("linnet", **NOTE)],
            id="but not what somebody of that name applied",
        ),
    ],
)
def test_fields_are_handed_back(
    before: list[dict[str, Any]], after: list[dict[str, Any]], wanted: list[dict[str, Any]]
) -> None:
    assert handed_back(obj(*before), obj(*after)) == wanted


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([GIT], [GIT, entry("linnet", **NOTE)], id="only the annotation was written"),
        pytest.param([], [], id="nobody manages anything"),
        pytest.param([GIT], [entry("linnet", **NOTE), GIT], id="in another order"),
    ],
)
def test_nothing_is_to_be_done_where(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    assert handed_back(obj(*before), obj(*after)) is None
