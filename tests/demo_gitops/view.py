"""A moment of the demo on a terminal, or as lines of a log."""

from collections.abc import Callable

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo_gitops.frame import Commit, Frame

BAR = 40
COLOURS = {"Synced": "green", "Healthy": "green", "Degraded": "red", "OutOfSync": "yellow"}
LINES_EVERY = 5.0


def render(frame: Frame, width: int) -> RenderableType:
    """Return the screen."""
    half = max(40, (width - 3) // 2)
    return Group(
        Text.assemble(
            (" linnet, Argo CD and Git ", "bold reverse"), f"  {frame.title}  {frame.elapsed:.0f} s"
        ),
        Columns(
            [
                Panel(_commits(frame), title="Git", width=half),
                Panel(_cluster(frame), title="the cluster", width=half),
            ]
        ),
        Panel(_traffic(frame), title="weights and requests", width=2 * half + 1),
    )


def _commits(frame: Frame) -> Table:
    table = Table.grid(padding=(0, 1))
    for commit in frame.commits:
        table.add_row(commit.sha[:7] or "...", commit.message, Text(_synced(commit), style="dim"))
    return table


def _synced(commit: Commit) -> str:
    if commit.synced is None:
        return "syncing"
    return f"synced, {commit.synced - commit.at:.1f} s"


def _cluster(frame: Frame) -> Table:
    table = Table.grid(padding=(0, 2))
    seen = frame.argocd
    shown = Text.assemble(*_coloured(seen.sync), "  ", *_coloured(seen.health)) if seen else ""
    table.add_row("Argo CD", shown)
    table.add_row("", f"{frame.states} states so far, {frame.flashes} flashes of OutOfSync")
    table.add_row("Canary", frame.phase)
    table.add_row("", Text(frame.message, style="dim"))
    return table


def _coloured(word: str) -> tuple[tuple[str, str]]:
    return ((word, COLOURS.get(word, "cyan")),)


def _traffic(frame: Frame) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("weights in Git", _pair(frame.in_git))
    table.add_row("weights that hold", _pair(frame.live) if frame.live else "")
    answered = frame.recent.by_version()
    for version, number in sorted(answered.items()):
        share = number / answered.total()
        bar = Text("█" * round(share * BAR), style="blue")
        table.add_row(f"requests to {version}", Text.assemble(bar, f" {share:.0%}"))
    failed = Text(f"{frame.counts.failed:,} failed", style="red" if frame.counts.failed else "")
    table.add_row("all requests", Text.assemble(f"{frame.counts.sent:,} sent, ", failed))
    return table


def _pair(weights: tuple[int, int]) -> str:
    return f"{weights[0]} : {weights[1]}"


class Lines:
    """Prints what a new frame adds to what was said before."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: dict[str, str] = {}
        self._figures_at = float("-inf")

    def show(self, frame: Frame) -> None:
        """Take the next frame."""
        self._tell(frame, "title", f"== {frame.title}")
        for number, commit in enumerate(frame.commits):
            about = f"git: {commit.message}"
            self._tell(frame, f"commit {number}", about)
            if commit.synced is not None:
                self._tell(frame, f"sync {number}", f"{about}: {commit.sha[:7]} {_synced(commit)}")
        if frame.argocd and frame.argocd.sync:
            seen = frame.argocd
            self._tell(frame, "argocd", f"Argo CD: {seen.sync}, {seen.health}")
        if frame.live:
            text = f"weights: {_pair(frame.live)} (in Git {_pair(frame.in_git)})"
            self._tell(frame, "weights", text)
        if frame.message:
            self._tell(frame, "linnet", f"linnet: {frame.message}")
        if frame.counts.sent and frame.now - self._figures_at >= LINES_EVERY:
            self._figures_at = frame.now
            versions = ", ".join(f"{v}: {n}" for v, n in sorted(frame.recent.by_version().items()))
            counts = f"requests: {frame.counts.sent:,} sent, {frame.counts.failed:,} failed"
            self._tell(frame, "figures", f"{counts}; of the last {len(frame.recent)}, {versions}")

    def _tell(self, frame: Frame, about: str, text: str) -> None:
        if self._said.get(about) != text:
            self._said[about] = text
            self._say(f"[{frame.elapsed:5.1f} s] {text}")
