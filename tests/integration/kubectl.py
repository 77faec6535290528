"""kubectl as a user runs it, on the test cluster."""

import json
import subprocess
from typing import Any

import yaml

from cluster.binaries import program


def kubectl(*arguments: str, stdin: str = "") -> str:
    """Run kubectl and return its output. A failure fails with its own words, a warning too."""
    done = subprocess.run(
        [program("kubectl"), *arguments], check=False, capture_output=True, text=True, input=stdin
    )
    assert done.returncode == 0, done.stderr
    assert "Warning:" not in done.stderr, done.stderr
    return done.stdout


def refusal(*arguments: str, stdin: str = "") -> str:
    """Run kubectl, which is to fail, and return why."""
    done = subprocess.run(
        [program("kubectl"), *arguments], check=False, capture_output=True, text=True, input=stdin
    )
    assert done.returncode != 0, f"accepted: {done.stdout}"
    return done.stderr


def apply(objects: list[dict[str, Any]], *arguments: str) -> str:
    """Apply objects server-side; a field that the API server does not know fails."""
    return kubectl(
        *("apply", "--server-side", "--force-conflicts", "--validate=strict", "--filename=-"),
        *arguments,
        stdin=yaml.safe_dump_all(objects),
    )


def create(obj: dict[str, Any]) -> dict[str, Any]:
    """Create an object and return it as it is now."""
    answer: dict[str, Any] = json.loads(
        kubectl("create", "--output=json", "--filename=-", stdin=json.dumps(obj))
    )
    return answer
