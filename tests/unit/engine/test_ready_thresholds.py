"""How many pods a side needs before it is sent traffic."""

import pytest

from linnet.api.status import Phase
from unit.engine.builders import initialized, world


@pytest.mark.parametrize(
    ("threshold", "lacking", "routed"),
    [
        pytest.param(100, 0, (90, 10), id="all of two are enough for all"),
        pytest.param(100, 1, (100, 0), id="one of two is too few for all"),
        pytest.param(50, 1, (90, 10), id="one of two is enough for a half"),
        pytest.param(51, 1, (100, 0), id="one of two is too few for more than a half"),
        pytest.param(50, 2, (100, 0), id="none is never enough"),
    ],
)
def test_a_canary_gets_its_first_traffic_with_enough_pods(
    threshold: int, lacking: int, routed: tuple[int, int]
) -> None:
    it = initialized(analysis={"canaryReadyThreshold": threshold})
    it.lacking = {"podinfo": lacking}
    it.release("2.0.0")
    it.settle()
    assert it.routed == routed
    it.lacking = {}
    it.pods_changed()
    it.settle()
    assert it.routed == (90, 10)


@pytest.mark.parametrize(("threshold", "begins"), [(100, False), (50, True)])
def test_a_primary_takes_over_with_enough_pods(threshold: int, begins: bool) -> None:
    it = world(analysis={"primaryReadyThreshold": threshold})
    it.lacking = {"podinfo-primary": 1}
    it.pods_changed()
    it.run(5)
    assert it.in_phase(Phase.INITIALIZED if begins else Phase.INITIALIZING)
    it.lacking = {}
    it.pods_changed()
    it.run(5)
    assert it.in_phase(Phase.INITIALIZED)
