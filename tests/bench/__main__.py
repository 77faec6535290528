"""The command line: `python -m bench`, or `make bench`."""

import asyncio
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from bench.page import Results, page, table
from bench.parts import FULL, PARTS, QUICK, Part
from bench.stand import Stand
from demo.options import DemoError
from linnet.errors import LinnetError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
SCRAPE_INTERVAL = "5s"
STARTING = 40.0
"""Seconds that the cluster takes to start and to end."""
PATIENCE = 3.0
"""A part is given up after so many times its usual duration."""

EPILOG = """
\b
Examples:
  make bench                               everything; writes docs/benchmarks.md
  make bench ARGS='rest releases'          two parts; writes nothing
  make bench ARGS=--quick                  everything in short, to see that it works
  make bench ARGS='--output json' >new.json
  make bench ARGS='--page-of new.json'     write the page from an earlier full run

The figures are worth most on a machine that does nothing else.
"""


@click.command(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--quick", is_flag=True, help="Less of everything; the budgets don't apply.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option(
    "--page-of",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Measure nothing: write docs/benchmarks.md from the JSON of a full run.",
)
@click.option("--inside", is_flag=True, hidden=True)
def main(
    parts: tuple[str, ...], *, quick: bool, output: str, page_of: Path | None, inside: bool
) -> None:
    """Measure speed, cost and damage on a local cluster of its own.

    All parts are run unless some are named. A full run writes docs/benchmarks.md. The exit code
    is 1 when a part could not be measured; a budget that is missed is a result like any other.
    """
    if page_of:
        PAGE.write_text(page(Results.from_object(json.loads(page_of.read_text()))))
        return
    chosen = {name: part for name, part in PARTS.items() if name in (parts or PARTS)}
    if not inside:
        seconds = STARTING + sum(part.quick if quick else part.full for part in chosen.values())
        click.echo(f"{', '.join(chosen)}: about {max(1, round(seconds / 60))} min", err=True)
        _enter_a_cluster()
    results = asyncio.run(_measure(chosen, quick=quick))
    if output == "json":
        click.echo(json.dumps(results.to_object(), indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else 140).print(table(results))
    if not quick and chosen.keys() == PARTS.keys():
        PAGE.write_text(page(results))
    sys.exit(1 if results.not_measured else 0)


def _enter_a_cluster() -> None:
    """Go on as the same command in a cluster that ends with it."""
    cluster = ("-m", "cluster", "exec", "--ephemeral", "--scrape-interval", SCRAPE_INTERVAL, "--")
    again = (sys.executable, "-m", "bench", *sys.argv[1:], "--inside")
    os.execv(sys.executable, [sys.executable, *cluster, *again])  # noqa: S606  # no shell is the point


async def _measure(parts: dict[str, Part], *, quick: bool) -> Results:
    began, load = time.monotonic(), os.getloadavg()[0]
    results = Results(datetime.now(UTC).date().isoformat(), _machine(), (load, load), quick)
    for name, part in parts.items():

        def say(text: str, name: str = name) -> None:
            minutes, seconds = divmod(int(time.monotonic() - began), 60)
            click.echo(f"{minutes:3}:{seconds:02}  {name:9} {text}", err=True)

        limit = PATIENCE * (part.quick if quick else part.full)
        say("linnet starts")
        try:
            async with asyncio.timeout(limit), Stand() as stand:
                results.figures |= await part.run(stand, QUICK if quick else FULL, say)
        except* TimeoutError:
            results.not_measured[name] = f"not done within {limit:g} s"
        except* (AssertionError, LinnetError, DemoError, OSError, RuntimeError) as errors:
            results.not_measured[name] = "; ".join(map(str, errors.exceptions))[:500]
        if name in results.not_measured:
            say(f"not measured: {results.not_measured[name]}")
    results.load = (load, os.getloadavg()[0])
    results.seconds = time.monotonic() - began
    return results


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = platform.python_version()
    return f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB of memory, Python {python}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    main(prog_name="python -m bench")
