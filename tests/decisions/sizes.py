"""How many releases a cell has."""

from typing import Final

from decisions.cells import Cell

HEALTHY: Final = 10_000
FAULTY: Final = 1_000
QUICK: Final = 50


def releases(cell: Cell, *, quick: bool) -> int:
    """Return how many releases of this cell are played: the rarer what it counts, the more."""
    if quick:
        return QUICK
    return HEALTHY if cell.healthy else FAULTY
