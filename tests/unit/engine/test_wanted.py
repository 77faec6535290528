"""What is asked of Prometheus, and as of when."""

from datetime import timedelta

import pytest

from linnet.engine import wanted
from unit.engine.builders import initialized


@pytest.mark.parametrize(
    ("late", "asked_late"),
    [
        pytest.param(0, 0, id="a check on time"),
        pytest.param(1.3, 0, id="one that comes a little late asks what the others asked"),
        pytest.param(5, 5, id="one that comes much later asks for what is now"),
    ],
)
def test_checks_that_fall_together_ask_the_same(late: float, asked_late: float) -> None:
    it = initialized(analysis={"interval": "1m"})
    it.release("2.0.0")
    it.settle()
    due = it.status.next_check_at
    assert due is not None
    wants = wanted(it.canary, it.followed(), due + timedelta(seconds=late))
    assert [query.at - due for query in wants.measurements] == [timedelta(seconds=asked_late)]
    assert [query.window for query in wants.measurements] == [timedelta(minutes=1)]


def test_nothing_is_asked_before_a_check_is_due_but_tiles() -> None:
    it = initialized(analysis={"interval": "1m"})
    it.release("2.0.0")
    it.run(30)
    wants = wanted(it.canary, it.followed(), it.now)
    assert wants.measurements == ()
    assert wants.watch is not None
    assert (wants.watch.canary, wants.watch.primary) == ("podinfo", "podinfo-primary")
    assert it.progress is not None
    assert wants.since == it.progress.state.last_tile
