"""Telling a person how far a build is: one live line on a terminal, plain lines anywhere else."""

import re
import sys
import time
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column

PLAIN_EVERY_SECONDS = 15.0
DOWNLOADING = re.compile(r"^go: downloading (\S+)")
PACKAGE = re.compile(r"^[\w.~-]+(/[\w.~+-]+)*$")


class BuildProgress(Protocol):
    """What a build tells while it runs."""

    def say(self, text: str) -> None:
        """A sentence to keep on the screen."""

    def part(self, number: int, total: int, name: str) -> None:
        """Part `number` of `total` begins."""

    def expect(self, packages: int) -> None:
        """So many packages are left to be compiled in this part."""

    def line(self, text: str) -> None:
        """A line that the Go tool printed: a download or a package being compiled."""

    def part_done(self, seconds: float) -> None:
        """The part is complete."""


def activity(line: str) -> tuple[str, bool]:
    """What a line of the Go tool says is going on, and whether it is one more package compiled."""
    if found := DOWNLOADING.match(line):
        return f"downloading {found[1]}", False
    if PACKAGE.match(line):
        return f"compiling {line}", True
    return line, False


class PlainProgress:
    """One line when a part begins and ends, and one every quarter of a minute in between."""

    def __init__(self) -> None:
        self._told = 0.0
        self._began = 0.0
        self._where = ""
        self._done = 0
        self._total = 0

    def say(self, text: str) -> None:
        print(f"==> {text}", file=sys.stderr, flush=True)

    def part(self, number: int, total: int, name: str) -> None:
        self._began = self._told = time.monotonic()
        self._where = f"part {number} of {total}: {name}"
        self._done = self._total = 0
        self.say(self._where)

    def expect(self, packages: int) -> None:
        self._total = packages

    def line(self, text: str) -> None:
        now = time.monotonic()
        what, compiled = activity(text)
        self._done += compiled
        if now - self._told >= PLAIN_EVERY_SECONDS:
            self._told = now
            count = f"{self._done} of about {self._total} packages, " if self._total else ""
            self.say(f"{self._where}, {now - self._began:.0f} s, {count}{what}")

    def part_done(self, seconds: float) -> None:
        self.say(f"{self._where} done in {seconds:.0f} s")


class LiveProgress:
    """A bar for the part that is being built."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("[bold]{task.fields[where]}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn(
                "{task.fields[what]}",
                style="dim",
                table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
            ),
            console=console,
            expand=True,
            transient=True,
        )
        self._task: TaskID | None = None
        self._where = ""

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        self._bar.console.print(text, highlight=False)

    def part(self, number: int, total: int, name: str) -> None:
        self._where = f"{number}/{total} {name}"
        self._task = self._bar.add_task("", total=None, where=self._where, what="looking it up")

    def expect(self, packages: int) -> None:
        if self._task is not None:
            self._bar.update(self._task, total=packages)

    def line(self, text: str) -> None:
        if self._task is not None:
            what, compiled = activity(text)
            self._bar.update(self._task, advance=int(compiled), what=what)

    def part_done(self, seconds: float) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self.say(f"[green]✔[/green] {self._where} built in {seconds:.0f} s")
