"""`linnet status`: what a person reads of a Canary."""

from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from linnet.cli import main
from linnet.cli.screen import show
from linnet.cli.status import News, view

NOW = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)


def canary(**status: Any) -> dict[str, Any]:
    """Return a Canary with this status."""
    return {"metadata": {"namespace": "shop", "name": "web"}, "status": status}


def condition(kind: str, status: str, reason: str, message: str) -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


PROGRESSING = {
    "phase": "Progressing",
    "canaryWeight": 20,
    "promotedRevision": "aaa",
    "revision": "bbb",
    "lastTransitionTime": "2026-01-01T12:00:20Z",
    "nextCheckAt": "2026-01-01T12:00:34Z",
    "conditions": [condition("Progressing", "True", "Advanced", "weight 10 → 20")],
    "decisions": [
        {
            "time": "2026-01-01T12:00:20.5Z",
            "verdict": "passed",
            "weight": 20,
            "reason": "Advanced",
            "message": "weight 10 → 20: request-success-rate 100",
        }
    ],
}


UNWRITTEN = PROGRESSING | {
    "phase": "Failed",
    "canaryWeight": 0,
    "nextCheckAt": None,
    "conditions": [
        condition("Progressing", "False", "Aborted", "rolled back"),
        condition("Stalled", "True", "NotWritten", "the webhook is\n\taway"),
    ],
}


def shown(canaries: list[dict[str, Any]], *, details: bool = False, width: int = 160) -> str:
    """Return what the terminal would show."""
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(view(canaries, NOW, details))
    return capture.get()


@pytest.mark.parametrize(
    ("status", "says"),
    [
        pytest.param(PROGRESSING, ["Progressing", "20%", "aaa → bbb", "10s"], id="a release"),
        pytest.param({}, ["web", "-"], id="a Canary that linnet has not seen yet"),
        pytest.param(
            {
                "phase": "Initializing",
                "conditions": [
                    condition("Stalled", "True", "TargetNotFound", "create Deployment shop/web")
                ],
            },
            ["Initializing (stalled)", "TargetNotFound: create Deployment shop/web"],
            id="a problem comes before everything else",
        ),
        pytest.param(
            {"conditions": [condition("Stalled", "True", "TargetNotFound", "create\n  it")]},
            ["(stalled)", "TargetNotFound: create it"],
            id="a problem before the first phase, which a webhook tells in several lines",
        ),
        pytest.param(
            UNWRITTEN,
            ["?, not yet 0%", "rolled back; not written yet: what was written before stays in"],
            id="a rollback that is not written, while nobody may look at the routes",
        ),
    ],
)
def test_the_table_says(status: dict[str, Any], says: list[str]) -> None:
    text = shown([canary(**status)])
    for words in says:
        assert words in text


def test_one_canary_is_shown_with_its_decisions_and_what_comes_next() -> None:
    text = shown([canary(**PROGRESSING)], details=True)
    assert "next check in 4 s" in text
    assert "request-success-rate 100" in text
    assert "12:00:20" in text


HINT = "no operator seems to be at work, see kubectl -n linnet-system get pods"


@pytest.mark.parametrize(
    ("due", "says"),
    [
        pytest.param("12:00:34", "next check in 4 s", id="to come"),
        pytest.param("12:00:20", "next check: was due at 12:00:20 UTC", id="just due"),
        pytest.param(
            "11:59:30", f"next check overdue since 11:59:30 UTC: {HINT}", id="long overdue"
        ),
    ],
)
def test_a_check_that_nobody_takes_is_overdue(due: str, says: str) -> None:
    one = canary(**PROGRESSING | {"nextCheckAt": f"2026-01-01T{due}Z"})
    assert says in shown([one], details=True).splitlines()


def test_what_was_due_on_another_day_has_its_date() -> None:
    one = canary(**PROGRESSING | {"nextCheckAt": "2025-12-31T12:00:34Z"})
    assert "overdue since 2025-12-31 12:00:34 UTC" in shown([one], details=True)


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        pytest.param({"suspend": True}, {}, id="linnet is told to do nothing"),
        pytest.param(
            {},
            {"conditions": [condition("Stalled", "True", "TargetNotFound", "create it")]},
            id="something has to be mended first",
        ),
        pytest.param({}, {"phase": "Promoting"}, id="the primary is waited for"),
    ],
)
def test_nobody_is_blamed_where_the_operator_may_be_waiting(
    spec: dict[str, Any], status: dict[str, Any]
) -> None:
    overdue = PROGRESSING | {"nextCheckAt": "2026-01-01T11:00:00Z"} | status
    text = shown([canary(**overdue) | {"spec": spec}], details=True)
    assert "was due at 11:00:00 UTC" in text
    assert HINT not in text


