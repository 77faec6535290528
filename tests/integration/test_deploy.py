"""The manifests in deploy/ and examples/ on a real API server, and what they permit."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from cluster.binaries import module_file
from deployment import (
    DEPLOY,
    KUSTOMIZE,
    SERVICE_ACCOUNT,
    charted,
    only,
    operator_arguments,
    operator_environment,
    rendered,
)
from e2e.operator import Operator, kubeconfig_for
from integration.kubectl import apply, kubectl, refusal
from integration.permissions import CLUSTER_WIDE, LEASES, LINNET, NEEDED, NEVER, POLICIES, May
from integration.prometheus_lab import wait_for

Object = dict[str, Any]

ROOT = DEPLOY.parent
NARROW = "linnet-narrow"
"""Where an operator is installed that looks after `shop` and `search` only."""


@pytest.fixture(scope="module", autouse=True)
def istio(api: client.ApiClient) -> None:
    """The kinds that linnet watches and writes. `api` refuses a cluster that is not for tests."""
    kubectl(
        *("apply", "--server-side", "--force-conflicts", "--filename"),
        str(module_file("crd-all.gen.yaml")),
    )


@pytest.fixture(scope="module")
def installed(istio: None, api: client.ApiClient) -> list[Object]:
    """linnet for the whole cluster, by `kubectl apply -k`."""
    kubectl(
        *("apply", "--server-side", "--force-conflicts", "--validate=strict", "--kustomize"),
        str(KUSTOMIZE),
    )
    kubectl("wait", "crd/canaries.linnet.dev", "--for=condition=Established", "--timeout=120s")
    _learned(api, SERVICE_ACCOUNT, CLUSTER_WIDE[-1], LEASES[-1])
    return rendered()


@pytest.fixture(scope="module")
def narrow(istio: None, crds: list[str], api: client.ApiClient) -> list[Object]:
    """linnet for two namespaces, by Helm's manifests."""
    namespaces = (NARROW, "shop", "search", "other")
    apply([namespace(name) for name in namespaces])
    objects = charted(
        *("--set", "watchNamespaces={shop,search},crds.install=false"), namespace=NARROW
    )
    apply(objects)
    there = [May("list", f"canaries.{LINNET}", name) for name in ("shop", "search")]
    _learned(api, (NARROW, "linnet"), *there, May("get", LEASES[-1].resource, NARROW))
    return objects


def _learned(api: client.ApiClient, account: tuple[str, str], *rights: May) -> None:
    """Wait until the API server's authorizer has heard of what was just applied."""
    for may in rights:
        wait_for(partial(may.answer, api, account), str(may))


def namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param(lambda: rendered(), id="kustomize"),
        pytest.param(
            lambda: charted("--set", "fullnameOverride=third,admissionPolicies.enabled=true"),
            id="helm with admission policies",
        ),
        pytest.param(lambda: rendered(KUSTOMIZE / "namespaced"), id="kustomize for two namespaces"),
        # Under another name: the selector of a Deployment that is there cannot be changed.
        pytest.param(lambda: charted("--set", "fullnameOverride=second"), id="helm"),
        pytest.param(
            lambda: charted("--set", "fullnameOverride=second,watchNamespaces={team-a,team-b}"),
            id="helm for two namespaces",
        ),
    ],
)
def test_every_manifest_is_accepted_with_strict_validation(installed: object, objects: Any) -> None:
    apply([namespace("team-a"), namespace("team-b")])
    apply(objects(), "--dry-run=server")


def test_the_crds_apply_from_their_folder(istio: None) -> None:
    kubectl(
        *("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict"),
        *("--filename", str(ROOT / "crds")),
    )


EXAMPLES = sorted(
    file
    for file in (ROOT / "examples").rglob("*.yaml")
    # Argo CD's and the Prometheus operator's kinds, which are not installed here.
    if file.parent.name != "argocd"
)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda f: str(f.relative_to(ROOT / "examples")))
def test_an_example_is_accepted_as_it_is(installed: object, file: Path) -> None:
    apply([namespace("production")])
    kubectl("apply", "--dry-run=server", "--validate=strict", "--filename", str(file))


