"""The status survives whatever it meets."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from linnet.api.canary import Canary
from linnet.api.status import (
    CanaryStatus,
    Condition,
    DecisionRecord,
    MeasurementRecord,
    Phase,
    Verdict,
)
from unit.api.specs import MINIMAL, canary

NOON = datetime(2026, 1, 31, 12, 0, 0, 250000, tzinfo=UTC)


def decision(number: int = 1, **more: Any) -> DecisionRecord:
    return DecisionRecord(time=NOON, weight=10, reason=f"Reason{number}", **more)


FULL = CanaryStatus(
    phase=Phase.PROGRESSING,
    observed_generation=2,
    canary_weight=10,
    failed_checks=1,
    revision="0123456789",
    promoted_revision="abcdefabcd",
    replicas=3,
    started_at=NOON,
    traffic_since=NOON,
    next_check_at=NOON,
    deadline=NOON,
    drain_until=NOON,
    last_transition_time=NOON,
    conditions=(
        Condition(
            type="Ready",
            status="True",
            reason="Advanced",
            message="all is well",
            last_transition_time=NOON,
            observed_generation=2,
        ),
    ),
    decisions=(
        decision(
            verdict=Verdict.PASSED,
            message="weight 0 → 10",
            measurements=(
                MeasurementRecord(
                    name="request-success-rate",
                    value="99.9 %",
                    verdict=Verdict.PASSED,
                    message="at least 99",
                ),
            ),
        ),
    ),
)


def test_what_is_written_is_read_back() -> None:
    assert CanaryStatus.from_object(FULL.to_object()) == FULL


def test_it_is_written_as_kubernetes_has_it() -> None:
    obj = CanaryStatus(phase=Phase.FAILED, last_transition_time=NOON).to_object()
    assert obj == {
        "phase": "Failed",
        "canaryWeight": 0,
        "failedChecks": 0,
        "lastTransitionTime": "2026-01-31T12:00:00.250000Z",
        "conditions": [],
        "decisions": [],
    }


def test_times_are_in_utc() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=5)))
    assert CanaryStatus(deadline=there).deadline == NOON
    assert CanaryStatus(deadline=there).to_object()["deadline"] == "2026-01-31T12:00:00.250000Z"


def test_times_without_microseconds_are_read() -> None:
    read = CanaryStatus.from_object({"deadline": "2026-01-31T12:00:00Z"})
    assert read.deadline == NOON.replace(microsecond=0)


@pytest.mark.parametrize(
    ("broken", "rest"),
    [
        pytest.param({"phase": "WaitingForGodot"}, {}, id="an unknown phase"),
        pytest.param(
            {"phase": 7, "canaryWeight": 5}, {"canaryWeight": 5}, id="a phase of a number"
        ),
        pytest.param({"canaryWeight": 500}, {}, id="a weight out of range"),
        pytest.param({"failedChecks": "many"}, {}, id="a count in words"),
        pytest.param({"deadline": "tomorrow"}, {}, id="a time in words"),
        pytest.param({"deadline": "2026-01-31T12:00:00"}, {}, id="a time without a zone"),
        pytest.param({"conditions": "none"}, {}, id="conditions that are no list"),
        pytest.param({"conditions": {"type": "Ready"}}, {}, id="conditions that are an object"),
        pytest.param({"iterations": 3}, {}, id="a field of another version"),
        pytest.param({"phase": None, "revision": None}, {}, id="nulls"),
    ],
)
def test_what_is_broken_counts_as_absent(broken: dict[str, Any], rest: dict[str, Any]) -> None:
    good = {"revision": "0123456789"} if "revision" not in broken else {}
    assert CanaryStatus.from_object(broken | good) == CanaryStatus.from_object(rest | good)


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param(None, id="nothing"),
        pytest.param("ok", id="a string"),
        pytest.param([], id="a list"),
        pytest.param({}, id="an empty object"),
    ],
)
def test_a_status_that_is_none_is_empty(obj: Any) -> None:
    assert CanaryStatus.from_object(obj) == CanaryStatus()


def test_only_broken_items_of_lists_are_lost() -> None:
    obj = FULL.to_object()
    good = obj["decisions"][0]
    obj["decisions"] = [
        {"time": "never", "weight": 1, "reason": "A"},
        good,
        "nonsense",
        {**good, "reason": "Second", "measurements": [{"name": "x"}, {"verdict": "passed"}]},
        {"weight": 10},
    ]
    obj["conditions"].append({"type": "Stalled"})
    read = CanaryStatus.from_object(obj)
    assert [record.reason for record in read.decisions] == ["Reason1", "Second"]
    assert read.decisions[0] == FULL.decisions[0]
    assert read.decisions[1].measurements == ()
    assert read.conditions == FULL.conditions


def test_of_too_many_decisions_the_newest_are_kept() -> None:
    many = tuple(decision(n) for n in range(14))
    kept = [f"Reason{n}" for n in range(4, 14)]
    assert [d.reason for d in CanaryStatus(decisions=many).decisions] == kept
    grown = FULL.model_copy(update={"decisions": many}).to_object()
    assert [d["reason"] for d in grown["decisions"]] == kept


def test_of_too_many_decisions_a_broken_one_is_dropped() -> None:
    records = [decision(n).model_dump(mode="json", by_alias=True) for n in range(12)]
    records[6] = {"reason": "Broken"}
    read = CanaryStatus.from_object({"decisions": records})
    assert [d.reason for d in read.decisions] == [
        f"Reason{n}" for n in (2, 3, 4, 5, 7, 8, 9, 10, 11)
    ]


def test_a_message_that_is_too_long_is_cut() -> None:
    cut = decision(message="x" * 5000).message
    assert len(cut) == 1024
    assert cut.endswith("x…")


def test_a_broken_status_does_not_break_the_canary() -> None:
    obj = {**canary(MINIMAL), "status": {"phase": "Odd", "canaryWeight": 20}}
    read = Canary.from_object(obj)
    assert read.status == CanaryStatus(canary_weight=20)
