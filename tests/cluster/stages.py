"""Stages for kwok, besides its own: pods that ask the node for something by their image tag.

The words for it are those that `cluster.behaviour` leaves to the node.
"""

from typing import Any

from cluster.pods import DEFAULT_GRACE

# Above the 0 of kwok's own stages: where both match, these are taken.
_WEIGHT = 100

_STARTED = """\
{{ $podIPs := PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) \
( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ index $podIPs 0 | Quote }}
podIPs: [{ip: {{ index $podIPs 0 | Quote }}}]
phase: Running
startTime: {{ $now | Quote }}
"""
_RUNNING = "{running: {startedAt: {{ $now | Quote }}}}"
_CRASHED = '{waiting: {reason: CrashLoopBackOff, message: "back-off restarting failed container"}}'


def stages() -> list[dict[str, Any]]:
    """The stages `never-ready`, `crash`, `slow-start-S`, and a deletion that takes its time."""
    return [
        _deletion(),
        _stage("never-ready", "never-ready", "Pending", _status(_RUNNING, ready=False) + _STARTED),
        _stage("crash", "crash", "Pending", _status(_CRASHED, ready=False, restarts=3) + _STARTED),
        _stage(
            "slow-start",
            _SLOW_START,
            "Pending",
            _status(_RUNNING, ready=False) + _STARTED,
        ),
        _stage(
            "slow-start-done",
            _SLOW_START,
            "Running",
            _status(_RUNNING, ready=True),
            conditions=[_requirement(_READY_CONDITION, "In", "False")],
            delay={"durationFrom": {"jq": {"expression": _SLOW_START_SECONDS}}},
        ),
    ]


def _deletion() -> dict[str, Any]:
    """A pod stays, terminating, a little longer than it serves.

    As under a kubelet; and since kwok gives the address of a deleted pod to the next one at once, a
    proxy that has yet to hear of the deletion would call another workload there.
    """
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": "pod-delete"},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {
                "matchExpressions": [{"key": ".metadata.deletionTimestamp", "operator": "Exists"}]
            },
            "delay": {"durationMilliseconds": int(1000 * DEFAULT_GRACE) + 500},
            "next": {"delete": True},
        },
    }


_SLOW_START = "slow-start-[0-9.]+"
_SLOW_START_SECONDS = (
    '.spec.containers[0].image | capture("-slow-start-(?<seconds>[0-9.]+)").seconds + "s"'
)
_READY_CONDITION = '.status.conditions.[] | select(.type == "Ready") | .status'


def _stage(
    name: str,
    word: str,
    phase: str,
    status: str,
    *,
    conditions: list[dict[str, Any]] | None = None,
    delay: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": f"pod-{name}"},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {
                "matchExpressions": [
                    {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"},
                    _requirement(".status.phase", "In", phase),
                    _requirement(
                        f'.spec.containers[0].image | test(":[^/]*-{word}(-|$)")', "In", "true"
                    ),
                    *(conditions or []),
                ]
            },
            "weight": _WEIGHT,
            **({"delay": delay} if delay else {}),
            "next": {"statusTemplate": status},
        },
    }


def _requirement(key: str, operator: str, value: str) -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": [value]}


def _status(state: str, *, ready: bool, restarts: int = 0) -> str:
    """The template of a pod's status whose containers are all in this state."""
    readiness = '"True"' if ready else '"False", reason: ContainersNotReady'
    now = "lastTransitionTime: {{ $now | Quote }}"
    return f"""\
{{{{ $now := Now }}}}
conditions:
- {{type: Initialized, {now}, status: "True"}}
- {{type: Ready, {now}, status: {readiness}}}
- {{type: ContainersReady, {now}, status: {readiness}}}
containerStatuses:
{{{{ range .spec.containers }}}}
- name: {{{{ .name | Quote }}}}
  image: {{{{ .image | Quote }}}}
  ready: {str(ready).lower()}
  started: {str(state == _RUNNING).lower()}
  restartCount: {restarts}
  state: {state}
{{{{ end }}}}
"""
