"""What the Canary's status said, and when."""

from demo.record import Record
from linnet.api.status import Phase
from unit.demo.moments import START, canary, decision


def told(*states: dict[str, object]) -> Record:
    record = Record()
    for state in states:
        record.take(state, now=0.0)
    return record


RELEASE = (
    canary("Initialized", at=0),
    canary("Progressing", at=10),
    canary("Progressing", 10, at=12),
    canary("Progressing", 25, at=17),
    canary("Promoting", 25, at=22),
    canary("Finalising", at=23),
    canary("Succeeded", at=28),
)


def test_phases_last_until_the_next_one_began() -> None:
    spans = told(*RELEASE).spans(START + 10, START + 30)
    assert [(span.phase, round(span.seconds, 3)) for span in spans] == [
        (Phase.PROGRESSING, 12.0),
        (Phase.PROMOTING, 1.0),
        (Phase.FINALISING, 5.0),
    ]


def test_a_state_that_is_told_twice_counts_once() -> None:
    once = told(*RELEASE)
    twice = told(*(state for state in RELEASE for _ in range(2)))
    assert (twice.phases, twice.weights) == (once.phases, once.weights)


def test_an_end_counts_only_if_it_came_after_the_release_began() -> None:
    record = told(*RELEASE)
    ended = frozenset({Phase.SUCCEEDED, Phase.FAILED})
    assert record.reached(ended, START + 10)
    assert not record.reached(ended, START + 29), "that is the end of the release before"
    assert not told(*RELEASE[:-1]).reached(ended, START + 10)


def test_the_highest_weight_is_that_of_the_release_asked_for() -> None:
    record = told(*RELEASE, canary("Progressing", 10, at=40), canary("Failed", at=45))
    assert record.highest_weight(START + 10, START + 30) == 25
    assert record.highest_weight(START + 35, START + 50) == 10


def test_decisions_that_the_status_has_dropped_are_kept() -> None:
    record = told(
        canary("Progressing", 10, decisions=[decision(1, "first"), decision(2, "second")]),
        canary("Progressing", 25, decisions=[decision(2, "second"), decision(3, "third")]),
    )
    assert [d.message for d in record.decisions] == ["first", "second", "third"]


def test_a_canary_without_status_says_nothing() -> None:
    record = told({"metadata": {"name": "podinfo"}})
    assert (record.phases, record.weights, record.message) == ([], [], "")


def test_what_stalls_a_canary_is_what_it_says() -> None:
    def condition(kind: str, status: str, message: str) -> dict[str, str]:
        return {
            "type": kind,
            "status": status,
            "reason": "PortMissing",
            "message": message,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }

    progressing = condition("Progressing", "True", "waiting for pods")
    record = told(canary("Initializing", conditions=[progressing]))
    assert record.message == "waiting for pods"
    stalled = condition("Stalled", "True", "no container has this port")
    record.take(canary("Initializing", conditions=[progressing, stalled]), now=0.0)
    assert record.message == "PortMissing: no container has this port"
