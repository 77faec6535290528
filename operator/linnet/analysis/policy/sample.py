"""What the automaton is told: a tile, the lack of one, the result of a check."""

from dataclasses import dataclass
from enum import StrEnum

from linnet.analysis.tiles import Tile
from linnet.api.status import Verdict


class Absence(StrEnum):
    """Why there is nothing to judge by. Also the reason of the condition that says so."""

    NO_TRAFFIC = "NoTraffic"
    NO_DATA = "NoData"
    UNAVAILABLE = "PrometheusUnavailable"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What the threshold metrics said when their check was due: its verdict, and a sentence."""

    verdict: Verdict
    message: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """What became known at one moment.

    `at` is the moment of the decision, in seconds. `end` is when the tile ends, `at` if it is not
    given: the operator reads a tile one scrape later. Tiles come in order; one that ends no later
    than the last is ignored. Those that are caught up after a restart are handed in one by one,
    each with `at` = its end.

    `absent` is the sentence on why there is no data, and `absence` its kind; a tile without
    requests or without a side speaks for itself. `check` is the result of a check that was due.
    `held` is the sentence on why the weight must not grow though all may be well (paused, primary
    not ready, routes not written), `held_by` its reason in CamelCase.
    """

    at: float
    tile: Tile | None = None
    end: float | None = None
    absent: str = ""
    absence: Absence = Absence.UNAVAILABLE
    check: CheckResult | None = None
    held: str = ""
    held_by: str = "Held"
