"""How many releases a cell has."""

from typing import Final

from decisions.cells import Cell

HEALTHY: Final = 10_000
LESS: Final = 2_000
FAULTY: Final = 1_000
QUICK: Final = 50

RARE: Final = ("both fail", "cold start", "a blip")
"""How rows begin of which fewer releases are enough: something does fail there."""


def releases(cell: Cell, *, quick: bool) -> int:
    """Return how many releases of this cell are played: the rarer what it counts, the more."""
    if quick:
        return QUICK
    if not cell.healthy:
        return FAULTY
    beside = cell.table == "detect" or cell.is_long or cell.scenario.scrape > 5.0
    return LESS if beside or cell.row.startswith(RARE) else HEALTHY
