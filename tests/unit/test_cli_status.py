"""`linnet status`: what a person reads of a Canary."""

from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from linnet.cli import main
from linnet.cli.status import view

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
