"""Each moment in a sentence."""

from typing import Any

import pytest

from demo.frame import Act, Frame, title
from demo.story import sentence
from linnet.api.status import CanaryStatus
from unit.demo.moments import START, decision, frame, timestamp


def progressing(weight: int, failed: int = 0) -> dict[str, Any]:
    return {"phase": "Progressing", "canaryWeight": weight, "failedChecks": failed}


def after_an_inconclusive_check() -> Frame:
    status = {
        "startedAt": timestamp(10),
        **progressing(10),
        "decisions": [decision(15, "no requests were seen", "inconclusive")],
    }
    parsed = CanaryStatus.from_object(status)
    return frame(decisions=parsed.decisions, status=status)


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        pytest.param(frame(Act.SETTING_UP), "prepares the app", id="setting up"),
        pytest.param(frame(Act.STEADY), "Version 1.0.0 serves all users: 60 real", id="steady"),
        pytest.param(
            frame(releases=((START + 20, "1.1.0", False),), status={"phase": "Initialized"}),
            "Somebody releases version 1.1.0",
            id="the image is changed, and linnet has yet to notice",
        ),
        pytest.param(
            frame(
                Act.BAD,
                releases=((START + 20, "1.2.0-errors-20", True),),
                status={"phase": "Succeeded"},
            ),
            "Somebody releases version 1.2.0-errors-20",
            id="the end of the release before is not the end of this one",
        ),
        pytest.param(frame(status=progressing(0)), "No user gets it yet", id="pods start"),
        pytest.param(frame(status=progressing(25)), "25 of 100 requests", id="a share of traffic"),
        pytest.param(after_an_inconclusive_check(), "no figures", id="an inconclusive check"),
        pytest.param(
            frame(Act.BAD, status=progressing(10, failed=1)),
            "1 of 2 checks that may fail did. One more, and all users get 1.0.0 back",
            id="a failed check",
        ),
        pytest.param(
            frame(status={"phase": "Promoting"}), "passed every check", id="the primary changes"
        ),
        pytest.param(
            frame(status={"phase": "Finalising"}), "1.1.0 serves all users", id="finalising"
        ),
        pytest.param(frame(status={"phase": "Succeeded"}), "not one request failed", id="promoted"),
        pytest.param(
            frame(status={"phase": "Succeeded"}, failed_here=3),
            "3 requests failed",
            id="promoted at a price",
        ),
        pytest.param(
            frame(Act.BAD, status={"phase": "Failed"}, failed_here=1),
            "all users get version 1.0.0 again. Meanwhile 1 request failed.",
            id="taken back",
        ),
        pytest.param(
            frame(status={"phase": "Terminating"}, message="the target was deleted"),
            "the target was deleted",
            id="anything else in linnet's words",
        ),
    ],
)
def test_a_moment_is_told_in_words(moment: Frame, words: str) -> None:
    assert words in sentence(moment)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("1.1.0", "a good version"),
        ("1.2.0-errors-20", "which fails 20 % of requests"),
        ("1.2.0-slow-300-errors-0.5", "which fails 0.5 % of requests and is 300 ms slower"),
        ("1.2.0-resets-100", "which drops 100 % of requests"),
        ("1.2.0-never-ready", "which never gets ready"),
        ("1.2.0-crash", "which crashes"),
        ("1.2.0-slow-start-5", "which takes 5 s to start"),
    ],
)
def test_the_title_says_what_a_version_is_like(version: str, words: str) -> None:
    assert title(frame(Act.BAD, version=version)) == f"Release 2 of 2: {version}, {words}"
