"""`linnet status` on a real cluster."""

import asyncio
import json
import sys

from e2e.app import App


async def linnet(app: App, *arguments: str) -> str:
    """Run the command line as a user; return what it prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "linnet", *arguments),
        *("--kubeconfig", str(app.backend.kubeconfig)),
        stdout=asyncio.subprocess.PIPE,
        env={"COLUMNS": "200"},
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


async def test_status_tells_what_the_last_release_came_to(app: App) -> None:
    await app.create("1.0.0")
    await app.initialized()
    async with app.traffic():
        await app.release("2.0.0-errors-100")
        await app.phase("Failed")
    text = await linnet(app, "status", "podinfo", "--namespace", app.namespace)
    assert "Failed" in text
    assert "rolled back: request-success-rate" in text
    every = json.loads(await linnet(app, "status", "--all-namespaces", "--output", "json"))
    assert app.namespace in [canary["metadata"]["namespace"] for canary in every]
