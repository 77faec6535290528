"""Invariants of the engine over any history."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from linnet.analysis.measurement import Measurement
from linnet.api.status import Phase
from unit.engine.builders import initialized
from unit.engine.world import World

VALUES = st.sampled_from([100.0, 0.0, None])


def _wait(it: World) -> None:
    it.run(7)


def _edit_weight(it: World) -> None:
    for ref, obj in it.objects.items():
        if ref.kind == "VirtualService":
            obj["spec"]["http"][0]["route"][1]["weight"] = 77


def _break_pods(it: World) -> None:
    it.unready = {"2.0.0", "3.0.0"}
    it.pods_changed()


def _mend_pods(it: World) -> None:
    it.unready = set()
    it.pods_changed()


EVENTS: dict[str, Callable[[World], None]] = {
    "release 2": lambda it: it.release("2.0.0"),
    "release 3": lambda it: it.release("3.0.0"),
    "set back": lambda it: it.release("1.0.0"),
    "pause": lambda it: it.edit(paused=True),
    "resume": lambda it: it.edit(paused=False),
    "suspend": lambda it: it.edit(suspend=True),
    "go on": lambda it: it.edit(suspend=False),
    "scale": lambda it: it.scale(4),
    "pods break": _break_pods,
    "pods mend": _mend_pods,
    "weight edited": _edit_weight,
    "wait": _wait,
}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(EVENTS)), max_size=14),
    st.lists(VALUES, min_size=1, max_size=20),
)
def test_any_history_keeps_the_invariants(history: list[str], values: list[float | None]) -> None:
    """Weights sum to 100 and never rise on a failed verdict; every state settles and is defined."""
    it = initialized(progressDeadlineSeconds=60)
    answers = iter(values * 100)

    def measure(query):  # type: ignore[no-untyped-def] # a short stand-in
        value = next(answers)
        absent = "no data" if value is None else None
        return Measurement(query.metric, value=value, absent=absent)

    it.measure = measure
    for event in history:
        EVENTS[event](it)
        it.run(4)
        before = it.canary_object, it.objects
        decision = it.step()
        assert decision.actions == ()
        assert decision.status == it.status
        assert (it.canary_object, it.objects) == before
        assert it.status.phase in set(Phase)
        assert 0 <= it.status.canary_weight <= 100
    weights = [0, *(d.status.canary_weight for d in it.decisions)]
    for decision, before_weight in zip(it.decisions, weights, strict=False):
        records = decision.status.decisions
        if records and records[-1].verdict == "failed" and decision.events:
            assert decision.status.canary_weight <= before_weight
