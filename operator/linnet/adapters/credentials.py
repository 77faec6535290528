"""Where the API server is, and how linnet proves who it is."""

import asyncio
import os
import urllib.request
from urllib.parse import urlsplit

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, hdrs
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import (
    ConfigException,
    list_kube_config_contexts,
    load_incluster_config,
    load_kube_config,
)

from linnet.errors import UnavailableError

DEFAULT_KUBECONFIG = "~/.kube/config"
UNAUTHORIZED = 401


class Credentials:
    """A configuration of the client library whose token is kept fresh.

    In a pod the token is read again every minute; anywhere it is read again when the API server
    refuses it.
    """

    def __init__(self, configuration: Configuration, kubeconfig: str, context: str) -> None:
        self._configuration = configuration
        self._kubeconfig = kubeconfig
        self._context = context
        self._reading = asyncio.Lock()

    @classmethod
    async def load(
        cls, configuration: Configuration, kubeconfig: str = "", context: str = ""
    ) -> "Credentials":
        """Find the cluster: the kubeconfig named, then $KUBECONFIG, the pod's, ~/.kube/config.

        Raises UnavailableError that says what to do where there is none.
        """
        path = kubeconfig or os.environ.get("KUBECONFIG", "")
        if not path and (context or "KUBERNETES_SERVICE_HOST" not in os.environ):
            path = DEFAULT_KUBECONFIG
        self = cls(configuration, path, context)
        await self._read()
        server = str(configuration.host)
        if not server.startswith(("http://", "https://")):
            raise UnavailableError(
                f"kubeconfig {path}: the cluster's server is {server!r}; it must be a URL such as "
                "https://10.0.0.1:6443"
            )
        configuration.proxy = configuration.proxy or _proxy_for(server)
        return self

    async def authorize(self, request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        """Send a request with the token; once more with a new one where the token is refused."""
        used = await self._put_token(request)
        response = await send(request)
        if response.status != UNAUTHORIZED:
            return response
        async with self._reading:
            if used == await self._token():
                await self._read()
        if used == await self._put_token(request):
            return response
        response.release()
        return await send(request)

    async def _put_token(self, request: ClientRequest) -> str:
        token = await self._token()
        if token:
            request.headers[hdrs.AUTHORIZATION] = token
        if self._configuration.tls_server_name:
            request.server_hostname = self._configuration.tls_server_name
        return token

    async def _token(self) -> str:
        try:
            return str(await self._configuration.get_api_key_with_prefix("BearerToken") or "")
        except (OSError, ConfigException) as error:
            raise UnavailableError(f"the token cannot be read: {error}") from error

    async def _read(self) -> None:
        if not self._kubeconfig:
            try:
                load_incluster_config(client_configuration=self._configuration)
            except (ConfigException, OSError) as error:
                raise UnavailableError(f"the pod's service account: {error}") from error
            return
        if not _any_file(self._kubeconfig):
            raise UnavailableError(
                f"no cluster to talk to: there is no file {self._kubeconfig}; name a kubeconfig "
                "with --kubeconfig or KUBECONFIG, or run in a pod"
            )
        try:
            await load_kube_config(
                config_file=self._kubeconfig,
                context=self._context or None,
                client_configuration=self._configuration,
                persist_config=False,
            )
        except (ConfigException, OSError, ValueError) as error:
            why = _other_contexts(self._kubeconfig, self._context) or error
            raise UnavailableError(f"kubeconfig {self._kubeconfig}: {why}") from error
        except Exception as error:  # the library takes for granted that what it reads is one
            why = " ".join(str(error).split())
            message = f"{self._kubeconfig} is no kubeconfig: {why}"
            raise UnavailableError(message) from error


def _other_contexts(kubeconfig: str, context: str) -> str:
    """Return that there is no such context, and which there are; empty where that is not so."""
    try:
        contexts, _ = list_kube_config_contexts(kubeconfig)
    except Exception:  # a file with other faults
        return ""
    names = sorted(each["name"] for each in contexts)
    if not context or context in names:
        return ""
    return f"there is no context {context}, but {', '.join(names)}"


def _any_file(paths: str) -> bool:
    return any(os.path.isfile(os.path.expanduser(path)) for path in paths.split(os.pathsep))


def _proxy_for(server: str) -> str | None:
    # As kubectl does. The HTTP client could do it by itself, but would read ~/.netrc each time.
    parts = urlsplit(server)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return urllib.request.getproxies().get(parts.scheme)