def test_the_pod_meets_the_restricted_pod_security_standard(installed: list[Object]) -> None:
    # Only the Namespace's own label enforces it here.
    template = only("Deployment", installed)["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "linnet", "namespace": SERVICE_ACCOUNT[0], **template["metadata"]},
        "spec": template["spec"],
    }
    apply([pod], "--dry-run=server")
    (container,) = pod["spec"]["containers"]
    del container["securityContext"]
    why = refusal("create", "--dry-run=server", "--filename=-", stdin=json.dumps(pod))
    assert 'violates PodSecurity "restricted' in why


@pytest.mark.parametrize("may", [*NEEDED, *LEASES, *CLUSTER_WIDE], ids=str)
def test_the_operator_may(installed: object, api: client.ApiClient, may: May) -> None:
    assert may.answer(api, SERVICE_ACCOUNT)


@pytest.mark.parametrize("may", NEVER, ids=str)
def test_the_operator_may_not(installed: object, api: client.ApiClient, may: May) -> None:
    assert not may.answer(api, SERVICE_ACCOUNT)


def test_the_permissions_in_the_table_are_all_there_are(installed: list[Object]) -> None:
    granted = {
        f"{verb} {resource}" + (f".{group}" if group else "")
        for kind in ("ClusterRole", "Role")
        for rule in only(kind, installed)["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert granted == {f"{may.verb} {may.resource}" for may in (*NEEDED, *LEASES, *POLICIES)}


@pytest.mark.parametrize("may", NEEDED, ids=str)
def test_an_operator_for_two_namespaces_may_there(
    narrow: object, api: client.ApiClient, may: May
) -> None:
    for name in ("shop", "search"):
        assert May(may.verb, may.resource, name).answer(api, (NARROW, "linnet"))


ELSEWHERE = [*NEEDED, *(may for may in NEVER if "leases" not in may.resource)]


@pytest.mark.parametrize("may", ELSEWHERE, ids=str)
def test_an_operator_for_two_namespaces_may_not_elsewhere(
    narrow: object, api: client.ApiClient, may: May
) -> None:
    for name in ("other", NARROW, ""):
        assert not May(may.verb, may.resource, name).answer(api, (NARROW, "linnet"))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[list[Object], tuple[str, str]], Operator]]:
    """Start `linnet run` as a Deployment has it, with no rights but its ServiceAccount's."""
    started: list[Operator] = []

    def start(objects: list[Object], account: tuple[str, str]) -> Operator:
        kubeconfig = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
        cluster = kubeconfig["clusters"][0]["cluster"]
        token = kubectl("create", "token", account[1], "--namespace", account[0]).strip()
        operator = Operator(
            operator_arguments(objects),
            operator_environment(objects),
            kubeconfig_for(
                tmp_path / "kubeconfig",
                cluster["server"],
                token,
                cluster["certificate-authority-data"],
            ),
            tmp_path / "log",
        )
        started.append(operator)
        operator.start()
        return operator

    yield start
    for operator in started:
        operator.stop()


async def _ready(operator: Operator) -> None:
    await operator.ready()
    async with asyncio.timeout(60):
        while not await operator.leads():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    text = await operator.metrics()
    refused = [line for line in text.splitlines() if 'code="403"' in line]
    assert not refused


async def test_the_operator_gets_ready_with_these_permissions(
    installed: list[Object], start: Callable[[list[Object], tuple[str, str]], Operator]
) -> None:
    await _ready(start(installed, SERVICE_ACCOUNT))


async def test_an_operator_for_two_namespaces_gets_ready_with_theirs(
    narrow: list[Object], start: Callable[[list[Object], tuple[str, str]], Operator]
) -> None:
    await _ready(start(narrow, (NARROW, "linnet")))
