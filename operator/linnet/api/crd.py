"""The CustomResourceDefinition, made from the models.

python -m linnet.api.crd crds            write crds/linnet.dev_canaries.yaml
python -m linnet.api.crd --check crds    fail when it is not what would be written
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic.json_schema import GenerateJsonSchema

from linnet.api import names
from linnet.api.canary import Canary, CanarySpec
from linnet.api.duration import format_duration
from linnet.api.rules import Model
from linnet.api.status import CanaryStatus

Schema = dict[str, Any]

FILE: Final = f"{names.GROUP}_{names.PLURAL}.yaml"

_HEADER = "# Made by `python -m linnet.api.crd crds` from operator/linnet/api. Edit that instead.\n"
_FIRST = ("description", "type", "default", "enum", "format", "minimum", "maximum")
_MAX_PROPERTIES = 64
_READY = '.status.conditions[?(@.type=="Ready")]'


def crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition of the Canary."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.PLURAL}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": names.SINGULAR,
                "shortNames": [names.SHORT_NAME],
                "categories": [names.CATEGORY],
            },
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": list(_columns()),
                    "schema": {"openAPIV3Schema": _root()},
                }
            ],
        },
    }


def _columns() -> Iterator[dict[str, Any]]:
    for name, type_, path, description in (
        ("Status", "string", ".status.phase", "Where the Canary is in its life."),
        ("Weight", "integer", ".status.canaryWeight", "The canary's share of the traffic."),
        ("Ready", "string", f"{_READY}.status", "Whether all is well."),
    ):
        yield {"name": name, "type": type_, "jsonPath": path, "description": description}
    for name, path, description in (
        ("Revision", ".status.revision", "The revision that was released last."),
        ("Promoted revision", ".status.promotedRevision", "The revision that the primary serves."),
        ("Message", f"{_READY}.message", "What is going on, in words."),
    ):
        yield {
            "name": name,
            "type": "string",
            "jsonPath": path,
            "description": description,
            "priority": 1,
        }
    yield {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def _root() -> Schema:
    return {
        "type": "object",
        "description": Canary.__doc__,
        "required": ["spec"],
        "properties": {
            "apiVersion": {
                "type": "string",
                "description": "The version of this object's schema.",
            },
            "kind": {"type": "string", "description": "The kind of this object: Canary."},
            "metadata": {"type": "object"},
            "spec": structural(CanarySpec),
            "status": _without_defaults(structural(CanaryStatus)),
        },
    }


class _Generator(GenerateJsonSchema):
    def encode_default(self, dft: Any) -> Any:
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def structural(model: type[Model]) -> Schema:
    """Return the model's schema in the form that a CustomResourceDefinition takes.

    References and nulls are resolved, and what pydantic says in JSON Schema is said in the
    structural dialect.
    """
    schema = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    return _convert(schema, schema.pop("$defs", {}))


def _convert(schema: Mapping[str, Any], defs: Mapping[str, Schema]) -> Schema:
    schema = _resolve(schema, defs)
    result: Schema = {}
    for key, value in schema.items():
        match key:
            case "properties" if not value:
                pass
            case "properties":
                result[key] = {name: _convert(part, defs) for name, part in value.items()}
            case "items":
                result[key] = _convert(value, defs)
            case "const":
                result["enum"] = [value]
            case "default" if value is None or value == []:
                pass
            case "additionalProperties" if value is True:
                result["x-kubernetes-preserve-unknown-fields"] = True
                result["maxProperties"] = _MAX_PROPERTIES
            case "title":
                pass
            case _:
                result[key] = value
    if result.get("type") == "array":
        result.setdefault("x-kubernetes-list-type", "atomic")
    return {key: result[key] for key in sorted(result, key=_place)}


def _place(key: str) -> int:
    return _FIRST.index(key) if key in _FIRST else len(_FIRST)


def _resolve(schema: Mapping[str, Any], defs: Mapping[str, Schema]) -> Schema:
    """Replace a reference, or a choice between something and null, by what it stands for.

    What stands beside it (a description, a default) wins over what it brings along.
    """
    resolved = dict(schema)
    while "$ref" in resolved or "anyOf" in resolved:
        if "$ref" in resolved:
            inner = defs[resolved.pop("$ref").rsplit("/", 1)[1]]
        else:
            (inner,) = (part for part in resolved.pop("anyOf") if part != {"type": "null"})
        resolved = {**inner, **resolved}
    return resolved


def _without_defaults(schema: Schema) -> Schema:
    """Return the schema of what only linnet writes: what it left out must stay left out."""
    parts: Schema = {key: value for key, value in schema.items() if key != "default"}
    if "properties" in parts:
        parts["properties"] = {k: _without_defaults(v) for k, v in parts["properties"].items()}
    if "items" in parts:
        parts["items"] = _without_defaults(parts["items"])
    return parts


def render() -> str:
    """Return the CustomResourceDefinition as YAML."""
    return _HEADER + yaml.dump(
        crd(), Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True
    )


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or check it; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m linnet.api.crd", description="Write the CustomResourceDefinition."
    )
    parser.add_argument("folder", type=Path, help="where the file is, such as crds")
    parser.add_argument("--check", action="store_true", help="only tell whether it is up to date")
    options = parser.parse_args(arguments)
    path: Path = options.folder / FILE
    if not options.check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(), encoding="utf-8")
        return 0
    if path.is_file() and path.read_text(encoding="utf-8") == render():
        return 0
    print(f"{path} is out of date: run python -m linnet.api.crd {options.folder}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
