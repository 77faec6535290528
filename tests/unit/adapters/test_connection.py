"""Requests: what each answer means for whoever asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from kubernetes.aio.client import Configuration

from linnet.adapters.connection import PARALLEL, Connection, NotFoundError, UnauthorizedError
from linnet.adapters.credentials import Credentials
from linnet.adapters.telemetry import Telemetry
from linnet.errors import ConflictError, LinnetError, SpecError, UnavailableError

PATH = "/api/v1/namespaces/shop/services/web"


class Answers:
    """An API server that answers everything with one thing."""

    def __init__(self) -> None:
        self.status = 200
        self.text = "{}"
        self.delay = 0.0
        self.seen: list[web.Request] = []
        self.bodies: list[Any] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        self.bodies.append(await request.text())
        await asyncio.sleep(self.delay)
        return web.Response(status=self.status, text=self.text, content_type="application/json")


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
async def connection(answers: Answers, tmp_path: Path) -> AsyncIterator[Connection]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answers.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    file = tmp_path / "kubeconfig"
    file.write_text(config(f"http://127.0.0.1:{runner.addresses[0][1]}"), encoding="utf-8")
    connection = await Connection.open(str(file))
    yield connection
    await connection.close()
    await runner.cleanup()


def config(server: str) -> str:
    return yaml.safe_dump(
        {
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": server}}],
            "users": [{"name": "test", "user": {"token": "secret-token"}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }
    )


async def test_an_answer_is_returned_as_it_is(connection: Connection, answers: Answers) -> None:
    answers.text = '{"kind": "Service", "unknown": [1, null]}'
    answer = await connection.request("GET", PATH, "Service shop/web")
    assert answer == {"kind": "Service", "unknown": [1, None]}
    (request,) = answers.seen
    assert request.path == PATH
    assert request.headers["Authorization"] == "Bearer secret-token"
    assert request.headers["User-Agent"].startswith("linnet/")


async def test_a_body_is_sent_as_it_is(connection: Connection, answers: Answers) -> None:
    await connection.request(
        "PATCH",
        PATH,
        "it",
        body={"spec": {"timeout": None}},
        content_type="application/merge-patch+json",
        query={"fieldManager": "linnet"},
    )
    (request,) = answers.seen
    assert answers.bodies == ['{"spec": {"timeout": null}}']
    assert request.headers["Content-Type"] == "application/merge-patch+json"
    assert request.query == {"fieldManager": "linnet"}


@pytest.mark.parametrize(
    ("status", "said", "error", "reason"),
    [
        pytest.param(400, "bad", SpecError, "Refused", id="nonsense is refused"),
        pytest.param(422, "Invalid value", SpecError, "Refused", id="the schema refuses"),
        pytest.param(403, "exceeded quota: q", SpecError, "Refused", id="a quota refuses"),
        pytest.param(
            403,
            'User "x" cannot create resource "services" in API group ""',
            SpecError,
            "Forbidden",
            id="a permission is missing",
        ),
        pytest.param(404, "not found", NotFoundError, "", id="it does not exist"),
        pytest.param(409, "modified", ConflictError, "", id="it has changed"),
        pytest.param(401, "Unauthorized", UnauthorizedError, "", id="the token is refused"),
        pytest.param(429, "slow down", UnavailableError, "", id="too many requests"),
        pytest.param(500, "failed calling webhook", UnavailableError, "", id="a webhook is away"),
        pytest.param(503, "starting", UnavailableError, "", id="the API server starts"),
        pytest.param(504, "etcd", UnavailableError, "", id="etcd is slow"),
    ],
)
async def test_a_failure_says_who_must_act(
    connection: Connection,
    answers: Answers,
    status: int,
    said: str,
    error: type[LinnetError],
    reason: str,
) -> None:
    answers.status = status
    answers.text = json.dumps({"kind": "Status", "message": said})
    with pytest.raises(error) as raised:
        await connection.request("POST", PATH, "Service shop/web")
    assert type(raised.value) is error
    assert "Service shop/web" in str(raised.value)
    assert said in str(raised.value)
    assert getattr(raised.value, "reason", "") == reason
    assert "secret-token" not in str(raised.value)


@pytest.mark.parametrize("status", [200, 502])
async def test_what_is_no_json_comes_from_something_in_between(
    connection: Connection, answers: Answers, status: int
) -> None:
    answers.status, answers.text = status, "<html>log in first</html>"
    with pytest.raises(UnavailableError, match="log in first"):
        await connection.request("GET", PATH, "it")


async def test_the_time_limit_includes_waiting_for_a_turn(
    connection: Connection, answers: Answers
) -> None:
    answers.delay = 0.5
    many = [connection.request("GET", PATH, "it") for _ in range(PARALLEL)]
    under_way = asyncio.gather(*many)
    await asyncio.sleep(0.1)
    with pytest.raises(UnavailableError, match=r"within 0\.1 s"):
        await connection.request("PUT", PATH, "it", time_limit=0.1)
    await under_way
    assert {request.method for request in answers.seen} == {"GET"}, "it was never sent"


@pytest.mark.usefixtures("connection")
async def test_requests_are_counted(answers: Answers, tmp_path: Path) -> None:
    telemetry = Telemetry()
    file = tmp_path / "kubeconfig"
    counted = await Connection.open(str(file), traces=[telemetry.request_traces()])
    await counted.request("GET", PATH, "it")
    answers.status = 409
    with pytest.raises(ConflictError):
        await counted.request("PUT", PATH, "it")
    await counted.close()
    value = telemetry.registry.get_sample_value
    labels = {"resource": "services"}
    name = "linnet_api_requests_total"
    assert value(name, labels | {"verb": "get", "code": "200"}) == 1
    assert value(name, labels | {"verb": "update", "code": "409"}) == 1


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": ".example"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, None),
    ],
)
async def test_proxies_are_used_as_kubectl_does(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    proxy: str | None,
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, setting in environment.items():
        monkeypatch.setenv(name, setting)
    file = tmp_path / "kubeconfig"
    file.write_text(config("http://api.cluster.example"), encoding="utf-8")
    configuration = Configuration()
    await Credentials.load(configuration, str(file))
    assert configuration.proxy == proxy


class TestWithoutCluster:
    @pytest.fixture(autouse=True)
    def nowhere(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
            monkeypatch.delenv(name, raising=False)

    async def test_it_is_said_what_to_do(self) -> None:
        with pytest.raises(UnavailableError, match=r"~/\.kube/config; name a kubeconfig"):
            await Connection.open()

    async def test_a_kubeconfig_that_is_none_is_named(self, tmp_path: Path) -> None:
        file = tmp_path / "broken"
        file.write_text("clusters: []", encoding="utf-8")
        with pytest.raises(UnavailableError, match=f"kubeconfig {file}"):
            await Connection.open(str(file))

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("", id="empty"),
            pytest.param("- a", id="a list"),
            pytest.param("just words", id="words"),
            pytest.param("{unclosed: [", id="no YAML"),
            pytest.param("current-context: a\ncontexts: [{name: a, context: 7}]", id="odd parts"),
        ],
    )
    async def test_what_is_no_kubeconfig_is_told_in_a_sentence(
        self, text: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "broken"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(UnavailableError, match=f"{file} is no kubeconfig: "):
            await Connection.open(str(file))

    @pytest.mark.parametrize(
        ("server", "context", "says"),
        [
            pytest.param("here", "", "the cluster's server is 'here'; it must be a URL", id="URL"),
            pytest.param("http://x", "b", "there is no context b, but test", id="wrong context"),
        ],
    )
    async def test_what_a_kubeconfig_lacks_is_told(
        self, server: str, context: str, says: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "kubeconfig"
        file.write_text(config(server), encoding="utf-8")
        with pytest.raises(UnavailableError, match=says):
            await Connection.open(str(file), context)

    async def test_a_pod_without_service_account_is_told(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
        with pytest.raises(UnavailableError, match="service account"):
            await Connection.open()
