"""Figures of finished cells, kept between runs: an interrupted run goes on where it was."""

import ast
import hashlib
import json
import os
from pathlib import Path

import linnet
from decisions.figures import Figures

_CODE = (
    "analysis/policy",
    "analysis/guard",
    *(
        f"analysis/{name}.py"
        for name in (
            "checks",
            "dispersion",
            "evidence",
            "exposure",
            "promotion",
            "quantile",
            "ramps",
            "tiles",
            "windows",
        )
    ),
    "api/analysis.py",
    "api/guard.py",
    "simulation/deciders",
    *(
        f"simulation/{name}.py"
        for name in ("behaviour", "checks", "draws", "durations", "history", "traffic", "world")
    ),
)

_WORDS = {"outlook.py", "sentences.py"}
"""What only tells what was decided."""


class Kept:
    """A file of figures by cell, for the code as it is now: other code begins anew."""

    def __init__(self) -> None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self.path = cache / "linnet" / "decisions" / f"{fingerprint()}.json"
        self.figures: dict[str, Figures] = {}
        if self.path.exists():
            found = json.loads(self.path.read_text())
            self.figures = {key: Figures.from_object(values) for key, values in found.items()}

    def of(self, key: str, runs: int) -> Figures | None:
        """Return the figures of a cell, if there are any from so many releases or more."""
        found = self.figures.get(key)
        return found if found and found.runs >= runs else None

    def add(self, key: str, figures: Figures) -> None:
        """Keep the figures of a cell."""
        self.figures[key] = figures
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({name: one.to_object() for name, one in self.figures.items()}, indent=1)
        draft = self.path.with_suffix(".new")
        draft.write_text(text)
        draft.replace(self.path)


def fingerprint() -> str:
    """Return a name for the code that decides and simulates, and for the cells."""
    package = Path(linnet.__file__).parent
    digest = hashlib.sha256()
    for part in _CODE:
        root = package / part
        for file in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
            if file.name not in _WORDS:
                digest.update(_code(file))
    digest.update(_code(Path(__file__).parent / "cells.py"))
    return digest.hexdigest()[:16]


def _code(file: Path) -> bytes:
    """Return what a file does, without its comments, docstrings and descriptions of fields."""
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            node.keywords[:] = [k for k in node.keywords if k.arg != "description"]
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [
                s
                for s in body
                if not isinstance(s, ast.Expr) or not isinstance(s.value, ast.Constant)
            ]
            body[:] = kept
    return ast.dump(tree).encode()
