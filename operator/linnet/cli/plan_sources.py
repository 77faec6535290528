"""Reading what `linnet plan` is given: files, folders, kustomizations, stdin."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from linnet.cli.manifests import STDIN, Document, documents_in, documents_of, is_canary
from linnet.cli.plan_shapes import check_shape
from linnet.errors import SpecError
from linnet.planning.manifests import Manifest

KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
CHART: Final = "Chart.yaml"
SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
BUILD_SECONDS: Final = 60.0
MAX_SAID: Final = 500
"""So many characters of a failure to build are passed on."""
_BUILDERS: Final = (("kustomize", "build"), ("kubectl", "kustomize"))
_TEMPLATE: Final = re.compile(r"\{\{.*\}\}")


@dataclass(frozen=True, slots=True)
class Read:
    """All objects, the document of each by the object's id, and charts that were passed over."""

    manifests: list[Manifest]
    documents: dict[int, Document]
    charts: list[str]


def read(paths: Sequence[str], namespace: str) -> Read:
    """Return what the paths hold; objects without a namespace get `namespace`.

    Raises SpecError with file and line.
    """
    found = Read([], {}, [])
    try:
        for document in _read_all(paths, found.charts):
            for manifest, inner in _objects(document, namespace):
                check_shape(manifest)
                found.manifests.append(manifest)
                found.documents[id(manifest.object)] = inner
    except OSError as error:  # a folder; files are told of where they are read
        raise _refused(f"{error.filename} cannot be read: {error.strerror}") from error
    return found


def _read_all(paths: Sequence[str], charts: list[str]) -> Iterator[Document]:
    if paths.count(STDIN) > 1:
        raise _refused("- can be given once only: it is read to its end")
    for path in paths:
        if path != STDIN and Path(path).is_dir():
            yield from _read_folder(Path(path), charts)
        else:
            yield from _read_file(path)


def _read_file(path: str) -> Iterator[Document]:
    try:
        if path.endswith(".json"):
            yield from _read_json(path)
        else:
            yield from documents_in(path)
    except SpecError as error:
        if path != STDIN and _is_template(Path(path)):
            raise _refused(f"{error}; it looks like a template of Helm: {render(path)}") from error
        raise


def _read_json(path: str) -> Iterator[Document]:
    """Read JSON as the YAML it is nearly: YAML has no tabs."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        json.loads(text)
    except OSError as error:
        raise _refused(f"{path} cannot be read: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise _refused(
            f"{path}, line {error.lineno}, column {error.colno}: this is no JSON: {error.msg}"
        ) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise _refused(f"{path} is no JSON in UTF-8") from error
    yield from documents_of(text.expandtabs(2), path)


def _read_folder(folder: Path, charts: list[str]) -> Iterator[Document]:
    if (folder / CHART).is_file():
        raise _refused(f"{folder} is a Helm chart: {render(str(folder))}")
    kustomized = list(_kustomized(folder))
    used = {path for one in kustomized for path in _used_by(one)}
    roots = {one for one in kustomized if one.resolve() not in used}
    roots = roots or set(kustomized[:1])  # they go round in circles: the build says so
    yield from _descend(folder, roots, charts)


def _descend(folder: Path, roots: set[Path], charts: list[str]) -> Iterator[Document]:
    """Yield what is in a folder: built where it is a kustomization that no other one uses."""
    if _kustomization(folder) is not None:
        if folder in roots:
            yield from _build(folder)
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            if (path / CHART).is_file():  # its templates are no manifests yet
                charts.append(str(path))
            else:
                yield from _descend(path, roots, charts)
        elif path.suffix in SUFFIXES and path.is_file():
            yield from _read_file(str(path))


def _kustomized(folder: Path) -> Iterator[Path]:
    """Yield the folders with a kustomization that can be built by itself, this one included."""
    if _kustomization(folder) is not None:
        if not _is_component(folder):
            yield folder
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink() and not path.name.startswith("."):
            yield from _kustomized(path)


def _kustomization(folder: Path) -> Path | None:
    return next((folder / n for n in KUSTOMIZATIONS if (folder / n).is_file()), None)


def _settings(folder: Path) -> Mapping[str, Any]:
    path = _kustomization(folder)
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) if path else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}  # the build says what is wrong
    return found if isinstance(found, dict) else {}


def _is_component(folder: Path) -> bool:
    return _settings(folder).get("kind") == "Component"


def _used_by(folder: Path) -> set[Path]:
    """Return the folders that a kustomization takes in, in turn."""
    found: set[Path] = set()
    to_read = [folder]
    while to_read:
        for path in _named_in(to_read.pop()):
            if path not in found:  # they may go round in circles: the build says so
                found.add(path)
                to_read.append(path)
    return found


def _named_in(folder: Path) -> Iterator[Path]:
    settings = _settings(folder)
    for field in ("resources", "bases", "components"):
        entries = settings.get(field)
        for entry in entries if isinstance(entries, list) else ():
            path = (folder / str(entry)).resolve()
            if path.is_dir():
                yield path


def _build(folder: Path) -> Iterator[Document]:
    builder = next((each for each in _BUILDERS if shutil.which(each[0])), None)
    if builder is None:
        raise _refused(
            f"{folder} is a kustomization, and neither kustomize nor kubectl is on PATH to build"
            " it: install one, or pipe what it builds: kustomize build … | linnet plan -"
        )
    command = [*builder, str(folder)]
    try:
        built = subprocess.run(
            command, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _refused(f"{' '.join(command)}: {error}") from error
    if built.returncode != 0:
        said = " ".join(built.stderr.split()).removeprefix("error: ").removeprefix("Error: ")
        why = said[:MAX_SAID] or f"{' '.join(builder)} failed, and did not say why"
        raise _refused(f"{folder} cannot be built: {why}")
    yield from documents_of(built.stdout, f"{folder} (built)")


def _objects(document: Document, namespace: str) -> Iterator[tuple[Manifest, Document]]:
    """Yield the objects of a document: itself, or the items of a List."""
    value = document.value
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        return
    if isinstance(value.get("items"), list) and value["kind"].endswith("List"):
        for number, item in enumerate(value["items"]):
            inner = document.part("items", number)
            if inner is not None:
                yield from _objects(inner, namespace)
            elif item is not None:
                raise _refused(f"{document.at(('items', number))}: this is no object")
        return
    metadata = value.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        if is_canary(value):
            raise _refused(f"{document.at(('metadata',))}: metadata.name is required")
        return  # no Kubernetes object: a kustomization, a configuration of something else
    where = metadata.get("namespace") or namespace
    if not isinstance(where, str):
        raise _refused(f"{document.at(('metadata', 'namespace'))}: namespace must be a string")
    filled = {**value, "metadata": {**metadata, "namespace": where}}
    manifest = Manifest(filled, _locate(document))
    yield manifest, Document(document.source, filled, document.node)


def _locate(document: Document) -> Callable[[tuple[str | int, ...]], str]:
    return lambda place: document.at(tuple(place))


def _is_template(path: Path) -> bool:
    try:
        return bool(_TEMPLATE.search(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError):
        return False


def render(path: str) -> str:
    """Return how to render the chart that a path is, or is in."""
    folder = Path(path)
    chart = next((up for up in (folder, *folder.parents) if (up / CHART).is_file()), None)
    return f"render it: helm template {chart or 'CHART'} | linnet plan -"


def _refused(sentence: str) -> SpecError:
    return SpecError("InvalidManifest", sentence)
