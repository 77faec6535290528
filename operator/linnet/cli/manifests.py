"""Reading a Canary, or an analysis alone, from a file of YAML documents."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, TextIO, TypeVar

import yaml
from pydantic import ValidationError

from linnet.api.analysis import Analysis
from linnet.api.canary import Canary
from linnet.api.crd import crd
from linnet.api.explain import Keys, dotted, faults
from linnet.api.names import GROUP, KIND, VERSION
from linnet.cli.faults import Fault, ManifestError, unknown_fields
from linnet.errors import SpecError

Parsed = TypeVar("Parsed")

STDIN: Final = "-"
MAX_LENGTH: Final = 64_000_000
"""Characters of one file; more are refused, as half a set of manifests would be planned wrongly."""
_MAX_NODES: Final = 1_000_000
"""Values of one document; the API server takes objects of a few megabytes at most."""
_MAX_FAULTS: Final = 100
"""Faults of one Canary that are told."""
_API_VERSION: Final = f"{GROUP}/{VERSION}"


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its value, and its nodes, which know their lines."""

    source: str
    value: Any
    node: yaml.Node

    def at(self, path: Keys = ()) -> str:
        """Return where the value at `path` is, or the nearest one around it: file and line."""
        return f"{self.source}, line {self.line(path)}"

    def line(self, path: Keys = ()) -> int:
        """Return the line of the value at `path`, or of the nearest one around it."""
        node = self.node
        for part in path:
            inner = _child(node, part)
            if inner is None:
                break
            node = inner
        return int(node.start_mark.line) + 1

    def part(self, *path: str | int) -> "Document | None":
        """Return the document within this one at `path`; None where there is nothing."""
        value, node = self.value, self.node
        for part in path:
            inner = _child(node, part)
            if inner is None:
                return None
            value, node = value[part], inner
        return Document(self.source, value, node)


def read_canary(path: str, name: str | None = None) -> Canary:
    """Return the Canary in the file at `path`, `-` for stdin; other objects are passed over.

    With `name` the one that is called so. Raises SpecError that names the file and the line when
    there is none, when there are several, or when it breaks a rule.
    """
    documents = list(documents_in(path))
    found = [d for d in documents if is_canary(d.value)]
    if name is not None:
        named = [d for d in found if _name(d.value) == name]
        if not named:
            names = ", ".join(map(str, map(_name, (d.value for d in found)))) or "no Canary at all"
            raise _refused(f"{_source(path)} has no Canary {name}: there is {names}")
        found = named
    if not found:
        raise _refused(_no_canary(path, documents))
    if len(found) > 1:
        where = "; ".join(f"{_name(d.value)} ({d.at()})" for d in found)
        alike = len({_name(d.value) for d in found}) == 1
        ways = "leave one in" if alike else "choose one by --name"
        raise _refused(f"{_source(path)} has {len(found)} Canaries: {where}: {ways}")
    return canary_in(found[0])


def read_analysis(path: str) -> tuple[str, Analysis]:
    """Return a name and the analysis of the Canary in a file, or an analysis alone.

    Alone it is the value of a key `analysis`, in a document without `kind`. Raises SpecError.
    """
    documents = list(documents_in(path))
    alone = [d for d in documents if isinstance(d.value, dict) and set(d.value) == {"analysis"}]
    if not alone or any(is_canary(d.value) for d in documents):
        canary = read_canary(path)
        return canary.name, canary.spec.analysis
    if len(alone) > 1:
        raise _refused(f"{_source(path)} has {len(alone)} analyses: give each a file of its own")
    document = alone[0]
    fields = {"properties": _spec_schema()["properties"]}
    analysis = _parsed(
        document,
        lambda: Analysis.model_validate(document.value["analysis"], by_alias=True, by_name=False),
        unknown_fields(document.value, fields, ()),
        ("analysis",),
    )
    return Path(path).stem if path != STDIN else "stdin", analysis


def documents_in(path: str) -> Iterator[Document]:
    """Yield the documents of a file, `-` for stdin. Raises SpecError with file and line."""
    yield from documents_of(_text(path), _source(path))


