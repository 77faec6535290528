"""What a plan takes for granted of the traffic."""

from dataclasses import dataclass
from typing import Any

from linnet.simulation.behaviour import Behaviour
from linnet.simulation.experiment import Circumstances
from linnet.simulation.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is taken for granted of the traffic.

    `rps` are requests a second to both versions together, `errors` the share of them that the
    primary fails, `scrape` the seconds between two scrapes. `source` says where that is from;
    `known` tells that the errors are not a mere assumption.
    """

    rps: float
    errors: float
    scrape: float
    source: str
    known: bool = True

    def to_object(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "rps": round(self.rps, 4),
            "primaryErrors": round(self.errors, 6),
            "scrapeSeconds": self.scrape,
            "source": self.source,
            "known": self.known,
        }

    @property
    def circumstances(self) -> Circumstances:
        """The same, for simulations."""
        behaviour = Behaviour(self.errors)
        return Circumstances(Traffic(self.rps), behaviour, behaviour, self.scrape)
