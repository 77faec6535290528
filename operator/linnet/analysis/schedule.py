"""When checks are due: on a grid that all Canaries share, so that they can share queries.

Times are seconds since the epoch, spans are seconds.
"""

import math
from typing import Final

SLOTS: Final = 4
"""How many instants of an interval checks may fall on.

The first step of a release is longer by less than a slot: a quarter of an interval, once. With one
slot all checks would fall together, and the first step would take up to twice its time.
"""
_ROUNDING: Final = 1e-6


def spacing(interval: float, scrape: float | None = None) -> float:
    """Return the time between two checks: no less than a scrape, as nothing is new before it."""
    return max(interval, scrape or 0.0)


def first_check(at: float, between: float) -> float:
    """Return when the first check after traffic that begins at `at` is due, `between` apart."""
    slot = between / SLOTS
    return math.ceil((at + between) / slot - _ROUNDING) * slot


def next_check(planned: float, at: float, between: float) -> float:
    """Return when to check after a check that was due at `planned` and came at `at`.

    The schedule is kept; after a pause (a restart, say) a new one begins at `at`.
    """
    following = planned + between
    return following if following > at else first_check(at, between)
