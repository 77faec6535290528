"""`linnet promote` and the like: what a person is told, whatever linnet does or does not do."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from linnet.api.names import REQUEST_ANNOTATION
from linnet.cli import main, requests
from linnet.errors import SpecError
from unit.engine import builders

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
            "spec": builders.canary()["spec"],
            "status": status,
        }
        self.routed: int | None = None
        """The canary's share of the live routes; None: the caller may not read these."""
        self.writes_after = 0
        """How many looks it takes linnet to write what it decided."""
        self.linnet = linnet
        self.asked = False
        self.later: list[dict[str, Any]] = []
        """The statuses that the Canary has at the next looks."""

    async def request(self, method: str, path: str, subject: object, **request: Any) -> Any:
        if path.endswith("/virtualservices/podinfo"):
            return self._virtual_service()
        assert path == "/apis/linnet.dev/v1beta1/namespaces/shop/canaries/web"
        if method == "PATCH":
            annotations = self.canary["metadata"].setdefault("annotations", {})
            text = request["body"]["metadata"]["annotations"][REQUEST_ANNOTATION]
            if annotations.get(REQUEST_ANNOTATION) != text:
                annotations[REQUEST_ANNOTATION] = text
                self.canary["metadata"]["resourceVersion"] = "2"
                answer = copy.deepcopy(self.canary)
                self.linnet(self.canary["status"], text)
                self.asked = True
                return answer
        elif self.asked and "request" in self.canary["status"]:
            if self.later:
                self.canary["status"] |= self.later.pop(0)
            self._write()
        return copy.deepcopy(self.canary)

    def _write(self) -> None:
        """Have linnet carry out what it decided, and remove the annotation at the end."""
        if self.writes_after > 0:
            self.writes_after -= 1
            return
        status, annotations = self.canary["status"], self.canary["metadata"].get("annotations")
        if annotations and annotations.get(REQUEST_ANNOTATION) == status["request"]["text"]:
            del annotations[REQUEST_ANNOTATION]
            known = status.get("conditions", [])
            status["conditions"] = [c for c in known if c["type"] != "Stalled"]
            self.routed = status["canaryWeight"] if self.routed is not None else None

    def _virtual_service(self) -> dict[str, Any]:
        if self.routed is None:
            raise SpecError("Forbidden", "you may not")
        sides = {"podinfo-primary": 100 - self.routed, "podinfo-canary": self.routed}
        route = [{"destination": {"host": host}, "weight": n} for host, n in sides.items()]
        return {"metadata": {"name": "podinfo"}, "spec": {"http": [{"route": route}]}}

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
    asked: list[str] = []

    def note(status: dict[str, Any], text: str) -> None:
        asked.append(text)
        accept(status, text)

    result = run(monkeypatch, FakeApi(progressing(), note), verb)
    assert (result.exit_code, result.output) == (
        0,
        f"web, revision {REVISION}: what was done\n",
    )
    assert asked == [f"{verb} @{REVISION}"]


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


NEVER = 10**9


def roll_back(status: dict[str, Any], text: str) -> None:
    """Decide on a rollback whose routes cannot be written, for Istio's webhook is away."""
    accept(status, text)
    why = "VirtualService shop/podinfo: failed calling webhook\n  connection refused"
    status |= {
        "phase": "Failed",
        "canaryWeight": 0,
        "conditions": [
            {
                "type": "Stalled",
                "status": "True",
                "reason": "NotWritten",
                "message": why,
                "lastTransitionTime": "2026-01-01T00:00:30Z",
            }
        ],
    }


@pytest.mark.parametrize(
    ("routed", "says"),
    [
        pytest.param(10, "the routes still give the canary 10% of the traffic", id="looked at"),
        pytest.param(None, "what was written before stays in force", id="that may not be read"),
    ],
)
@pytest.mark.parametrize("wait", [(), ("--wait", "--timeout", "60ms")])
def test_a_rollback_whose_routes_are_not_written_is_not_done(
    monkeypatch: pytest.MonkeyPatch, routed: int | None, says: str, wait: tuple[str, ...]
) -> None:
    api = FakeApi(progressing(), roll_back)
    api.routed, api.writes_after = routed, NEVER
    result = run(monkeypatch, api, "abort", *wait)
    assert result.exit_code == 1
    assert (
        f"web, revision {REVISION}: decided: what was done; not written yet: {says} (NotWritten:"
        " VirtualService shop/podinfo: failed calling webhook connection refused)"
    ) in result.stderr


def test_routes_that_say_otherwise_are_not_written_whatever_the_annotation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = FakeApi(progressing(), roll_back)
    api.routed, api.writes_after = 10, NEVER

    def forget(status: dict[str, Any], text: str) -> None:
        roll_back(status, text)
        del api.canary["metadata"]["annotations"]

    api.linnet = forget
    result = run(monkeypatch, api, "abort")
    assert result.exit_code == 1
    assert "the routes still give the canary 10% of the traffic" in result.stderr


@pytest.mark.parametrize("verb", ["abort", "pause", "resume", "skip-step"])
def test_wait_stays_until_what_was_decided_is_written(
    monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    api = FakeApi(progressing(), roll_back)
    api.routed, api.writes_after = 10, 200
    result = run(monkeypatch, api, verb, "--wait")
    assert result.exit_code == 0
    first, *_, last = result.stdout.splitlines()
    assert "decided: what was done; not written yet: the routes still give" in first
    assert last == f"web, revision {REVISION}: what was done (written by now)"


def test_a_plan_that_is_not_carried_out_is_not_done_though_nothing_is_stalled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = FakeApi(progressing(), accept)
    api.writes_after = NEVER
    result = run(monkeypatch, api, "abort")
    assert result.exit_code == 1
    assert "decided: what was done; not written yet" in result.stderr


def test_wait_for_a_release_stays_until_its_rollback_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = FakeApi(progressing(), roll_back)
    api.routed, api.writes_after = 10, 3
    result = run(monkeypatch, api, "promote", "--wait")
    assert result.exit_code == 1
    *_, before, last = result.stdout.splitlines()
    assert "Failed at 0%: ; not written yet: the routes still give the canary 10%" in before
    assert last == "Failed at 0%: "


@pytest.mark.parametrize("routed", [0, None])
def test_an_obstacle_that_leaves_the_routes_as_decided_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch, routed: int | None
) -> None:
    def gone(status: dict[str, Any], text: str) -> None:
        roll_back(status, text)
        status["conditions"][0]["reason"] = "TargetNotFound"
        del api.canary["metadata"]["annotations"]

    api = FakeApi(progressing(), gone)
    api.routed, api.writes_after = routed, NEVER
    assert run(monkeypatch, api, "abort").exit_code == 0
