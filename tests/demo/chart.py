"""The canary's weight over time, as block characters. Pure."""

from collections.abc import Sequence
from functools import partial
from itertools import groupby

from rich.text import Text

from demo.frame import Frame

LABEL = 7
"""Characters left of the chart."""
SHORTEST_SPAN = 75.0
"""Seconds that the chart is wide at least."""
_BLOCKS = " ▁▂▃▄▅▆▇█"


def columns(
    steps: Sequence[tuple[float, int]], began: float, seconds: float, now: float, width: int
) -> list[int | None]:
    """Return the highest value within each of `width` equal parts of the time; None: not yet.

    `steps` are times and values, oldest first; a value holds until the next one.
    """
    part = seconds / width
    found: list[int | None] = []
    for number in range(width):
        start, end = began + number * part, began + (number + 1) * part
        if start > now:
            found.append(None)
            continue
        within = [value for at, value in steps if start < at <= end and at <= now]
        earlier = [value for at, value in steps if at <= start]
        found.append(max([*within, *earlier[-1:]], default=0))
    return found


def bars(values: Sequence[int | None], top: int, height: int) -> list[str]:
    """Return `height` rows of text, highest first; a value of `top` fills a column."""
    eighths = [0 if not v else max(1, round(v / top * height * 8)) for v in values]
    rows = []
    for row in reversed(range(height)):
        levels = (min(8, max(0, total - 8 * row)) for total in eighths)
        rows.append("".join(_BLOCKS[level] for level in levels))
    return rows


def chart(frame: Frame, width: int, height: int) -> list[Text]:
    """Return `height` rows of the weight over time, and one that names the releases."""
    cells = width - LABEL
    span = max(SHORTEST_SPAN, frame.elapsed)
    top = max((*frame.ladder, *(weight for _, weight in frame.weights)), default=100)
    values = columns(frame.weights, frame.began, span, frame.now, cells)
    rows = []
    for number, row in enumerate(bars(values, top, height)):
        lowest = number == height - 1
        label = f"{top:3} %  " if number == 0 else "  0 %  " if lowest else " " * LABEL
        text = Text.assemble((label, "dim"))
        for style, cell in groupby(range(cells), partial(_style, frame, values, span)):
            characters = "".join(row[number] for number in cell)
            text.append(
                characters.replace(" ", "▁") if lowest and style == "dim" else characters,
                style=style,
            )
        rows.append(text)
    return [*rows, _markers(frame, cells, span)]


def _style(frame: Frame, values: Sequence[int | None], span: float, cell: int) -> str:
    """Return the style of a column: that of its release, dim where the weight is 0."""
    if values[cell] is None:
        return ""
    return (
        _release_colour(frame, frame.began + (cell + 1) * span / len(values))
        if values[cell]
        else "dim"
    )


def _release_colour(frame: Frame, at: float) -> str:
    bad = [is_bad for began, _, is_bad in frame.releases if began <= at]
    return "red" if bad and bad[-1] else "green"


def _markers(frame: Frame, cells: int, span: float) -> Text:
    line = [" "] * cells
    for at, version, _ in frame.releases:
        start = min(cells - 1, int((at - frame.began) / span * cells))
        label = f"↑ {version}"
        start = min(start, max(0, cells - len(label)))
        line[start : start + len(label)] = label
    return Text("weight " + "".join(line)[: cells - 1].rstrip(), style="dim")
