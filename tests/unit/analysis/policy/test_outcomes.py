"""Whole releases on traffic from a seed: what is taken back, and how soon.

Of moderate size, so that a broken guard is found in seconds; `make bench-decisions` measures.
"""

from random import Random
from statistics import median
from typing import Any

import pytest

from linnet.analysis.policy import RulingVerdict
from unit.analysis.policy.releases import Traffic, policy, release

STEPS: dict[str, Any] = {"interval": "60s", "stepWeights": [10, 20, 30, 40, 50]}


@pytest.mark.parametrize("seconds", [5, 15])
@pytest.mark.parametrize(
    "traffic",
    [
        pytest.param(Traffic(5), id="little traffic"),
        pytest.param(Traffic(50), id="independent errors"),
        pytest.param(Traffic(500), id="much traffic"),
        pytest.param(Traffic(50, cluster=5), id="errors in clusters of five"),
        pytest.param(Traffic(500, cluster=20), id="errors in clusters of twenty"),
        pytest.param(Traffic(50, cold=0.2, cold_seconds=10), id="a cold start, 20% for 10 s"),
        pytest.param(Traffic(500, cold=0.5, cold_seconds=10), id="a cold start, 50% for 10 s"),
        pytest.param(Traffic(50, primary=0, canary=0.004), id="below the floor"),
        pytest.param(Traffic(50, primary=0.02, canary=0.025), id="as bad as the primary"),
    ],
)
def test_a_healthy_canary_is_not_taken_back(traffic: Traffic, seconds: float) -> None:
    rules, random = policy(seconds, **STEPS), Random(1)
    ends = [release(rules, traffic, random).verdict for _ in range(40)]
    assert ends.count(RulingVerdict.ROLLBACK) <= 1


@pytest.mark.parametrize(
    ("traffic", "seconds", "within"),
    [
        pytest.param(Traffic(50, canary=1.0), 5, 10, id="everything fails: two scrapes"),
        pytest.param(Traffic(50, canary=1.0), 15, 30, id="everything fails, scraped each 15 s"),
        pytest.param(Traffic(500, canary=0.2), 5, 25, id="a fifth fails"),
        pytest.param(Traffic(500, canary=0.05), 5, 30, id="5% fail, much traffic"),
        pytest.param(Traffic(50, canary=0.05), 5, 70, id="5% fail"),
        pytest.param(Traffic(50, canary=0.02), 15, 180, id="2% fail"),
        pytest.param(Traffic(5, canary=0.2), 5, 100, id="a fifth fails, little traffic"),
        pytest.param(
            Traffic(50, canary=0.1, cluster=5), 5, 90, id="10% fail, errors come in clusters"
        ),
    ],
)
def test_a_bad_canary_is_taken_back_in_time(
    traffic: Traffic, seconds: float, within: float
) -> None:
    rules, random = policy(seconds, **STEPS), Random(1)
    ends = [release(rules, traffic, random) for _ in range(21)]
    assert all(end.verdict is RulingVerdict.ROLLBACK for end in ends)
    assert median(end.at for end in ends) <= within


def test_a_primary_that_fails_itself_is_no_reason_to_blame_the_canary() -> None:
    end = release(policy(5, **STEPS), Traffic(50, primary=0.05, canary=0.05), Random(1))
    assert end.verdict is RulingVerdict.FREEZE
    assert end.weight == 10


@pytest.mark.parametrize(
    ("traffic", "verdict", "failed"),
    [
        pytest.param(Traffic(50), RulingVerdict.PROMOTE, 60, id="healthy"),
        pytest.param(Traffic(500, canary=1.0), RulingVerdict.ROLLBACK, 80, id="everything fails"),
        pytest.param(Traffic(500, canary=0.05), RulingVerdict.ROLLBACK, 40, id="5% fail"),
    ],
)
def test_a_ramp_keeps_failures_near_its_budget(
    traffic: Traffic, verdict: RulingVerdict, failed: float
) -> None:
    rules = policy(5, ramp={"exposureBudget": 20}, promotion={"evidence": True})
    random = Random(1)
    ends = [release(rules, traffic, random) for _ in range(9)]
    assert all(end.verdict is verdict for end in ends)
    assert median(end.exposure.errors for end in ends) <= failed
    assert all(end.at >= 300 for end in ends if end.verdict is RulingVerdict.PROMOTE)
