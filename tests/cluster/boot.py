"""The order in which a cluster comes to life."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from cluster import configuration
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
        await processes.run(
            f"apply-{name}",
            [
                *(str(program("kubectl")), f"--kubeconfig={folder.kubeconfig}"),
                *("apply", "--server-side", "--force-conflicts", "--field-manager=cluster"),
                *(f"--filename={manifest}" for manifest in manifests),
            ],
        )
        tell(f"{name} applied")

    async def mesh() -> None:
        objects = configuration.write_objects(
            folder.config / "mesh-objects.yaml", configuration.mesh_objects(folder)
        )
        await _all(apply("crds", str(configuration.istio_crds())), start("istiod"))
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


async def _all(*steps: Awaitable[None]) -> None:
    """Run steps at the same time; the first that fails fails all."""
    tasks = [asyncio.ensure_future(step) for step in steps]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
