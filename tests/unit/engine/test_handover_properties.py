"""Invariants of a release between two workloads of the user's own, over any history."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from linnet.analysis.measurement import Measurement
from linnet.api.status import Phase
from unit.engine.test_handover import NEW, OLD, at_rest, give, scale, untouched
from unit.engine.world import World


def _break(*names: str) -> Callable[[World], None]:
    def event(it: World) -> None:
        it.unready = set(names)
        it.pods_changed()

    return event


def _roll(*names: str) -> Callable[[World], None]:
    def event(it: World) -> None:
        it.rolling = set(names)
        it.pods_changed()

    return event


def _both_have_pods(it: World) -> None:
    scale(it, OLD, 2)
    scale(it, NEW, 2)


EVENTS: dict[str, Callable[[World], None]] = {
    "the target gets 2": lambda it: give(it, NEW, "2.0.0"),
    "the target gets 3": lambda it: give(it, NEW, "3.0.0"),
    "the target is set back": lambda it: give(it, NEW, it.image(OLD)),
    "the primary gets 2": lambda it: give(it, OLD, "2.0.0"),
    "the primary gets what the target runs": lambda it: give(it, OLD, it.image(NEW)),
    "the primary is reverted": lambda it: give(it, OLD, "1.0.0"),
    "no target": lambda it: scale(it, NEW, 0),
    "no primary": lambda it: scale(it, OLD, 0),
    "both have pods": _both_have_pods,
    "the target breaks": _break(NEW),
    "the primary breaks": _break(OLD),
    "pods mend": _break(),
    "the primary rolls": _roll(OLD),
    "it has rolled": _roll(),
    "endpoints are shown late": lambda it: it.delay_endpoints(),
    "endpoints are up to date": lambda it: it.delay_endpoints(late=False),
    "pause": lambda it: it.edit(paused=True),
    "resume": lambda it: it.edit(paused=False),
    "wait": lambda it: it.run(7),
    "wait long": lambda it: it.run(200),
}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(EVENTS)), max_size=16),
    st.lists(st.sampled_from([100.0, 0.0, None]), min_size=1, max_size=20),
)
def test_any_history_keeps_the_invariants(history: list[str], values: list[float | None]) -> None:
    """No Deployment is written, no side without pods gets traffic that the other could serve.

    Every state settles, and is left again once all is well: in the end one side serves everything.
    """
    it = at_rest(progressDeadlineSeconds=60)
    answers = iter(values * 200)

    def measure(query):  # type: ignore[no-untyped-def] # a short stand-in
        value = next(answers)
        return Measurement(query.metric, value=value, absent=None if value is not None else "none")

    it.measure = measure
    for event in history:
        before, shown = it.status.canary_weight, len(it.decisions)
        EVENTS[event](it)
        it.settle()
        for decision in it.decisions[shown:]:
            weight = decision.status.canary_weight
            if weight < before:
                serving = it.deployment(OLD)["status"]["availableReplicas"]
                served = it.deployment(NEW)["status"]["availableReplicas"]
                assert serving or not served, "traffic was moved to a side that serves nothing"
            before = weight
    mended = ("endpoints are up to date", "pods mend", "it has rolled", "both have pods", "resume")
    for event in mended:
        EVENTS[event](it)
    it.measure = lambda query: Measurement(query.metric, value=100.0)
    it.run(600)
    assert it.status.phase in {Phase.INITIALIZED, Phase.PROMOTING, Phase.SUCCEEDED, Phase.FAILED}
    assert it.routed in {(0, 100), (100, 0)}
    assert (it.routed == (0, 100)) == it.in_phase(Phase.PROMOTING)
    give(it, OLD, it.image(NEW))
    it.run(600)
    assert it.routed == (100, 0)
    assert it.condition("Ready").status == "True"
    assert it.status.revision == it.status.promoted_revision
    assert untouched(it)
