"""What Istio's `Telemetry` objects do to the labels of the standard metrics.

Of the API this understands `spec.metrics[].overrides[]`: `match.metric`, `match.mode`, `disabled`
and `tagOverrides` with operation REMOVE, for the whole mesh (an object in the root namespace), a
namespace, or the pods a `selector` picks. UPSERT of a label by a CEL expression is ignored.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

ROOT_NAMESPACE = "istio-system"


class Side(StrEnum):
    """Which end of a request reports it: `reporter="source"` is the client's."""

    CLIENT = "CLIENT"
    SERVER = "SERVER"


class Metric(StrEnum):
    """The metrics the test cluster has, by the names the Telemetry API gives them."""

    REQUEST_COUNT = "REQUEST_COUNT"
    REQUEST_DURATION = "REQUEST_DURATION"


@dataclass(frozen=True)
class Rule:
    """What is left of one metric: whether it is reported, and the labels it goes without."""

    disabled: bool = False
    removed: frozenset[str] = frozenset()


Rules = Mapping[Metric, Rule]
UNTOUCHED: Rules = {metric: Rule() for metric in Metric}


def rules(
    telemetries: Iterable[Mapping[str, Any]],
    side: Side,
    namespace: str,
    labels: Mapping[str, str],
) -> Rules:
    """The rules for a reporter with these labels in this namespace.

    Objects of the mesh come first, then those of the namespace, then those that select the
    reporter, so that a nearer one has the last word on `disabled`; removed labels add up.
    """
    found = dict(UNTOUCHED)
    for telemetry in sorted(telemetries, key=_nearness):
        if not _applies(telemetry, namespace, labels):
            continue
        for entry in telemetry["spec"].get("metrics") or ():
            for override in entry.get("overrides") or ():
                for metric in _matched(override, side):
                    found[metric] = _overridden(found[metric], override)
    return found


def _nearness(telemetry: Mapping[str, Any]) -> tuple[bool, bool]:
    return telemetry["metadata"]["namespace"] != ROOT_NAMESPACE, bool(_selector(telemetry))


def _applies(telemetry: Mapping[str, Any], namespace: str, labels: Mapping[str, str]) -> bool:
    of_mesh = telemetry["metadata"]["namespace"] == ROOT_NAMESPACE and not _selector(telemetry)
    if not of_mesh and telemetry["metadata"]["namespace"] != namespace:
        return False
    return _selector(telemetry).items() <= labels.items()


def _selector(telemetry: Mapping[str, Any]) -> Mapping[str, str]:
    return (telemetry["spec"].get("selector") or {}).get("matchLabels") or {}


def _matched(override: Mapping[str, Any], side: Side) -> list[Metric]:
    match = override.get("match") or {}
    if match.get("mode", "CLIENT_AND_SERVER") not in ("CLIENT_AND_SERVER", side):
        return []
    wanted = match.get("metric", "ALL_METRICS")
    return [metric for metric in Metric if wanted in ("ALL_METRICS", metric)]


def _overridden(rule: Rule, override: Mapping[str, Any]) -> Rule:
    removed = {
        label
        for label, change in (override.get("tagOverrides") or {}).items()
        if change.get("operation") == "REMOVE"
    }
    return Rule(bool(override.get("disabled", rule.disabled)), rule.removed | removed)
