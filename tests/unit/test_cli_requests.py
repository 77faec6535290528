"""`linnet promote` and the like: what a person is told, whatever linnet does or does not do."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from linnet.api.names import REQUEST_ANNOTATION
from linnet.cli import main, requests

REVISION = "a5aaf002b3"
Answer = Callable[[dict[str, Any], str], None]


def record(text: str, *, accepted: bool = True, at: int = 1, present: bool = False) -> Any:
    """Return what linnet writes down of a request."""
    return {
        "text": text,
        "time": f"2026-01-01T00:00:{at:02}Z",
        "accepted": accepted,
        "message": "what was done" if accepted else "why not",
        "present": present,
    }


class FakeApi:
    """An API server with one Canary; `linnet` changes it after each request that is written."""

    def __init__(self, status: dict[str, Any], linnet: Answer) -> None:
        self.canary: dict[str, Any] = {
            "metadata": {"name": "web", "namespace": "shop", "resourceVersion": "1"},
            "status": status,
        }
        self.linnet = linnet
        self.later: list[dict[str, Any]] = []
        """The statuses that the Canary has at the next looks."""

    async def request(self, method: str, path: str, subject: object, **request: Any) -> Any:
        assert path == "/apis/linnet.dev/v1beta1/namespaces/shop/canaries/web"
        if method == "PATCH":
            annotations = self.canary["metadata"].setdefault("annotations", {})
            text = request["body"]["metadata"]["annotations"][REQUEST_ANNOTATION]
            if annotations.get(REQUEST_ANNOTATION) != text:
                annotations[REQUEST_ANNOTATION] = text
                self.canary["metadata"]["resourceVersion"] = "2"
                answer = copy.deepcopy(self.canary)
                self.linnet(self.canary["status"], text)
                return answer
        elif self.later and "request" in self.canary["status"]:
            self.canary["status"] |= self.later.pop(0)
        return copy.deepcopy(self.canary)

    async def close(self) -> None:
        """Nothing is open."""


def run(monkeypatch: pytest.MonkeyPatch, api: FakeApi, *arguments: str) -> Result:
    """Run a command against the fake, without waiting where a person would."""

    async def open_(*_: str) -> FakeApi:
        return api

    monkeypatch.setattr("linnet.cli.requests.Connection.open", open_)
    monkeypatch.setattr(requests, "ANSWER_WITHIN", 0.05)
    monkeypatch.setattr(requests, "POLL", 0.001)
    verb, *rest = arguments
    return CliRunner().invoke(main, [verb, "web", "--namespace", "shop", *rest])


def progressing(**status: Any) -> dict[str, Any]:
    return {"phase": "Progressing", "revision": REVISION, "canaryWeight": 20, **status}


def accept(status: dict[str, Any], text: str) -> None:
    status["request"] = record(text, at=30)


def refuse(status: dict[str, Any], text: str) -> None:
    status["request"] = record(text, accepted=False, at=30)


def ignore(status: dict[str, Any], text: str) -> None:
    """Be away."""


@pytest.mark.parametrize("verb", ["promote", "abort", "pause", "resume", "retry", "skip-step"])
def test_what_was_done_is_told(monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    api = FakeApi(progressing(), accept)
    result = run(monkeypatch, api, verb)
    assert (result.exit_code, result.output) == (
        0,
        f"web, revision {REVISION}: what was done\n",
    )
    assert api.canary["metadata"]["annotations"] == {REQUEST_ANNOTATION: f"{verb} @{REVISION}"}


def test_a_refusal_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, FakeApi(progressing(), refuse), "abort")
    assert result.exit_code == 1
    assert result.stderr == f"web, revision {REVISION}: why not\n"


def test_the_answer_to_the_same_words_of_before_is_not_taken_for_this_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = record(f"abort @{REVISION}", accepted=False)
    result = run(monkeypatch, FakeApi(progressing(request=before), accept), "abort")
    assert result.exit_code == 0


def test_an_operator_that_is_away_is_told_with_how_to_take_the_request_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = record(f"abort @{REVISION}")
    result = run(monkeypatch, FakeApi(progressing(request=before), ignore), "abort")
    assert result.exit_code == 1
    assert "linnet has not handled" in result.output
    assert f"kubectl annotate canary web -n shop {REQUEST_ANNOTATION}-" in result.output


@pytest.mark.parametrize(
    ("present", "says"),
    [
        pytest.param(True, "it came with an applied manifest", id="handled, and committed"),
        pytest.param(False, "linnet has not handled it yet", id="not handled yet"),
    ],
)
def test_a_request_that_is_there_already_is_told(
    monkeypatch: pytest.MonkeyPatch, present: bool, says: str
) -> None:
    text = f"pause @{REVISION}"
    api = FakeApi(progressing(request=record(text, present=present)), ignore)
    api.canary["metadata"]["annotations"] = {REQUEST_ANNOTATION: text}
    result = run(monkeypatch, api, "pause")
    assert result.exit_code == 1
    assert says in result.output


def test_there_is_nothing_to_ask_of_a_canary_without_a_revision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = run(monkeypatch, FakeApi({}, accept), "promote")
    assert result.exit_code == 1
    assert "has not released any revision" in result.output


@pytest.mark.parametrize(
    ("end", "code", "says"),
    [
        pytest.param(
            {"phase": "Succeeded", "canaryWeight": 0}, 0, "Succeeded at 0%: said", id="promoted"
        ),
        pytest.param(
            {"phase": "Failed", "canaryWeight": 0}, 1, "Failed at 0%: said", id="taken back"
        ),
        pytest.param({"revision": "new"}, 1, "revision new has taken its place", id="superseded"),
    ],
)
def test_wait_stays_until_the_release_is_over(
    monkeypatch: pytest.MonkeyPatch, end: dict[str, Any], code: int, says: str
) -> None:
    told = [{"type": "Progressing", "status": "True", "reason": "R", "message": "said linnet"}]
    for condition in told:
        condition["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    api = FakeApi(progressing(conditions=told), accept)
    api.later = [{}, {"canaryWeight": 50}, end]
    result = run(monkeypatch, api, "promote", "--wait")
    assert result.exit_code == code
    assert "Progressing at 50%: said linnet\n" in result.output
    assert says in result.output


def test_wait_does_not_stay_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, FakeApi(progressing(), accept), "retry", "--wait", "--timeout", "1ms")
    assert result.exit_code == 1
    assert "still Progressing after 0.001 s" in result.output


def test_a_time_out_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, FakeApi(progressing(), accept), "retry", "--timeout", "soon")
    assert result.exit_code == 2
    assert "'soon' is no duration such as 30s" in result.output
