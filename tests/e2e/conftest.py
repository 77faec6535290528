"""One operator for all tests, one namespace for each."""

import asyncio
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from deployment import SERVICE_ACCOUNT, operator_arguments, operator_environment, rendered
from e2e.api import Api
from e2e.app import App
from e2e.backend import Backend, from_environment
from e2e.cost import Report
from e2e.operator import Operator, account_kubeconfig

OPERATOR_PORT = 8085
"""Where the local cluster's Prometheus looks for the operator's metrics."""
REPORT = pytest.StashKey[Report]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REPORT] = Report()
    config.addinivalue_line("markers", "needs_restarts: stops and starts parts of the cluster")
    config.addinivalue_line("markers", "needs_local_pods: changes how pods behave that run")
    config.addinivalue_line("markers", "needs_audit_log: reads the API server's audit log")
    config.addinivalue_line("markers", "replaces_linnet: ends what other tests share; runs last")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests at the end after which the shared operator has no ServiceAccount any more."""
    items.sort(key=lambda item: item.get_closest_marker("replaces_linnet") is not None)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show what was measured, also when all is well: pytest keeps what passing tests print."""
    if lines := list(config.stash[REPORT].lines()):
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    """The tables that the run ends with."""
    return pytestconfig.stash[REPORT]


@pytest.fixture(scope="session")
def backend() -> Backend:
    """The cluster, as $BACKEND says."""
    return from_environment()


@pytest.fixture(autouse=True)
def _possible_here(request: pytest.FixtureRequest, backend: Backend) -> None:
    for marker, possible in (
        ("needs_restarts", backend.restartable),
        ("needs_local_pods", backend.name == "local"),
        ("needs_audit_log", backend.audited),
    ):
        if request.node.get_closest_marker(marker) and not possible:
            pytest.skip(f"not possible with BACKEND={backend.name}")


@pytest.fixture
async def api(backend: Backend, installed: None) -> AsyncIterator[Api]:
    """The Kubernetes API, as the administrator."""
    connection = await Api.open(backend.kubeconfig)
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
def installed(backend: Backend) -> None:
    """CRDs, RBAC and all else of deploy/, as a user would apply it."""

    async def install() -> None:
        api = await Api.open(backend.kubeconfig)
        for obj in rendered():
            if obj["kind"] != "Deployment":  # the operator runs as a process of the tests
                await api.apply(obj)
        await api.close()

    asyncio.run(install())


@pytest.fixture(scope="session")
def operator_token(backend: Backend, installed: None) -> str:
    """A token of the operator's ServiceAccount: it may do what RBAC allows, and no more."""

    async def request() -> str:
        api = await Api.open(backend.kubeconfig)
        token = await api.token(*SERVICE_ACCOUNT)
        await api.close()
        return token

    return asyncio.run(request())


@pytest.fixture(scope="session")
def new_operator(
    backend: Backend, operator_token: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Operator]]:
    """Start operators as deploy/ would; all are stopped in the end, their logs kept."""
    folder = Path(os.environ.get("LINNET_TEST_LOGS") or tmp_path_factory.mktemp("operators"))
    started: list[Operator] = []

    def start(
        name: str,
        *,
        namespace: str = "",
        identity: str = "",
        server: str = "",
        elect: bool = True,
        port: int = 0,
        scrape: str = "",
    ) -> Operator:
        path = folder / f"{name}.kubeconfig"
        kubeconfig = account_kubeconfig(path, backend.kubeconfig, operator_token, server)
        arguments = [*operator_arguments(), "--prometheus-url", backend.prometheus]
        arguments += ["--identity", identity or name]
        if namespace:
            arguments += ["--namespace", namespace, "--lease-name", f"linnet-{namespace}"]
        if not elect:
            arguments += ["--no-leader-election"]
        if scrape:
            arguments += ["--scrape-interval", scrape]
        operator = Operator(
            arguments, operator_environment(), kubeconfig, folder / f"{name}.log", port
        )
        operator.start()
        started.append(operator)
        return operator

    yield start
    for operator in started:
        operator.stop()


@pytest.fixture(scope="session")
def shared_operator(new_operator: Callable[..., Operator]) -> Operator:
    """The operator that looks after all namespaces, except while a test has its own."""
    return new_operator("operator", port=OPERATOR_PORT)


@pytest.fixture
async def operator(request: pytest.FixtureRequest, shared_operator: Operator) -> Operator:
    """The operator of all tests, running unless the test starts its own."""
    if "own_operator" in request.fixturenames:
        shared_operator.stop()
        return shared_operator
    if not shared_operator.running:
        shared_operator.start()
    await shared_operator.ready()
    return shared_operator


@pytest.fixture
def own_operator(
    operator: Operator, new_operator: Callable[..., Operator], namespace: str
) -> Iterator[Callable[..., Operator]]:
    """Start operators for the test's namespace only; no other is running meanwhile."""
    started: list[Operator] = []

    def start(identity: str = "own", **options: object) -> Operator:
        name = f"{namespace}-{identity}"
        operator = new_operator(name, namespace=namespace, identity=identity, **options)
        started.append(operator)
        return operator

    yield start
    for own in started:
        own.stop()


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    """A name that tells which test a namespace is of."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return f"t-{secrets.token_hex(3)}-{words}"[:40].rstrip("-")


@pytest.fixture
async def app(api: Api, backend: Backend, operator: Operator, namespace: str) -> AsyncIterator[App]:
    """An app in a namespace of its own, under the operator of all tests."""
    app = App(api, backend, namespace)
    yield app
    await app.remove()


@pytest.fixture
async def second_app(
    api: Api, backend: Backend, operator: Operator, namespace: str
) -> AsyncIterator[App]:
    """Another one beside it."""
    app = App(api, backend, f"{namespace}-b")
    yield app
    await app.remove()
