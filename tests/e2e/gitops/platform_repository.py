"""A platform team's repository: linnet and a sample, as deploy/argocd/app-of-apps has them."""

import asyncio
import shutil
from collections.abc import Mapping
from typing import Any

import yaml

from deployment import DEPLOY, rendered
from e2e.api import Api
from e2e.gitops.git import Repository
from linnet.api.objects import ref_of

FOLDER = "deploy/argocd/app-of-apps"
REPOSITORY_IN_EXAMPLE = "https://git.example.com/platform.git"
APPLICATIONS = ("linnet-crds", "linnet", "mesh-policy", "shop", "shop-canary")
"""The Applications that the root brings, in their order."""


Edits = Mapping[str, tuple[str, str]]
"""By file, the text to replace, and what takes its place."""


async def copied(repository: Repository, edits: Edits) -> str:
    """Commit what users are told to copy, with these edits; returns the commit."""
    root = DEPLOY.parent
    for name in ("crds", "deploy"):
        await asyncio.to_thread(shutil.copytree, root / name, repository.path / name)
    return await edited(repository, "Copy linnet", edits)


async def edited(repository: Repository, message: str, edits: Edits) -> str:
    """Commit edits; returns the commit. ValueError where a text to replace is not there."""
    files = {}
    for name, (old, new) in edits.items():
        text = await asyncio.to_thread((repository.path / name).read_text, encoding="utf-8")
        if old not in text:
            raise ValueError(f"{name} has no {old!r}")
        files[name] = text.replace(old, new)
    return await repository.commit(message, files)


def root_application(repository: Repository) -> dict[str, Any]:
    """Return the root, with this repository in the places where users name theirs."""
    text = (DEPLOY.parent / FOLDER / "root.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text.replace(REPOSITORY_IN_EXAMPLE, repository.url)))


async def uninstall(api: Api) -> None:
    """Remove linnet from the cluster, and wait until it is gone."""
    refs = [ref_of(obj) for obj in rendered()]
    for ref in reversed(refs):
        await api.delete(ref)
    for ref in refs:
        await api.until_gone(ref)
