"""Run every check and every test, then say in one table how it went.

python tests/run.py                 everything
python tests/run.py lint unit       some steps
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
BIN = Path(PYTHON).parent
IN_CLUSTER = (PYTHON, "-m", "cluster", "exec", "--ephemeral", "--")
IN_BACKEND = {
    "local": IN_CLUSTER,
    "kind": (PYTHON, "-m", "kind", "exec"),
}.get(os.environ.get("BACKEND", "local"), ())


@dataclass(frozen=True)
class Step:
    """One line of the closing table: commands that run until one fails."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    tests: bool = False


@dataclass
class Result:
    name: str
    ok: bool
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: int = 0


def _pytest(folder: str) -> tuple[str, ...]:
    return (PYTHON, "-m", "pytest", f"tests/{folder}")


STEPS = (
    Step(
        "lint",
        (
            (str(BIN / "ruff"), "check", "."),
            (str(BIN / "ruff"), "format", "--check", "."),
            (PYTHON, "-m", "linnet.api.crd", "--check", "crds"),
        ),
    ),
    Step("types", ((str(BIN / "mypy"),),)),
    Step("layers", ((str(BIN / "lint-imports"),),)),
    Step("unit", (_pytest("unit"),), tests=True),
    Step("cluster", ((PYTHON, "-m", "cluster", "build"),)),
    Step("integration", ((*IN_CLUSTER, *_pytest("integration")),), tests=True),
    Step("e2e", ((*IN_BACKEND, *_pytest("e2e")),), tests=True),
)


def run(step: Step, extra: list[str]) -> Result:
    """Run one step with its output passed through."""
    started = time.monotonic()
    result = Result(step.name, ok=True, seconds=0)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        for command in step.commands:
            arguments = [*command, f"--junitxml={report}", *extra] if step.tests else [*command]
            print(f"\n\033[1m==> {step.name}\033[0m", flush=True)
            done = subprocess.run(arguments, cwd=ROOT, check=False, env=_environment())
            if done.returncode:
                result.ok = False
                break
        if report.exists():
            _count(report, result)
    if step.tests and not result.passed:
        result.ok = False
    result.seconds = time.monotonic() - started
    return result


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "tests"), "PYTHONUNBUFFERED": "1"}


def _count(report: Path, result: Result) -> None:
    for suite in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314 - pytest's own file
        tests, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        result.passed += tests - failed - skipped
        result.failed += failed
        result.skipped += skipped


def summary(results: list[Result]) -> str:
    """Return the closing table."""
    lines = ["", f"{'step':<14}{'result':<9}{'passed':>7}{'failed':>8}{'skipped':>9}{'seconds':>9}"]
    for r in results:
        verdict = "ok" if r.ok else "FAILED"
        counts = (
            f"{r.passed:>7}{r.failed:>8}{r.skipped:>9}"
            if r.passed or r.failed
            else f"{'-':>7}{'-':>8}{'-':>9}"
        )
        lines.append(f"{r.name:<14}{verdict:<9}{counts}{r.seconds:>9.1f}")
    passed, failed = sum(r.passed for r in results), sum(r.failed for r in results)
    lines += ["", f"{passed} passed, {failed} failed"]
    return "\n".join(lines)


def main() -> int:
    names = [step.name for step in STEPS]
    parser = argparse.ArgumentParser(
        description="Run linnet's checks and tests.",
        epilog="Words after -- go to pytest, for example: tests/run.py e2e -- -k rollback",
    )
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"of {', '.join(names)}")
    own, extra = _split(sys.argv[1:])
    chosen = parser.parse_args(own).steps or names
    unknown = sorted(set(chosen) - set(names))
    if unknown:
        parser.error(f"no such step: {', '.join(unknown)} (there are {', '.join(names)})")
    results = [run(step, extra) for step in STEPS if step.name in chosen]
    print(summary(results), flush=True)
    return 0 if all(result.ok for result in results) else 1


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


if __name__ == "__main__":
    sys.exit(main())
