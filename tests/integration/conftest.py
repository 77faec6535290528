"""The API server that the integration tests run against.

`python -m cluster exec -- pytest tests/integration` provides one. Any other cluster is refused,
unless its context is named in LINNET_TEST_CONTEXT.
"""

import os
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config, dynamic
from kubernetes.client import ApiException

from integration.prometheus_lab import wait_for

CRDS = Path(__file__).parents[2] / "crds"


def _own_context(kubeconfig: str) -> str:
    """Return the context to use; fail when it is not that of a cluster made for tests."""
    if not kubeconfig:
        pytest.fail("KUBECONFIG is not set: run python -m cluster exec -- pytest tests/integration")
    content = yaml.safe_load(Path(kubeconfig).read_text(encoding="utf-8"))
    context = str(content.get("current-context", ""))
    if not context.startswith("linnet-") and context != os.environ.get("LINNET_TEST_CONTEXT"):
        pytest.fail(
            f"KUBECONFIG leads to {context!r}, which is no cluster made for these tests; to run"
            f" them there all the same, set LINNET_TEST_CONTEXT={context}"
        )
    return context


@pytest.fixture(scope="session")
def api() -> Iterator[client.ApiClient]:
    """A client of the test cluster, as its administrator."""
    kubeconfig = os.environ.get("KUBECONFIG", "")
    context = _own_context(kubeconfig)
    settings = client.Configuration()
    config.load_kube_config(kubeconfig, context=context, client_configuration=settings)
    with client.ApiClient(settings) as connection:
        yield connection


def _resources(api: client.ApiClient, api_version: str, kind: str) -> Any:
    found = dynamic.DynamicClient(api).resources
    return found.get(api_version=api_version, kind=kind)


@pytest.fixture(scope="session")
def crds(api: client.ApiClient) -> list[str]:
    """The names of linnet's CustomResourceDefinitions, installed and served."""
    resources = _resources(api, "apiextensions.k8s.io/v1", "CustomResourceDefinition")
    names = []
    for file in sorted(CRDS.glob("*.yaml")):
        crd = yaml.safe_load(file.read_text(encoding="utf-8"))
        names.append(crd["metadata"]["name"])
        resources.server_side_apply(
            body=crd, name=names[-1], field_manager="linnet-tests", force_conflicts=True
        )
        for event in resources.watch(name=names[-1], timeout=60):
            conditions = (event["object"].to_dict().get("status") or {}).get("conditions") or ()
            if {"Established", "NamesAccepted"} <= {
                c["type"] for c in conditions if c["status"] == "True"
            }:
                break
        else:
            pytest.fail(f"{names[-1]} was not established within 60 s")
        wait_for(partial(_serves, api, crd), f"{names[-1]} to be served")
    return names


def _serves(api: client.ApiClient, crd: dict[str, Any]) -> bool:
    """Tell whether the API server names the kind to those who ask: established comes first."""
    spec = crd["spec"]
    try:
        found = client.CustomObjectsApi(api).get_api_resources(
            spec["group"], spec["versions"][-1]["name"]
        )
    except ApiException as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return False
    return spec["names"]["plural"] in {resource.name for resource in found.resources}


@pytest.fixture(scope="module")
def namespace(api: client.ApiClient) -> Iterator[str]:
    """A namespace for the tests of one module."""
    namespaces = _resources(api, "v1", "Namespace")
    created = namespaces.create(body={"metadata": {"generateName": "linnet-test-"}})
    yield created.metadata.name
    namespaces.delete(name=created.metadata.name)
