"""linnet on the cluster of the demo, as deploy/ has it: objects, ServiceAccount, flags."""

import asyncio
import base64
from pathlib import Path

import yaml

from cluster.local import Cluster
from demo.options import DemoError
from deployment import SERVICE_ACCOUNT, operator_arguments, operator_environment, rendered
from e2e.api import Api
from e2e.operator import Operator, kubeconfig_for

LOG = "linnet"
"""The name of the operator's log among those of the cluster."""


async def install(api: Api) -> None:
    """Apply CRDs, RBAC and all else of deploy/ but the Deployment: no image can be run here."""
    for obj in await asyncio.to_thread(rendered):
        if obj["kind"] != "Deployment":
            await api.apply(obj)


async def start_operator(api: Api, cluster: Cluster) -> Operator:
    """Start linnet under a token of its ServiceAccount, and return when it is ready.

    DemoError when it does not get ready.
    """
    token = await api.token(*SERVICE_ACCOUNT)
    admin = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
    operator = Operator(
        [*operator_arguments(), "--prometheus-url", cluster.prometheus_url],
        operator_environment(),
        kubeconfig_for(
            cluster.folder.component_kubeconfig(LOG), admin["server"], token, _authority(admin)
        ),
        cluster.folder.log(LOG),
    )
    operator.start()
    try:
        await operator.ready()
    except AssertionError as error:
        raise DemoError(f"linnet did not start: {error}") from error
    return operator


def _authority(cluster: dict[str, str]) -> str | None:
    if "certificate-authority" in cluster:
        return base64.b64encode(Path(cluster["certificate-authority"]).read_bytes()).decode()
    return cluster.get("certificate-authority-data")
