"""Commands that talk to a cluster: as whom, in which namespace, and how they fail."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import click
from kubernetes.aio.config import ConfigException, kube_config, list_kube_config_contexts

from linnet.adapters.connection import Connection, NotFoundError, UnauthorizedError
from linnet.errors import LinnetError, UnavailableError

# It warns of a missing kubeconfig, which in a pod is as it should be; else the connection says so.
logging.getLogger(kube_config.__name__).addHandler(logging.NullHandler())


NO_CRDS = "are linnet's CRDs installed? kubectl apply -f crds/"
UNKNOWN = " (linnet status -A lists all Canaries)"


def carry_out(work: Coroutine[Any, Any, None], unknown: str = UNKNOWN) -> None:
    """Run what a command does; what goes wrong is told in a sentence.

    `unknown` is added where there is no such object.
    """
    try:
        asyncio.run(work)
    except NotFoundError as error:
        raise click.ClickException(f"{error}{unknown}") from error
    except LinnetError as error:
        missing = f": {NO_CRDS}" if _lacks_crds(error) else ""
        raise click.ClickException(str(error).strip() + missing) from error


def may_pass(error: LinnetError) -> bool:
    """Tell whether an error may pass by itself, without anybody changing permissions or objects."""
    if isinstance(error, UnauthorizedError) or _lacks_crds(error):
        return False
    return isinstance(error, UnavailableError)


def _lacks_crds(error: LinnetError) -> bool:
    # So an API server answers for an API group that it does not have.
    return str(error).strip().endswith("404 page not found")


@asynccontextmanager
async def connected(
    kubeconfig: str, context: str, namespace: str | None
) -> AsyncIterator[tuple[Connection, str]]:
    """Connect to the cluster; yields the namespace that is meant, too: as kubectl has it."""
    connection = await Connection.open(kubeconfig, context)
    try:
        yield connection, namespace or _namespace_of(kubeconfig, context)
    finally:
        await connection.close()


def _namespace_of(kubeconfig: str, context: str) -> str:
    """Return the namespace that the context names."""
    try:
        contexts, active = list_kube_config_contexts(kubeconfig or None)
    except ConfigException:  # in a pod there is no kubeconfig
        return "default"
    chosen = next((c for c in contexts if c["name"] == context), active)
    return str(chosen["context"].get("namespace") or "default")
