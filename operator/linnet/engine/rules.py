"""The rules, as a table: the first that applies speaks.

Each rule looks at one situation and returns an outcome, or None where it has nothing to say.
"""

from collections.abc import Callable

from linnet.engine import analysing, handover, idle, lifecycle, promotion, release, requests
from linnet.engine.outcome import NOTHING_NEW, Outcome
from linnet.engine.situation import Situation

Rule = Callable[[Situation], Outcome | None]

RULES: tuple[Rule, ...] = (
    # The Canary's own life
    handover.give_the_routes_back_when_deleted,
    lifecycle.give_back_when_deleted,
    # What a person asks for
    requests.answer_a_request,
    # What keeps linnet from its work
    lifecycle.do_nothing_while_suspended,
    handover.hold_while_the_primary_serves_nothing,
    lifecycle.stop_when_the_target_is_gone,
    lifecycle.stall_on_a_problem_at_rest,
    handover.begin_with_what_serves,
    handover.go_on_from_the_weight_that_was_found,
    lifecycle.bootstrap_the_primary,
    # A revision on its way
    handover.end_when_both_run_the_same,
    handover.note_a_primary_that_changed,
    release.abort_when_set_back_to_the_promoted_revision,
    promotion.turn_back_when_set_back_while_promoting,
    release.start_over_on_another_revision,
    handover.serve_until_the_handover,
    promotion.wait_for_the_primary,
    promotion.shift_back_to_the_primary,
    release.take_weight_off_pods_that_are_gone,
    handover.wait_for_the_target_to_be_scaled_up,
    release.wait_for_the_canary,
    analysing.send_first_traffic,
    analysing.analyse,
    # At rest
    idle.clear_a_failure_that_was_set_back,
    idle.follow_a_renamed_revision,
    idle.start_on_a_new_revision,
    idle.take_over_a_new_size,
    idle.drain_once_the_routes_are_written,
    idle.finish_draining,
    idle.say_again_what_was_decided,
)


def first_that_applies(situation: Situation) -> Outcome:
    """Return the outcome of the first rule that speaks."""
    for rule in RULES:
        outcome = rule(situation)
        if outcome is not None:
            return outcome
    return NOTHING_NEW
