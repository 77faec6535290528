"""What scrapes see of a release that begins between two of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from linnet.analysis.tiles import Tile
from linnet.simulation.behaviour import Behaviour, Change
from linnet.simulation.traffic import Traffic
from linnet.simulation.trial import Outcome
from linnet.simulation.world import Scenario, World


@dataclass
class Onlooker:
    """A decider, and its trial, that lets a tenth of the requests go to the canary for good."""

    name: str = "onlooker"
    looks_back: int = 0
    weight: int = 10
    outcome: Outcome = Outcome.UNDECIDED
    reason: str = ""
    times: list[float] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)

    def start(self, before: Sequence[Tile]) -> "Onlooker":
        return self

    def see(self, at: float, tile: Tile, durations: Sequence[float]) -> None:
        self.times.append(at)
        self.tiles.append(tile)


@pytest.mark.parametrize(
    ("first", "times", "requests", "failing"),
    [
        pytest.param(
            1.0, [5, 10, 15], [500, 500, 500], [0.8, 0, 0], id="with a scrape: one tile has it all"
        ),
        pytest.param(
            0.4, [2, 7, 12], [200, 500, 500], [1, 0.4, 0], id="two seconds before one: two share it"
        ),
    ],
)
def test_a_cold_start_of_four_seconds_as_scrapes_see_it(
    first: float, times: list[float], requests: list[float], failing: list[float]
) -> None:
    cold = Behaviour(0.0, (Change(1.0, end=4.0),))
    decider = Onlooker()
    scenario = Scenario(Traffic(1_000), Behaviour(0.0), cold, 5.0, first=first)
    run = World(scenario, decider, 15.0).play("1")
    assert decider.times == times
    assert run.seconds == times[-1]
    canary = [tile.canary for tile in decider.tiles if tile.canary]
    assert [seen.requests for seen in canary] == pytest.approx(requests, rel=0.15)
    assert [seen.errors / seen.requests for seen in canary] == pytest.approx(failing, abs=0.1)
    # The primary has served what came before the release, too.
    everything = [tile.primary.requests for tile in decider.tiles if tile.primary]
    assert [c.requests + p for c, p in zip(canary, everything, strict=True)] == pytest.approx(
        [5_000] * 3, rel=0.1
    )