def test_a_canary_that_nobody_looks_at_is_told() -> None:
    one = canary()
    one["metadata"]["creationTimestamp"] = "2026-01-01T11:59:00Z"
    assert f"created at 11:59:00 UTC, and linnet has not seen it: {HINT}" in shown(
        [one], details=True
    )


def test_a_canary_that_linnet_cannot_begin_with_has_been_seen() -> None:
    one = canary(conditions=[condition("Stalled", "True", "NotOurs", "rename it")])
    one["metadata"]["creationTimestamp"] = "2026-01-01T11:00:00Z"
    assert HINT not in shown([one], details=True)


def test_a_rollback_that_is_not_written_is_told_with_what_is_in_force() -> None:
    text = shown([canary(**UNWRITTEN) | {"routed": 10}], details=True)
    assert "10%, not yet 0%" in text
    words = " ".join(text.split())
    assert "still give the canary 10% of the traffic (NotWritten: the webhook is away)" in words


def test_a_file_gets_a_line_for_each_canary_without_blanks_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(view([canary(**UNWRITTEN), canary(**PROGRESSING)], NOW, False))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert [line for line in lines if line != line.rstrip()] == []


def test_the_table_tells_of_an_operator_that_is_away() -> None:
    overdue = canary(**PROGRESSING | {"nextCheckAt": "2026-01-01T11:59:30Z"})
    text = shown([canary(**PROGRESSING), overdue, overdue])
    assert f"shop/web (and 1 more): next check overdue since 11:59:30 UTC: {HINT}" in text


def test_a_stream_has_a_line_for_each_change_with_its_time() -> None:
    news, changed = News(), canary(**PROGRESSING | {"canaryWeight": 50})
    overdue = canary(**PROGRESSING | {"nextCheckAt": "2026-01-01T11:59:30Z"})
    told = [
        [str(line) for line in news(found, NOW)]
        for found in ([canary(**PROGRESSING)], [canary(**PROGRESSING)], [changed], [overdue], [])
    ]
    head = "TIME                  NAMESPACE  NAME  PHASE        WEIGHT  REVISION   LAST DECISION"
    same = "2026-01-01T12:00:30Z  shop       web   Progressing  {}     aaa → bbb  {}"
    assert told == [
        [head, same.format("20%", "weight 10 → 20")],
        [],
        [same.format("50%", "weight 10 → 20")],
        [same.format("20%", f"next check overdue since 11:59:30 UTC: {HINT}")],
        ["2026-01-01T12:00:30Z  shop       web   deleted"],
    ]


def test_a_stream_without_canaries_says_so_once() -> None:
    news = News()
    assert [str(line) for line in news([], NOW)] == [
        "No Canaries here. With -A, linnet status looks in all namespaces."
    ]
    assert list(news([], NOW)) == []
    assert len(list(news([canary(**PROGRESSING)], NOW))) == 2


def test_a_narrow_terminal_cuts_nothing_off() -> None:
    revisions = {"promotedRevision": "f4046a6895", "revision": "f145bfd7ba"}
    one = canary(**PROGRESSING | revisions)
    one["metadata"]["name"] = "recommendations"
    assert set(shown([one]).split()) <= set(shown([one], width=80).split())


def test_no_canaries_is_said_in_words() -> None:
    assert "No Canaries here" in shown([])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["status", "web", "-A"], "do not go together"),
        (["status", "--watch", "-o", "json"], "for people"),
        (["status", "--kubeconfig", "/nowhere"], "/nowhere"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code != 0
    assert says in result.output
    assert "Traceback" not in result.output


def test_the_last_request_of_a_person_is_told_with_what_became_of_it() -> None:
    request = {
        "text": "skip-step @bbb",
        "time": "2026-01-01T12:00:10Z",
        "accepted": False,
        "message": 'request "skip-step @bbb" is refused: weight 20 is the last step',
        "present": False,
    }
    text = shown([canary(**PROGRESSING, request=request)], details=True)
    assert 'last request, 20s ago: request "skip-step @bbb" is refused: weight 20' in text


def test_a_paused_release_is_shown_as_one() -> None:
    held = [condition("Progressing", "True", "Paused", "holding at weight 20")]
    assert "Progressing (paused)" in shown([canary(**{**PROGRESSING, "conditions": held})])
