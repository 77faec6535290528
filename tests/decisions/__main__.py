"""The command line: `python -m decisions`, or `make bench-decisions`."""

import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click

from decisions.cells import SEED, Cell, cells
from decisions.figures import Figures
from decisions.kept import Kept
from decisions.page import Results, page, pictures, table
from decisions.sizes import releases
from linnet.simulation.world import Run, World

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "decisions.md"
IMAGES = ROOT / "docs" / "images"
CHUNK = 250
"""Releases that a process plays at a time."""

EPILOG = """
\b
Examples:
  make bench-decisions                         everything; writes docs/decisions.md
  make bench-decisions ARGS=--quick            few releases of each kind; writes nothing
  make bench-decisions ARGS='--only false'     the cells that have this word in their name
  make bench-decisions ARGS='--jobs 1'         on one core

Finished cells are kept in the cache folder, until the code that decides or simulates changes: an
interrupted run goes on where it was.
"""


@click.command(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Few releases of each kind, to see that it works.")
@click.option("--only", default="", metavar="WORD", help="Only cells with this in their name.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, show_default="cores")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--page-only", is_flag=True, help="Simulate nothing: write from what is kept.")
def main(*, quick: bool, only: str, jobs: int, output: str, page_only: bool) -> None:
    """Measure false rollbacks, delays and failed requests on simulated releases.

    Seeds are fixed: the same code gives the same figures. A full run writes the tables of
    docs/decisions.md and its pictures.
    """
    began, kept = time.monotonic(), Kept()
    chosen = [cell for cell in cells() if only in cell.key]
    runs = {cell.key: releases(cell, quick=quick) for cell in chosen}
    figures = {} if quick else {key: found for key in runs if (found := kept.of(key, runs[key]))}
    waiting = [cell for cell in chosen if cell.key not in figures]
    waiting.sort(key=lambda cell: runs[cell.key])  # the long ones last
    if page_only and waiting:
        raise click.ClickException(
            f"{len(waiting)} cells are not there yet, {waiting[0].key} first"
        )
    for number, (cell, found) in enumerate(_measure(waiting, runs, jobs), start=1):
        figures[cell.key] = found
        if not quick:
            kept.add(cell.key, found)
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        click.echo(
            f"{minutes:3}:{seconds:02}  {number:3}/{len(waiting)}  {cell.key}:"
            f" {found.rolled_back}/{found.runs} rolled back",
            err=True,
        )
    results = Results({cell.key: figures[cell.key] for cell in chosen})
    if output == "json":
        click.echo(json.dumps({key: one.to_object() for key, one in figures.items()}, indent=2))
    else:
        click.echo(table(results))
    if not quick and not only:
        PAGE.write_text(page(PAGE.read_text(), results))
        IMAGES.mkdir(exist_ok=True)
        for name, text in pictures(results).items():
            (IMAGES / name).write_text(text)


def _measure(
    waiting: list[Cell], runs: dict[str, int], jobs: int
) -> Iterator[tuple[Cell, Figures]]:
    """Yield cells with their figures, in order."""
    with ProcessPoolExecutor(jobs) as pool:
        parts = [
            [
                pool.submit(_play, cell.key, start, min(CHUNK, runs[cell.key] - start))
                for start in range(0, runs[cell.key], CHUNK)
            ]
            for cell in waiting
        ]
        try:
            for cell, futures in zip(waiting, parts, strict=True):
                found = [run for future in futures for run in future.result()]
                yield cell, Figures.of(found)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            sys.exit(130)


_CELLS = {cell.key: cell for cell in cells()}


def _play(key: str, start: int, count: int) -> list[Run]:
    cell = _CELLS[key]
    world = World(cell.scenario, cell.decider(), cell.limit)
    seed = f"{SEED}/{cell.rps}"
    return [world.play(f"{seed}/{number}") for number in range(start, start + count)]


if __name__ == "__main__":
    main(prog_name="python -m decisions")
