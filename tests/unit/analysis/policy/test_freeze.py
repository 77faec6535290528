"""How a freeze begins and ends."""

import json

import pytest

from linnet.analysis.policy import Policy, ReleaseState, Sample
from linnet.analysis.policy.ruling import RulingVerdict
from linnet.analysis.tiles import Tile
from unit.analysis.policy.releases import FAILED, METRIC, every, play, policy, started, tile

GOOD = tile()
BAD = tile(canary=(25, 2), primary=(225, 18))
UNSEEN = tile(canary=(25, 0), primary=None)
UNUSED = tile(canary=(25, 0), primary=(0, 0))
RULES = policy()
"""Tiles of 5 s; the check looks back 30 s, less than the minute that a thaw takes."""
FAR_BACK = policy(metrics=[{**METRIC, "interval": "5m"}])


def is_frozen(rules: Policy, tiles: list[Tile]) -> bool:
    ruling = play(rules, started(rules), every(5, tiles))[-1]
    assert (ruling.verdict is RulingVerdict.FREEZE) == (ruling.state.freeze is not None)
    return ruling.verdict is RulingVerdict.FREEZE


@pytest.mark.parametrize(
    ("tiles", "frozen"),
    [
        pytest.param([BAD], True, id="failures beyond doubt freeze"),
        pytest.param(
            [tile(primary=(225, 3))] * 6, False, id="a little more than allowed may be chance"
        ),
        pytest.param([BAD] * 6 + [GOOD] * 11, True, id="55 s of success are not enough"),
        pytest.param([BAD] * 6 + [GOOD] * 12, False, id="a minute of success thaws"),
        pytest.param([BAD] * 60 + [GOOD] * 12, False, id="however long it failed before"),
        pytest.param([BAD] + [GOOD] * 11 + [BAD] + [GOOD] * 11, True, id="the minute begins anew"),
        pytest.param([BAD] * 6 + [GOOD] * 60, False, id="what failed before does not freeze again"),
        pytest.param([BAD] * 6 + [GOOD] * 12 + [BAD] * 2, True, id="what fails afterwards does"),
        pytest.param([BAD] * 6 + [UNUSED] * 60, True, id="without requests nothing is proved"),
        pytest.param(
            [BAD] * 6 + [tile(primary=(225, 3))] * 60, True, id="nor by missing it a little"
        ),
    ],
)
def test_the_primary_freezes_and_thaws_a_release(tiles: list[Tile], frozen: bool) -> None:
    assert is_frozen(RULES, tiles) is frozen


def test_no_check_after_the_thaw_looks_back_at_what_failed() -> None:
    assert is_frozen(FAR_BACK, [BAD] * 6 + [GOOD] * 59)
    assert not is_frozen(FAR_BACK, [BAD] * 6 + [GOOD] * 60)


def test_what_cannot_be_seen_is_no_proof() -> None:
    seen = play(RULES, started(RULES), every(5, [BAD] * 6 + [UNSEEN] * 60))[-1]
    assert seen.state.freeze is not None


def test_failed_checks_count_again_after_the_thaw() -> None:
    last = play(RULES, started(RULES), every(5, [BAD] * 6 + [GOOD] * 12))[-1].state
    after = play(RULES, last, [Sample(95, tile=GOOD, check=FAILED)])[-1]
    assert (after.reason, after.state.failed_checks) == ("CheckFailed", 1)


@pytest.mark.parametrize("good", range(13))
def test_a_restart_changes_nothing(good: int) -> None:
    before = play(RULES, started(RULES), every(5, [BAD] * 6 + [GOOD] * good))[-1].state
    kept = json.loads(json.dumps(before.memory(RULES)))
    after = ReleaseState.resume(RULES, weight=10, next_check=30, since=0, memory=kept)
    rest = every(5, [GOOD] * (13 - good), start=5 * (6 + good))
    assert after.freeze == before.freeze
    assert [r.verdict for r in play(RULES, after, rest)] == [
        r.verdict for r in play(RULES, before, rest)
    ]


def test_it_says_what_it_waits_for() -> None:
    failing = play(RULES, started(RULES), every(5, [BAD] * 6))[-1]
    assert "the primary itself fails 8% of its requests" in failing.message
    mild = tile(primary=(225, 6))
    well = play(RULES, started(RULES), every(5, [mild] * 6 + [GOOD] * 11))[-1]
    assert well.message == (
        "frozen at weight 10: the primary itself failed more than 1% of its requests; it has met"
        " its objective for 55 s"
    )
    assert well.outlook == "steps again once the primary has met its objective for 60 s"
