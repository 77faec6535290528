"""What objects must look like for the engine to read them: what an API server sees to."""

from collections.abc import Mapping
from typing import Any, Final

from linnet.errors import SpecError
from linnet.planning.manifests import (
    CANARY,
    DEPLOYMENT,
    DESTINATION_RULE,
    PEER_AUTHENTICATION,
    SERVICE,
    VIRTUAL_SERVICE,
    Manifest,
)

_TEXTS: Final = {"*": str}
"""A shape is a type; a mapping of shapes by key, where `*` stands for any key and `!` says that one
is required; a list with the shape of its items."""
_METADATA: Final = {"labels": _TEXTS, "annotations": _TEXTS}
_ROUTE: Final = {"destination!": {"host!": str, "subset": str}, "weight": int}
_MTLS: Final = {"mode": str}

SHAPES: Final[Mapping[tuple[str, str], Any]] = {
    CANARY: {"metadata!": _METADATA},
    DEPLOYMENT: {
        "metadata!": _METADATA,
        "spec!": {
            "replicas": int,
            "selector!": {"matchLabels": _TEXTS, "matchExpressions": [{"key!": str}]},
            "template!": {
                "metadata!": {"labels!": _TEXTS, "annotations": _TEXTS},
                "spec!": {
                    "containers!": [
                        {
                            "name!": str,
                            "image": str,
                            "ports": [{"containerPort!": int, "name": str}],
                        }
                    ],
                    "initContainers": [{"name!": str, "image": str}],
                },
            },
        },
    },
    SERVICE: {
        "metadata!": _METADATA,
        "spec!": {"selector": _TEXTS, "ports": [{"port!": int, "name": str}]},
    },
    VIRTUAL_SERVICE: {
        "metadata!": _METADATA,
        "spec!": {
            "hosts": [str],
            "gateways": [str],
            "exportTo": [str],
            "http": [
                {
                    "name": str,
                    "match": [dict],
                    "route": [_ROUTE],
                    "delegate": {"name": str, "namespace": str},
                }
            ],
        },
    },
    DESTINATION_RULE: {
        "metadata!": _METADATA,
        "spec!": {
            "host!": str,
            "subsets": [{"name!": str, "labels": _TEXTS}],
            "trafficPolicy": {
                "tls": {"mode": str},
                "portLevelSettings": [{"port": {"number": int}, "tls": {"mode": str}}],
            },
        },
    },
    PEER_AUTHENTICATION: {
        "metadata!": _METADATA,
        "spec": {
            "selector": {"matchLabels": _TEXTS},
            "mtls": _MTLS,
            "portLevelMtls": {"*": _MTLS},
        },
    },
}

_WORDS: Final = {str: "a string", int: "a number", dict: "a mapping"}


def check_shape(manifest: Manifest) -> None:
    """Raise SpecError, with file and line, where an object cannot be what the API server takes."""
    shape = SHAPES.get((manifest.group, manifest.kind))
    if shape is not None:
        _check(manifest, manifest.object, shape, ())


def _check(manifest: Manifest, value: Any, shape: Any, place: tuple[str | int, ...]) -> None:
    if isinstance(shape, type):
        if not isinstance(value, shape) or isinstance(value, bool):
            raise _wrong(manifest, place, f"must be {_WORDS[shape]}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise _wrong(manifest, place, "must be a list")
        for number, item in enumerate(value):
            _check(manifest, item, shape[0], (*place, number))
    else:
        _check_mapping(manifest, value, shape, place)


def _check_mapping(
    manifest: Manifest, value: Any, shape: Mapping[str, Any], place: tuple[str | int, ...]
) -> None:
    if not isinstance(value, dict):
        raise _wrong(manifest, place, "must be a mapping")
    for key, inner in shape.items():
        name = key.rstrip("!")
        if name == "*":
            for each, found in value.items():
                if not isinstance(each, str) and shape is not _MTLS:
                    each = str(each)
                _check(manifest, found, inner, (*place, each))
        elif value.get(name) is not None:
            _check(manifest, value[name], inner, (*place, name))
        elif key.endswith("!"):
            raise _wrong(manifest, (*place, name), "is required")


def _wrong(manifest: Manifest, place: tuple[str | int, ...], what: str) -> SpecError:
    field = ""
    for part in place:
        field += f"[{part}]" if isinstance(part, int) else f".{part}"
    return SpecError(
        "InvalidManifest",
        f"{manifest.at(*place)}: {field.lstrip('.') or manifest.kind} of {manifest.ref} {what}",
    )
