"""What a terminal shows."""

import io

import pytest
from rich.console import Console

from demo.figures import Side
from demo.frame import Act, Frame
from demo.screen import percent, render
from linnet.api.status import CanaryStatus
from unit.demo.moments import START, decision, frame, timestamp

LONG = "request-success-rate: no requests to shop/podinfo were seen by any proxy; " * 3
STATUS = {
    "phase": "Progressing",
    "canaryWeight": 25,
    "failedChecks": 1,
    "nextCheckAt": timestamp(33),
    "decisions": [decision(n, f"{n}: {LONG}", "failed") for n in range(12, 20)],
}
BUSY = frame(
    Act.BAD,
    status=STATUS,
    decisions=CanaryStatus.from_object(STATUS).decisions,
    weights=((START, 0), (START + 12, 10), (START + 17, 25)),
    sides=(
        Side("primary", "1.1.0", 225, 0.75, 1.0, 0.002, 0.0254),
        Side("canary", "1.2.0-errors-20", 75, 0.25, 0.786, 0.003, 0.031),
    ),
    sent=12_345,
    failed=16,
)
MOMENTS = [
    pytest.param(BUSY, id="a bad release"),
    pytest.param(frame(Act.SETTING_UP, at=0), id="nothing is known yet"),
    pytest.param(
        frame(Act.BAD, version="1.2.0-slow-start-10-slow-300-errors-0.5", status=STATUS, at=4000),
        id="a long name, and a long time",
    ),
]


def shown(moment: Frame, width: int = 80, height: int = 24) -> list[str]:
    console = Console(
        width=width, height=height, file=io.StringIO(), color_system=None, force_terminal=True
    )
    console.print(render(moment, width, height))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (250, 70)])
def test_a_moment_fits_on_the_terminal(moment: Frame, width: int, height: int) -> None:
    lines = shown(moment, width, height)
    assert len(lines) <= height
    assert max(len(line.rstrip()) for line in lines) <= width
    assert "Requests so far" in lines[-1], "the last line is there"


def test_all_figures_of_a_moment_are_there() -> None:
    text = "\n".join(shown(BUSY))
    for words in (
        "Release 2 of 2: 1.2.0-errors-20",
        "0:30",
        "Progressing",
        "next check in 3 s",
        "failed checks: 1 of 2",
        " 25 %",
        "0 → 10 → 25 → 50 → all",
        "19: request-success-rate",
        "12,345 sent, 16 failed",
        "Ctrl-C ends the demo",
    ):
        assert words in text
    (primary,) = (line for line in text.splitlines() if line.startswith("  primary"))
    (canary,) = (line for line in text.splitlines() if line.startswith("  canary"))
    assert " ".join(primary.split()) == "primary 1.1.0 225 75.0 % 100.0 % 2 ms 25 ms"
    assert " ".join(canary.split()) == "canary 1.2.0-errors-20 75 25.0 % 78.6 % 3 ms 31 ms"


def test_the_newest_decision_comes_last_and_in_full() -> None:
    status = {"decisions": [decision(1, "first"), decision(2, "second, " + "word " * 20 + "end")]}
    decisions = CanaryStatus.from_object(status).decisions
    text = "\n".join(shown(frame(decisions=decisions)))
    assert text.index("first") < text.index("second") < text.index("end")


def test_figures_are_not_from_before_the_weight_changed() -> None:
    assert "Last 5 s" in "\n".join(shown(frame(weights=((START, 0),))))
    assert "Last 2 s" in "\n".join(shown(frame(at=30, weights=((START + 27.5, 10),))))


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "-"), (0.0, "0.0 %"), (0.25, "25.0 %"), (1.0, "100.0 %"), (0.99999, "99.9 %")],
)
def test_less_than_all_is_never_shown_as_all(share: float | None, text: str) -> None:
    assert percent(share) == text
