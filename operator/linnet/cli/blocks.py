"""Small charts of block characters. Pure."""

from collections.abc import Sequence

_BLOCKS = " ▁▂▃▄▅▆▇█"


def columns(values: Sequence[float], height: int, top: float | None = None) -> list[str]:
    """Return `height` rows of text, highest first, one column for each value; `top` fills one.

    A value above 0 shows as an eighth of a character at least.
    """
    top = top or max(values, default=0.0) or 1.0
    eighths = [max(1, round(v / top * height * 8)) if v > 0 else 0 for v in values]
    return [
        "".join(_BLOCKS[min(8, max(0, total - 8 * row))] for total in eighths)
        for row in reversed(range(height))
    ]


def resample(values: Sequence[float], width: int) -> list[float]:
    """Return `width` values that stand for all: each is the one at its place."""
    if not values:
        return []
    return [values[min(len(values) - 1, k * len(values) // width)] for k in range(width)]


def histogram(values: Sequence[float], step: float, most: int) -> tuple[list[int], float, float]:
    """Return how many values fall into equal bins, where the first begins, and their width.

    Values are multiples of `step`: each gets a bin of its own, or several share one where there
    would be more than `most`.
    """
    low, high = min(values), max(values)
    multiples = round((high - low) / step) + 1
    width = step * -(-multiples // most)
    start = low - step / 2
    counts = [0] * (int((high - start) / width) + 1)
    for value in values:
        counts[int((value - start) / width)] += 1
    return counts, start, width
