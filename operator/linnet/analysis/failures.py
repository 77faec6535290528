"""What counts as a failed request, by the labels that Istio's proxies give it."""

from collections.abc import Mapping
from typing import Final

_GRPC_SERVER_FAULTS: Final = frozenset(
    {
        "2",  # UNKNOWN
        "4",  # DEADLINE_EXCEEDED
        "8",  # RESOURCE_EXHAUSTED
        "13",  # INTERNAL
        "14",  # UNAVAILABLE
        "15",  # DATA_LOSS
    }
)

_UPSTREAM_FAULTS: Final = frozenset(
    {
        "UH",  # no healthy upstream
        "UF",  # connection failure
        "UO",  # circuit breaker open
        "UC",  # connection termination
        "UT",  # upstream request time-out
        "LR",  # connection reset by this proxy
        "UR",  # connection reset by the other side
        "UPE",  # protocol error
    }
)
"""Envoy's response flags for what the pod, or the way to it, did wrong. With one of them an answer
that began well (code 200) did not come to its end."""

OUTCOME_LABELS: Final = (
    "response_code",
    "response_flags",
    "request_protocol",
    "grpc_response_status",
)
"""What `failed` looks at."""


def failed(labels: Mapping[str, str]) -> bool:
    """Tell whether requests with these labels failed.

    Failed are HTTP 5xx, requests that got no answer (response code 0), answers that were cut off by
    the other side, and gRPC calls that ended with UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED,
    INTERNAL, UNAVAILABLE or DATA_LOSS. What the caller did wrong is no failure.
    """
    code = labels.get("response_code", "")
    if code == "0" or (len(code) == 3 and code.startswith("5")):
        return True
    if (
        labels.get("grpc_response_status") in _GRPC_SERVER_FAULTS
        and labels.get("request_protocol", "grpc") == "grpc"
    ):
        return True
    flags = labels.get("response_flags", "")
    return bool(flags) and not _UPSTREAM_FAULTS.isdisjoint(flags.split(","))


def missing_label(labels: Mapping[str, str]) -> str:
    """Return the name of a label without which `failed` cannot tell; empty if none is missing.

    A gRPC call that was answered (200) has its status in a label of its own.
    """
    if not labels.get("response_code"):
        return "response_code"
    if (
        labels["response_code"] == "200"
        and labels.get("request_protocol") == "grpc"
        and not labels.get("grpc_response_status")
        and labels.get("response_flags", "") in ("", "-")  # else it was cut short, and has none
    ):
        return "grpc_response_status"
    return ""
