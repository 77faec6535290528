"""Template words in inline queries."""

from datetime import timedelta
from typing import Any

import pytest

from linnet.analysis import templates
from linnet.analysis.measurement import MetricKind
from linnet.api.canary import Canary

MINUTE = timedelta(minutes=1)


def canary(query: str, service: str | None = "podinfo-svc", target: str = "podinfo") -> Canary:
    ports: dict[str, Any] = {"port": 80}
    return Canary.from_object(
        {
            "metadata": {"name": "release", "namespace": "shop"},
            "spec": {
                "targetRef": {"name": target},
                "service": ports | ({"name": service} if service else {}),
                "analysis": {
                    "stepWeight": 10,
                    "metrics": [
                        {"name": "request-duration", "thresholdRange": {"max": 500}},
                        {"name": "errors", "query": query, "thresholdRange": {"max": 1}},
                    ],
                },
            },
        }
    )


def render(query: str, window: timedelta = MINUTE, **options: Any) -> str:
    subject = canary(query, **options)
    return templates.render(subject, subject.spec.analysis.metrics[1], window)


@pytest.mark.parametrize(
    ("query", "rendered"),
    [
        pytest.param("up", "up", id="a query without words stays as it is"),
        pytest.param('{a="{{ namespace }}"}', '{a="shop"}', id="namespace"),
        pytest.param("{{ name }}", "release", id="the Canary's name"),
        pytest.param("{{ target }}", "podinfo", id="the target"),
        pytest.param("{{ service }}", "podinfo-svc", id="the service"),
        pytest.param("{{ ingress }} {{ route }}", "podinfo podinfo", id="ingress and route"),
        pytest.param("rate(x[{{ interval }}])", "rate(x[60s])", id="the window"),
        pytest.param("{{target}} {{  target\n}}", "podinfo podinfo", id="any blanks inside"),
        pytest.param("a  {{- target -}}  b", "apodinfob", id="dashes take blanks away"),
        pytest.param("up{{/* by team */}}", "up", id="comments go"),
        pytest.param("sum({a=~'x'}) by (b) / {c='d'}", "sum({a=~'x'}) by (b) / {c='d'}", id="{}"),
    ],
)
def test_words_are_filled_in(query: str, rendered: str) -> None:
    assert render(query) == rendered


def test_the_service_is_named_after_the_target_by_default() -> None:
    assert render("{{ service }}", service=None) == "podinfo"


@pytest.mark.parametrize(
    ("window", "interval"),
    [
        pytest.param(timedelta(seconds=90), "90s", id="minutes are written in seconds"),
        pytest.param(timedelta(seconds=5.7), "5s", id="whole seconds, so that queries are alike"),
        pytest.param(timedelta(seconds=0.25), "250ms", id="below a second to the millisecond"),
        pytest.param(timedelta(microseconds=3), "1ms", id="never an empty range"),
    ],
)
def test_the_interval_is_a_duration_for_prometheus(window: timedelta, interval: str) -> None:
    assert render("{{ interval }}", window) == interval


@pytest.mark.parametrize(
    ("query", "says"),
    [
        pytest.param(
            "up{{ cluster }}",
            "spec.analysis.metrics[errors].query: {{ cluster }} is not known; use one of namespace,"
            " name, target, service, ingress, route, interval",
            id="an unknown word",
        ),
        pytest.param("{{ .Name }}", "{{ .Name }} is not known", id="a field of Go's"),
        pytest.param("{{ variables.a }}", "{{ variables.a }} is not known", id="a variable"),
        pytest.param("{{ }}", "{{  }} is not known", id="no word"),
        pytest.param("a {{ name", "query: {{ without }}", id="no end"),
        pytest.param("a name }}", "query: }} without {{", id="no beginning"),
    ],
)
def test_what_cannot_be_rendered_is_refused(query: str, says: str) -> None:
    (error,) = templates.problems(canary(query))
    assert error.reason == "InvalidMetric"
    assert says in error.message


def test_a_value_cannot_break_out_of_its_string() -> None:
    subject = canary('{a="{{ namespace }}"}')
    hostile = subject.metadata.model_copy(update={"namespace": 'x"} or vector(100) or {b="'})
    (error,) = templates.problems(subject.model_copy(update={"metadata": hostile}))
    assert "characters that no name in Kubernetes has" in error.message


def test_a_good_canary_has_no_problem() -> None:
    assert list(templates.problems(canary("rate(x[{{ interval }}])"))) == []


def test_the_name_of_a_metric_decides_whether_it_is_built_in() -> None:
    metrics = canary("up").spec.analysis.metrics
    assert [templates.kind_of(metric) for metric in metrics] == [
        MetricKind.DURATION,
        MetricKind.INLINE,
    ]
