"""How many releases a cell has."""

from typing import Final

from decisions.cells import Cell

HEALTHY: Final = 10_000
LESS: Final = 2_000
FAULTY: Final = 1_000
QUICK: Final = 50


def releases(cell: Cell, *, quick: bool) -> int:
    """Return how many releases of this cell are played: the rarer what it counts, the more.

    Fewer where healthy ones are shown beside faulty ones only.
    """
    if quick:
        return QUICK
    if not cell.healthy:
        return FAULTY
    return LESS if cell.table == "detect" else HEALTHY
