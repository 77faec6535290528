"""What a check looks at."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from linnet.api.canary import Canary
from linnet.planning.assumptions import Assumptions
from linnet.planning.finding import Finding, Severity
from linnet.planning.manifests import APPLICATION, Manifest, Manifests, Object
from linnet.planning.notice import Notice
from linnet.planning.rehearsal import Rehearsal
from linnet.planning.schedule import Schedule

POLICY_KIND: Final = "MutatingAdmissionPolicy"
_PART: Final = re.compile(r"[^.\[\]]+")


@dataclass(frozen=True, slots=True)
class Case:
    """One Canary, all manifests around it, and what its rehearsal and simulations came to."""

    manifest: Manifest
    canary: Canary
    manifests: Manifests
    assumed: Assumptions
    rehearsal: Rehearsal
    schedule: Schedule
    notice: Notice | None

    def finding(self, severity: Severity, reason: str, field: str, message: str) -> Finding:
        """Return a finding about a field of the Canary itself."""
        return about(self.manifest, severity, reason, field, message)

    @property
    def neighbours(self) -> Iterator[Manifest]:
        """The objects in the Canary's namespace, itself left out."""
        here = self.canary.namespace
        return (
            one
            for one in self.manifests.all
            if one.ref.namespace == here and one.ref != self.manifest.ref
        )

    @property
    def applications(self) -> list[Manifest]:
        """The Argo CD Applications that the Canary comes from, as far as one can tell.

        By the path of its file, if one has that; else by the namespace.
        """
        candidates = list(self.manifests.of_kind(APPLICATION))
        place = f"/{self.manifest.at()}".replace(" (built)", "/")
        by_path = [one for one in candidates if any(f"/{p}/" in place for p in _paths(one))]
        here = self.canary.namespace
        return by_path or [
            one
            for one in candidates
            if mapping(one.spec.get("destination")).get("namespace") == here
        ]

    def has_policy(self, *words: str) -> bool:
        """Tell whether a MutatingAdmissionPolicy in the manifests speaks of all these words."""
        policies = (one for one in self.manifests.all if one.kind == POLICY_KIND)
        texts = (json.dumps(one.spec) for one in policies)
        return any(all(word in text for word in words) for text in texts)


def about(manifest: Manifest, severity: Severity, reason: str, field: str, message: str) -> Finding:
    """Return a finding about a field of some object: `spec.http[0].route`, or empty."""
    place = (int(part) if part.isdigit() else part for part in _PART.findall(field))
    where = manifest.at(*place)
    return Finding(severity, reason, str(manifest.ref), field, message, where)


def mapping(value: object) -> Object:
    """Return a mapping of a manifest; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """Return a list of a manifest; an empty one for anything else."""
    return value if isinstance(value, list) else []


def _paths(application: Manifest) -> Iterator[str]:
    sources = [application.spec.get("source"), *items(application.spec.get("sources"))]
    for source in map(mapping, sources):
        if path := str(source.get("path") or "").strip("./"):
            yield path
