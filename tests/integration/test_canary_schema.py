"""The API server refuses what makes no sense, and agrees with the models on what does."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from kubernetes import client
from kubernetes.client import ApiException

from linnet.api import names
from linnet.api.canary import Canary
from linnet.errors import SpecError
from unit.api.specs import ACCEPTED, DEFAULTS, FLAGGER, MINIMAL, REFUSED, Refused, canary, spec
from unit.api.test_status import FULL


@dataclass(frozen=True)
class Answer:
    """What the API server said: an object, or why not."""

    object: dict[str, Any] | None
    message: str = ""


@dataclass(frozen=True)
class Canaries:
    """Canaries of the test cluster. Unless `keep` says so, nothing is stored."""

    api: client.CustomObjectsApi
    namespace: str

    @property
    def where(self) -> tuple[str, str, str, str]:
        return names.GROUP, names.VERSION, self.namespace, names.PLURAL

    def create(
        self, spec: Any, *, keep: bool = False, strict: bool = False, name: str = "podinfo"
    ) -> Answer:
        """Ask for a new Canary; `strict` refuses unknown fields, as kubectl does."""
        return self._ask(
            self.api.create_namespaced_custom_object,
            *self.where,
            canary(spec, name, self.namespace),
            field_validation="Strict" if strict else "Ignore",
            **({} if keep else {"dry_run": "All"}),
        )

    def replace(self, obj: Mapping[str, Any]) -> Answer:
        """Ask for a change of spec, without making it."""
        return self._ask(
            self.api.replace_namespaced_custom_object,
            *self.where,
            obj["metadata"]["name"],
            obj,
            dry_run="All",
        )

    def replace_status(self, obj: Mapping[str, Any]) -> Answer:
        """Write the status."""
        return self._ask(
            self.api.replace_namespaced_custom_object_status,
            *self.where,
            obj["metadata"]["name"],
            obj,
        )

    def delete(self, name: str) -> None:
        """Delete a Canary that was kept."""
        self.api.delete_namespaced_custom_object(*self.where, name)

    @staticmethod
    def _ask(call: Any, *args: Any, **kwargs: Any) -> Answer:
        try:
            return Answer(call(*args, **kwargs))
        except ApiException as error:
            if error.status not in {400, 422}:
                raise
            return Answer(None, json.loads(error.body or "{}")["message"])


@pytest.fixture(scope="module")
def canaries(api: client.ApiClient, crds: list[str], namespace: str) -> Canaries:
    assert f"{names.PLURAL}.{names.GROUP}" in crds
    return Canaries(client.CustomObjectsApi(api), namespace)


@pytest.fixture
def stored(canaries: Canaries, request: pytest.FixtureRequest) -> Any:
    """A Canary that exists during the test."""
    name = f"stored-{abs(hash(request.node.name)) % 10**6}"
    answer = canaries.create(MINIMAL, keep=True, name=name)
    assert answer.object, answer.message
    yield answer.object
    canaries.delete(name)


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(canaries: Canaries, case: Refused) -> None:
    answer = canaries.create(case.spec)
    assert answer.object is None
    assert case.field in answer.message
    assert (case.server or case.words) in answer.message


@pytest.mark.parametrize("accepted", ACCEPTED)
def test_accepts(canaries: Canaries, accepted: Mapping[str, Any]) -> None:
    answer = canaries.create(accepted, strict=True)
    assert answer.object, answer.message


def test_defaults_are_filled_in(canaries: Canaries) -> None:
    answer = canaries.create(MINIMAL)
    assert answer.object, answer.message
    assert answer.object["spec"] == DEFAULTS


def test_a_flagger_manifest_is_stored_as_it_is_written(canaries: Canaries) -> None:
    answer = canaries.create(FLAGGER["spec"], strict=True)
    assert answer.object, answer.message
    stored = answer.object["spec"]
    for part in ("targetRef", "service"):
        assert stored[part] == FLAGGER["spec"][part]
    metrics = stored["analysis"].pop("metrics")
    assert [m["name"] for m in metrics] == [
        m["name"] for m in FLAGGER["spec"]["analysis"]["metrics"]
    ]
    assert (
        stored["analysis"].items()
        >= {k: v for k, v in FLAGGER["spec"]["analysis"].items() if k != "metrics"}.items()
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("analysis.webhooks", [{"name": "gate", "url": "http://gate"}], id="webhooks"),
        pytest.param("analysis.mirror", True, id="mirroring"),
        pytest.param("autoscalerRef", {"kind": "HorizontalPodAutoscaler"}, id="an autoscaler"),
        pytest.param("analysis.stepweight", 10, id="a misspelt field"),
    ],
)
def test_strict_validation_names_what_does_not_exist(
    canaries: Canaries, field: str, value: Any
) -> None:
    answer = canaries.create(spec(field, value), strict=True)
    assert f'unknown field "spec.{field}"' in answer.message


def test_the_target_cannot_be_changed(canaries: Canaries, stored: dict[str, Any]) -> None:
    stored["spec"]["targetRef"]["name"] = "other"
    answer = canaries.replace(stored)
    assert "targetRef.name cannot be changed: delete the Canary" in answer.message


@pytest.mark.parametrize("later", [{"name": "podinfo-v1"}, None])
def test_the_primary_cannot_be_changed(canaries: Canaries, later: dict[str, str] | None) -> None:
    answer = canaries.create(spec("primaryRef", {"name": "podinfo-v0"}), keep=True)
    assert answer.object, answer.message
    try:
        answer.object["spec"]["primaryRef"] = later
        changed = canaries.replace(answer.object)
    finally:
        canaries.delete("podinfo")
    assert "primaryRef cannot be changed: delete the Canary" in changed.message


def test_a_primary_cannot_be_named_later(canaries: Canaries, stored: dict[str, Any]) -> None:
    stored["spec"]["primaryRef"] = {"name": "podinfo-v1"}
    answer = canaries.replace(stored)
    assert "primaryRef cannot be changed: delete the Canary" in answer.message


def test_the_service_cannot_be_changed(canaries: Canaries, stored: dict[str, Any]) -> None:
    stored["spec"]["service"]["name"] = "other"
    answer = canaries.replace(stored)
    assert "service.name cannot be changed: delete the Canary" in answer.message


def test_the_services_name_may_be_written_out_later(
    canaries: Canaries, stored: dict[str, Any]
) -> None:
    stored["spec"]["service"]["name"] = stored["spec"]["targetRef"]["name"]
    answer = canaries.replace(stored)
    assert answer.object, answer.message


def test_a_status_is_stored_as_it_is_written(canaries: Canaries, stored: dict[str, Any]) -> None:
    answer = canaries.replace_status({**stored, "status": FULL.to_object()})
    assert answer.object, answer.message
    assert answer.object["status"] == FULL.to_object()
    assert Canary.from_object(answer.object).status == FULL


def test_a_status_leaves_the_spec_alone(canaries: Canaries, stored: dict[str, Any]) -> None:
    changed = deepcopy(stored) | {"status": FULL.to_object()}
    changed["spec"]["suspend"] = True
    answer = canaries.replace_status(changed)
    assert answer.object, answer.message
    assert answer.object["spec"] == stored["spec"]
    assert answer.object["metadata"]["generation"] == stored["metadata"]["generation"]


# Values that are often mistaken for each other, at the borders of what is allowed. No 1.0: CEL
# takes it for no integer, the schema does; kubectl writes it as 1 anyway.
_ODD: st.SearchStrategy[Any] = st.sampled_from(
    (
        *(
            None,
            True,
            False,
            -1,
            0,
            1,
            2,
            10,
            50,
            99,
            100,
            101,
            15,
            16,
            65535,
            65536,
            2**31,
            2**53 - 1,
        ),
        *(1.5, 99.9, -0.5, 0.1, 1e15 + 0.5),
        *("", " ", "a", "A", "a.b", "a/b", "*", "*.a", "mesh", "http", "tcp", "tcp-a", "a" * 64),
        *("1s", "1ms", "0s", "60", "24h", "25h", "1.5h", "1m30s", "a\n", "ä", "http://a", "80"),
        *([], {}, [None], [""], [1], [10, 20], [20, 10], [1.5, 2], ["*"], ["a", "mesh"], [{}]),
        *({"min": 1}, {"max": 0, "min": 1}, {"attempts": 0}, {"uri": "/"}, {"a": None}),
        *({"maxAge": "1s"}, {"maxAge": 1}, [{"name": "a"}], {"match": "a"}, ...),
    )
)


def _fields(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    below = [inner for key, part in items for inner in _fields(part, (*path, key))]
    return [path, *below] if path else below


_WHOLE: dict[str, Any] = deepcopy(FLAGGER["spec"])
_WHOLE |= {"metricsServer": "http://prometheus", "scaleDownDelaySeconds": 1, "paused": False}
_WHOLE |= {"skipAnalysis": False, "suspend": False}
_WHOLE["service"] |= {"name": "podinfo"}
_WHOLE["analysis"] |= {"stepWeights": [1, 2], "stepWeightPromotion": 1}
_WHOLE["analysis"] |= {"primaryReadyThreshold": 50, "canaryReadyThreshold": 50}
_WHOLE["service"]["rewrite"] = {"uri": "/", "authority": "a", "uriRegexRewrite": {"match": "a"}}
_BASES = (FLAGGER["spec"], MINIMAL, {**MINIMAL, "analysis": {"stepWeights": [1, 2]}})
_PATHS = _fields(_WHOLE)


@st.composite
def _mutated(draw: st.DrawFn) -> dict[str, Any]:
    """Return a good spec of which some fields were replaced by odd values."""
    result: dict[str, Any] = deepcopy(draw(st.sampled_from(_BASES)))
    for path in draw(st.lists(st.sampled_from(_PATHS), min_size=1, max_size=3)):
        value = deepcopy(draw(_ODD))
        node: Any = result
        try:
            for key in path[:-1]:
                node = node.setdefault(key, {}) if isinstance(node, dict) else node[key]
            if value is ...:
                del node[path[-1]]
            else:
                node[path[-1]] = value
        except (IndexError, KeyError, TypeError, AttributeError):
            continue
    return result


@settings(
    max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_mutated())
def test_models_and_api_server_agree(canaries: Canaries, spec: dict[str, Any]) -> None:
    answer = canaries.create(spec)
    note(yaml.safe_dump(spec))
    note(f"API server: {answer.message or 'accepted'}")
    try:
        ours = Canary.from_object(canary(spec))
    except SpecError as error:
        note(f"models: {error.message}")
        assert answer.object is None
        return
    assert answer.object is not None
    assert Canary.from_object(answer.object).spec == ours.spec
