"""The Git repository of a team: what a commit says, Argo CD brings about."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

Object = Mapping[str, Any]

_IDENTITY = {
    **{f"GIT_{who}_NAME": "A Developer" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "developer@example.com" for who in ("AUTHOR", "COMMITTER")},
    # Neither the machine's settings nor the user's.
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


class Repository:
    """A repository with one branch, `main`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    async def create(cls, path: Path) -> "Repository":
        """Make an empty one in a new folder."""
        await asyncio.to_thread(path.mkdir, parents=True)
        repository = cls(path)
        await repository.git("init", "--quiet", "--initial-branch=main")
        return repository

    @property
    def url(self) -> str:
        """How Argo CD clones it."""
        return self.path.as_uri()

    async def commit(
        self, message: str, files: Mapping[str, Object | list[Object] | str | None]
    ) -> str:
        """Write these files, objects as YAML and None to delete one; returns the new commit."""
        for name, content in files.items():
            path = self.path / name
            if content is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text(content))
        await self.git("add", "--all")
        await self.git("commit", "--quiet", "--allow-empty", f"--message={message}")
        return await self.head()

    async def revert(self, commit: str = "HEAD") -> str:
        """Undo a commit by a new one, which is returned."""
        await self.git("revert", "--no-edit", commit)
        return await self.head()

    async def head(self) -> str:
        """Return the newest commit."""
        return (await self.git("rev-parse", "HEAD")).strip()

    async def git(self, *arguments: str) -> str:
        """Run git; returns what it printed. RuntimeError when it fails."""
        process = await asyncio.create_subprocess_exec(
            *("git", "-C", str(self.path), *arguments),
            env=os.environ | _IDENTITY,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"git {' '.join(arguments)}: {output.decode()}")
        return output.decode()


def text(content: Object | list[Object] | str) -> str:
    """Return the text of a file: YAML for an object, or several."""
    if isinstance(content, str):
        return content
    objects = content if isinstance(content, list) else [content]
    return yaml.safe_dump_all([dict(obj) for obj in objects], sort_keys=False)