def documents_of(text: str, source: str) -> Iterator[Document]:
    """Yield the documents of a text; `source` says in messages where it is from."""
    try:
        for node in yaml.compose_all(text, Loader=yaml.SafeLoader):
            if node is not None:
                _check_size(node, source)
                yield Document(source, _value(node), node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise _refused(f"{source}{where}: this is no YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _refused(f"{source}: this is no YAML: {error}") from error


def _check_size(root: yaml.Node, source: str) -> None:
    """Refuse aliases that stand for themselves, or for more than any object can hold."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        known = sizes.get(id(node))
        if known is None:
            sizes[id(node)] = _MAX_NODES + 1  # met again before it is known, it is within itself
            known = sizes[id(node)] = 1 + sum(map(size, _children(node)))
        return known

    if size(root) > _MAX_NODES:
        line = root.start_mark.line + 1
        raise _refused(
            f"{source}, line {line}: with its aliases written out this has no end, or more than"
            f" {_MAX_NODES:,} values: write what they stand for"
        )


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _value(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _text(path: str) -> str:
    try:
        if path == STDIN:
            text = stdin().read(MAX_LENGTH + 1)
        else:
            with Path(path).open(encoding="utf-8") as file:
                text = file.read(MAX_LENGTH + 1)
    except OSError as error:
        raise _refused(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _refused(f"{_source(path)} is no text in UTF-8: {error.reason}") from error
    if len(text) > MAX_LENGTH:
        raise _refused(f"{_source(path)} is longer than {MAX_LENGTH:,} characters: split it")
    return text


def stdin() -> TextIO:
    """Return stdin. Raises SpecError where the caller has closed it."""
    if sys.stdin is None:
        raise _refused("stdin is closed: pipe something into it, or name a file in place of -")
    return sys.stdin


def _source(path: str) -> str:
    return "stdin" if path == STDIN else path


def _child(node: yaml.Node, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        inner: yaml.Node = node.value[part]
        return inner
    return None


def is_canary(value: Any) -> bool:
    """Tell whether a document is a Canary of linnet's, of whatever version."""
    return (
        isinstance(value, dict)
        and value.get("kind") == KIND
        and str(value.get("apiVersion", "")).startswith(f"{GROUP}/")
    )


def _name(value: Mapping[str, Any]) -> str:
    metadata = value.get("metadata")
    return str(metadata.get("name", "?")) if isinstance(metadata, dict) else "?"


def _no_canary(path: str, documents: Sequence[Document]) -> str:
    source = _source(path)
    objects = [d.value for d in documents if isinstance(d.value, dict)]
    theirs = next((o for o in objects if o.get("kind") == KIND), None)
    if theirs is not None:
        return (
            f"{source} has a Canary of {theirs.get('apiVersion', 'no apiVersion')}: write"
            f" apiVersion: {_API_VERSION}"
        )
    kinds = ", ".join(str(o.get("kind", "an object without kind")) for o in objects)
    if kinds:
        return f"{source} has no Canary, only {kinds}"
    return f"{source} has no Canary: it {'holds no object' if documents else 'is empty'}"


def canaries_in(documents: Iterable[Document]) -> list[Canary]:
    """Return the Canaries that documents are; SpecError names all faults of all of them."""
    found: list[Canary] = []
    amiss: list[str] = []
    for document in documents:
        try:
            found.append(canary_in(document))
        except ManifestError as error:
            amiss += error.faults
    if amiss:
        raise ManifestError(*amiss)
    return found


def canary_in(document: Document) -> Canary:
    """Return the Canary that a document is; SpecError names each field that breaks a rule."""
    value = document.value
    if value["apiVersion"] != _API_VERSION:
        raise _refused(
            f"{document.at(('apiVersion',))}: apiVersion must be {_API_VERSION}, not"
            f" {value['apiVersion']}"
        )
    read = {**value, "metadata": _identity(document), "status": {}}
    return _parsed(
        document,
        lambda: Canary.from_object(read),
        unknown_fields(value.get("spec"), _spec_schema(), ("spec",)),
        ("spec",),
    )


def _parsed(
    document: Document, parse: Callable[[], Parsed], unknown: Iterable[Fault], root: Keys
) -> Parsed:
    """Return what a document is; ManifestError tells what does not exist, and what is wrong."""
    broken: Iterable[Fault] = ()
    try:
        parsed = parse()
    except (ValidationError, SpecError) as error:
        cause = error if isinstance(error, ValidationError) else error.__cause__
        if not isinstance(cause, ValidationError):
            raise
        broken = _broken(cause, root)
    found = list(islice(chain(unknown, broken), _MAX_FAULTS + 1))
    if not found:
        return parsed
    lines = [
        f"{document.at(path)}: {sentence}"
        for path, sentence in sorted(found[:_MAX_FAULTS], key=lambda fault: document.line(fault[0]))
    ]
    if len(found) > _MAX_FAULTS:
        lines.append(f"{document.source}: there are more than these {_MAX_FAULTS}")
    raise ManifestError(*lines)


def _broken(error: ValidationError, root: Keys) -> Iterator[Fault]:
    for path, sentence in faults(error, root):
        yield path, f"{dotted(path)}: {sentence}"


def _spec_schema() -> dict[str, Any]:
    root = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema: dict[str, Any] = root["properties"]["spec"]
    return schema


def _identity(document: Document) -> dict[str, str]:
    """Return name and namespace, of all that metadata may hold."""
    metadata = document.value.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise _refused(f"{document.at(('metadata',))}: metadata.name is required")
    namespace = metadata.get("namespace") or ""
    if not isinstance(namespace, str):
        raise _refused(f"{document.at(('metadata', 'namespace'))}: namespace must be a string")
    return {"name": metadata["name"], "namespace": namespace}


def _refused(sentence: str) -> SpecError:
    return ManifestError(sentence)
