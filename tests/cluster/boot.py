"""The order in which a cluster comes to life."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from cluster import argocd, configuration
from cluster.binaries import program
from cluster.processes import Processes
from cluster.state import Folder

Tell = Callable[[str], None]


async def boot(folder: Folder, processes: Processes, tell: Tell) -> None:
    """Start every component and apply the first objects. ClusterError when something fails."""
    began = time.monotonic()

    async def start(name: str) -> None:
        seconds = await processes.start(name)
        tell(f"{name} ready after {seconds:.1f} s")

    async def apply(name: str, *manifests: str) -> None:
        await _apply(folder, processes, name, *manifests)
        tell(f"{name} applied")

    async def mesh() -> None:
        objects = configuration.write_objects(
            folder.config / "mesh-objects.yaml", configuration.mesh_objects(folder)
        )
        crds = configuration.istio_crds()
        await _all(apply("crds", str(crds)), start("istiod"))
        await _established(folder, processes, "crds", crds)
        # The garbage collector looks for new kinds when it starts, and then every 30 seconds.
        await _all(apply("mesh", str(objects)), start("kube-controller-manager"))
        await _all(start("gateway"), start("caller"), start("workload"), start("exporter"))

    first = configuration.write_objects(
        folder.config / "first-objects.yaml", configuration.first_objects()
    )
    await start("etcd")
    await start("kube-apiserver")
    await _all(
        mesh(),
        apply("node", str(first)),
        *map(start, ("kube-scheduler", "kwok", "prometheus")),
    )
    tell(f"the cluster is up after {time.monotonic() - began:.1f} s")


async def boot_argocd(folder: Folder, processes: Processes) -> None:
    """Start Argo CD in a cluster that is up. ClusterError when something fails."""
    argocd.prepare(folder)
    processes.add(argocd.components(folder))
    await processes.start(argocd.REDIS)
    await _apply(folder, processes, "argocd-crds", *map(str, argocd.crds()))
    await _established(folder, processes, "argocd-crds", *argocd.crds())
    manifest = configuration.write_objects(folder.config / "argocd.yaml", argocd.objects())
    await _apply(folder, processes, "argocd", str(manifest))
    await _all(*(processes.start(c.name) for c in argocd.components(folder)))


async def end_argocd(folder: Folder, processes: Processes) -> None:
    """Stop Argo CD; what it knows is in its objects, which stay."""
    for component in reversed(argocd.components(folder)):
        await processes.stop(component.name)


async def _apply(folder: Folder, processes: Processes, name: str, *manifests: str) -> None:
    await _kubectl(
        folder,
        processes,
        f"apply-{name}",
        *("apply", "--server-side", "--force-conflicts", "--field-manager=cluster"),
        *(f"--filename={manifest}" for manifest in manifests),
    )


async def _established(folder: Folder, processes: Processes, name: str, *crds: Path) -> None:
    """Wait until definitions that were applied are served."""
    # Waiting for a condition fails on a definition that has no conditions at all yet.
    for what in ("jsonpath={.status.conditions[0].type}", "condition=Established"):
        wait = ("wait", f"--for={what}", "--timeout=60s")
        files = (f"--filename={path}" for path in crds)
        await _kubectl(folder, processes, f"wait-{name}", *wait, *files)


async def _kubectl(folder: Folder, processes: Processes, name: str, *arguments: str) -> None:
    kubectl = str(program("kubectl"))
    await processes.run(name, [kubectl, f"--kubeconfig={folder.kubeconfig}", *arguments])


async def _all(*steps: Awaitable[object]) -> None:
    """Run steps at the same time; the first that fails fails all."""
    tasks = [asyncio.ensure_future(step) for step in steps]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
