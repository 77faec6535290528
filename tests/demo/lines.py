"""The demo as lines of a log: what changed, and figures every few seconds."""

from collections.abc import Callable

from demo.figures import Side
from demo.frame import Act, Frame, title
from demo.screen import milliseconds, percent
from demo.story import released, sentence
from linnet.api.status import Phase

FIGURES_EVERY = 5.0


class Lines:
    """Prints each line that a new frame adds to what was said before."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._act: Act | None = None
        self._phase: Phase | None = None
        self._sentence = ""
        self._decisions = 0
        self._figures_at = float("-inf")

    def show(self, frame: Frame) -> None:
        """Take the next frame."""
        if frame.act is not self._act:
            self._act = frame.act
            self._say("")
            self._tell(frame, f"== {title(frame)}")
            if frame.act >= Act.GOOD:  # linnet may have taken notice before the first look
                self._sentence = released(frame)
                self._tell(frame, self._sentence)
        for decision in frame.decisions[self._decisions :]:
            verdict = f"check {decision.verdict}: " if decision.verdict else ""
            self._tell(frame, f"linnet: {verdict}{decision.message}")
        self._decisions = len(frame.decisions)
        if frame.status.phase is not self._phase:
            self._phase = frame.status.phase
            self._tell(frame, f"phase: {self._phase}")
        if (words := sentence(frame)) != self._sentence:
            self._sentence = words
            self._tell(frame, words)
        if frame.act > Act.SETTING_UP and frame.now - self._figures_at >= FIGURES_EVERY:
            self._figures_at = frame.now
            sides = "; ".join(_figures(side) for side in frame.sides if side.requests)
            self._tell(frame, f"requests: {frame.sent:,} sent, {frame.failed:,} failed; {sides}")

    def _tell(self, frame: Frame, text: str) -> None:
        self._say(f"[{frame.elapsed:5.1f} s] {text}")


def _figures(side: Side) -> str:
    return (
        f"{side.name} {side.version} {percent(side.share)} of them,"
        f" {percent(side.succeeded)} succeeded, p99 {milliseconds(side.p99)}"
    )
