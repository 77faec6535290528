"""Outcomes reach a receiver that stumbles, and no log says what is nobody's business."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from linnet.adapters import outcome_webhook
from linnet.adapters.outcome_webhook import TOKEN_FILE, OutcomeWebhook, Receiver
from linnet.adapters.telemetry import Telemetry

AT_ONCE = (0.0, 0.0, 0.0)
"""Pauses between four tries."""


def outcome(name: str = "podinfo") -> dict[str, Any]:
    """Return an announcement."""
    return {
        "kind": "ReleaseOutcome",
        "outcome": "promoted",
        "canary": {"namespace": "shop", "name": name, "uid": "u", "labels": {}},
        "revision": "a5aaf002b3",
        "startedAt": "2026-01-31T12:00:30Z",
    }


class Hook:
    """A receiver that answers with the statuses it is given, then with 204."""

    def __init__(self, *statuses: int) -> None:
        self.statuses: Iterator[int] = iter(statuses)
        self.got: list[web.Request] = []
        self.bodies: list[Any] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.got.append(request)
        self.bodies.append(json.loads(await request.read()))
        status = next(self.statuses, 204)
        return web.Response(status=status, headers={"Location": "/elsewhere"})


@asynccontextmanager
async def serving(*statuses: int) -> AsyncIterator[Hook]:
    """Serve a hook on a free port."""
    hook = Hook(*statuses)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", hook.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    hook.url = f"http://{host}:{port}/hook/s3cret"
    yield hook
    await runner.cleanup()


async def delivered(receiver: Receiver, *announcements: dict[str, Any]) -> Telemetry:
    """Announce, and wait until each was delivered or given up."""
    telemetry = Telemetry()
    webhook = OutcomeWebhook(receiver, telemetry, AT_ONCE)
    for announcement in announcements:
        webhook.announce(announcement)
    running = asyncio.create_task(webhook.run())
    await webhook.drain(30)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return telemetry


def count(telemetry: Telemetry, result: str) -> float:
    return telemetry.registry.get_sample_value("linnet_outcomes_total", {"result": result}) or 0.0


async def test_an_outcome_is_posted_as_json_with_the_token_of_the_file(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("hunter2\n")
    async with serving() as hook:
        telemetry = await delivered(Receiver(hook.url, token), outcome())
    (request,) = hook.got
    assert request.method == "POST"
    assert request.path == "/hook/s3cret"
    assert request.headers["Authorization"] == "Bearer hunter2"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Idempotency-Key"] == "u/a5aaf002b3/2026-01-31T12:00:30Z"
    assert hook.bodies == [outcome()]
    assert count(telemetry, "delivered") == 1


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_a_receiver_that_is_down_is_asked_again(status: int) -> None:
    async with serving(status, status) as hook:
        telemetry = await delivered(Receiver(hook.url), outcome("a"), outcome("b"))
    assert [body["canary"]["name"] for body in hook.bodies] == ["a", "a", "a", "b"]
    assert (count(telemetry, "delivered"), count(telemetry, "dropped")) == (2, 0)


async def test_tries_come_to_an_end_and_the_next_outcome_has_its_turn() -> None:
    async with serving(503, 503, 503, 503) as hook:
        telemetry = await delivered(Receiver(hook.url), outcome("a"), outcome("b"))
    assert [body["canary"]["name"] for body in hook.bodies] == ["a", "a", "a", "a", "b"]
    assert (count(telemetry, "delivered"), count(telemetry, "dropped")) == (1, 1)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404])
async def test_a_refusal_is_taken_as_one_and_no_redirect_is_followed(status: int) -> None:
    async with serving(status) as hook:
        telemetry = await delivered(Receiver(hook.url), outcome())
    assert len(hook.got) == 1
    assert count(telemetry, "dropped") == 1


async def test_no_secret_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = tmp_path / "token"
    token.write_text("hunter2")
    async with serving(400) as hook:
        await delivered(Receiver(hook.url, token), outcome())
    await delivered(Receiver(hook.url, token), outcome())  # nobody listens there any more
    await delivered(Receiver(hook.url, tmp_path / "absent"), outcome())
    said = [f"{record.getMessage()} {record.__dict__}" for record in caplog.records]
    mine = [line for line in said if "Outcome not delivered" in line]
    assert len(mine) == 3
    assert "it answered with HTTP 400" in mine[0]
    assert "it is out of reach (ClientConnectorError)" in mine[1]
    assert "cannot be read: No such file or directory" in mine[2]
    assert not any("s3cret" in line or "hunter2" in line for line in said)
    assert "s3cret" not in repr(Receiver(hook.url))


async def test_older_outcomes_are_dropped_where_too_many_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outcome_webhook, "WAITING", 2)
    async with serving() as hook:
        telemetry = await delivered(Receiver(hook.url), *(outcome(name) for name in "abc"))
    assert [body["canary"]["name"] for body in hook.bodies] == ["b", "c"]
    assert count(telemetry, "dropped") == 1


@pytest.mark.parametrize(
    "url", ["", "nowhere.test/s3cret", "ftp://x", "https:///x", "http://x:port", "https://[::1"]
)
def test_what_is_no_url_is_refused_with_a_sentence_that_does_not_repeat_it(url: str) -> None:
    with pytest.raises(ValueError, match="it must be a URL such as") as refusal:
        Receiver.parse(url, {})
    assert not url or url not in str(refusal.value)


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match=TOKEN_FILE) as refusal:
        Receiver.parse("https://me:hunter2@hooks.example.com", {})
    assert "hunter2" not in str(refusal.value)


def test_where_the_token_is_comes_from_the_environment() -> None:
    receiver = Receiver.parse("https://hooks.example.com/x", {TOKEN_FILE: "/run/token"})
    assert receiver.token_file == Path("/run/token")
    assert receiver.host == "hooks.example.com"
