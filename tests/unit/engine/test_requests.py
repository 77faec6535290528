"""What a person asks of a release: done once, on the revision it was meant for, or refused."""

import contextlib
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linnet.api.names import LAST_APPLIED_ANNOTATION, REQUEST_ANNOTATION
from linnet.api.request import Request, Verb
from linnet.api.status import MAX_REQUEST, Phase
from linnet.engine import decide
from unit.engine.builders import initialized
from unit.engine.test_handover import NEW, OLD, at_rest, give
from unit.engine.world import World

SLOW = {"analysis": {"interval": "60s", "stepWeights": [10, 20, 30]}}
"""A ladder that only requests climb within the time of these tests."""


def releasing(**spec: Any) -> World:
    """Return a release at its first step, weight 10."""
    it = initialized(**{**SLOW, **spec})
    it.release("2.0.0")
    it.settle()
    assert it.status.canary_weight == 10
    return it


def failed() -> World:
    """Return a release that was taken back, at rest."""
    it = initialized()
    it.release("2.0.0-bad")
    it.run_until(Phase.FAILED)
    it.run(30)
    return it


def ask(it: World, verb: str) -> None:
    """Ask for something on the newest revision, and let linnet work until it has nothing to do."""
    it.ask(f"{verb} @{it.status.revision}")
    it.settle()


def request(it: World) -> Any:
    """Return what the status says of the last request."""
    assert it.status.request is not None
    return it.status.request


def annotated(it: World) -> str | None:
    """Return the request that is in the annotation."""
    return it.canary.metadata.annotations.get(REQUEST_ANNOTATION)


class TestPromote:
    def test_promotes_at_once_and_skips_the_rest_of_the_analysis(self) -> None:
        it = releasing()
        ask(it, "promote")
        assert it.image("podinfo-primary") == "2.0.0"
        assert it.in_phase(Phase.FINALISING)
        assert it.weights == [0, 10, 0]
        assert "Promoting" in it.reasons

    def test_leaves_traffic_where_it_is_until_the_primary_is_ready(self) -> None:
        it = releasing()
        it.ask(f"promote @{it.status.revision}")
        it.step()
        assert it.in_phase(Phase.PROMOTING)
        assert it.routed == (90, 10)

    def test_ends_a_pause(self) -> None:
        it = releasing()
        ask(it, "pause")
        ask(it, "promote")
        it.run_until(Phase.SUCCEEDED)
        assert it.status.paused_revision is None


class TestAbort:
    def test_takes_all_traffic_back_and_leaves_the_revision_alone(self) -> None:
        it = releasing()
        ask(it, "abort")
        assert it.in_phase(Phase.FAILED)
        assert it.routed == (100, 0)
        assert it.condition("Progressing").reason == "Aborted"
        assert it.status.decisions[-1].reason == "Aborted"
        it.run(600)
        assert it.in_phase(Phase.FAILED), "it is not tried again"
        assert it.deployment("podinfo")["spec"]["replicas"] == 0
        it.release("3.0.0")
        it.run_until(Phase.SUCCEEDED)
        assert it.image("podinfo-primary") == "3.0.0"

    def test_works_while_no_check_can_be_made(self) -> None:
        it = initialized()
        it.release("2.0.0-blind")
        it.run(100)
        ask(it, "abort")
        assert it.routed == (100, 0)

    def test_works_before_the_canary_had_any_traffic(self) -> None:
        it = initialized()
        it.unready = {"2.0.0"}
        it.release("2.0.0")
        it.settle()
        ask(it, "abort")
        assert it.in_phase(Phase.FAILED)


class TestPauseAndResume:
    def test_a_pause_holds_the_weight_and_checks_go_on(self) -> None:
        it = initialized()
        it.release("2.0.0")
        it.settle()
        ask(it, "pause")
        assert it.condition("Progressing").reason == "Paused"
        it.run(600)
        assert it.routed == (90, 10)
        assert it.condition("Progressing").reason == "Paused"
        ask(it, "resume")
        it.run_until(Phase.SUCCEEDED)
        assert it.weights == [0, 10, 20, 30, 0]

    def test_a_paused_release_that_fails_is_taken_back(self) -> None:
        it = initialized()
        it.release("2.0.0-bad")
        it.settle()
        ask(it, "pause")
        it.run(60)
        assert it.in_phase(Phase.FAILED)

    def test_a_pause_before_the_first_traffic_keeps_the_canary_without_any(self) -> None:
        it = initialized()
        it.unready = {"2.0.0"}
        it.release("2.0.0")
        it.settle()
        ask(it, "pause")
        it.unready = set()
        it.pods_changed()
        it.run(60)
        assert it.routed == (100, 0)
        assert it.condition("Progressing").reason == "Paused"

    def test_a_pause_ends_with_its_revision(self) -> None:
        it = initialized()
        it.release("2.0.0")
        it.settle()
        ask(it, "pause")
        it.release("3.0.0")
        it.run_until(Phase.SUCCEEDED)
        assert it.image("podinfo-primary") == "3.0.0"

    def test_a_revision_that_comes_back_is_not_paused_any_more(self) -> None:
        it = initialized()
        it.release("2.0.0")
        it.settle()
        ask(it, "pause")
        it.release("1.0.0")
        it.run_until(Phase.SUCCEEDED)
        it.release("2.0.0")
        it.run(100)
        assert it.image("podinfo-primary") == "2.0.0"


class TestRetry:
    def test_releases_the_failed_revision_once_more_from_the_first_step(self) -> None:
        it = failed()
        before = len(it.weights)
        ask(it, "retry")
        assert it.in_phase(Phase.PROGRESSING)
        assert it.status.failed_checks == 0
        it.run_until(Phase.FAILED)
        assert it.weights[before:] == [10, 0]

    def test_can_be_asked_again_with_the_same_words(self) -> None:
        it = failed()
        for _ in range(3):
            ask(it, "retry")
            assert it.in_phase(Phase.PROGRESSING)
            it.run_until(Phase.FAILED)
        assert it.reasons.count("Retried") == 3

    def test_clears_an_abort(self) -> None:
        it = releasing()
        ask(it, "abort")
        ask(it, "retry")
        it.run_until(Phase.SUCCEEDED)


class TestSkipStep:
    def test_goes_up_one_step_now(self) -> None:
        it = releasing()
        ask(it, "skip-step")
        assert it.routed == (80, 20)
        ask(it, "skip-step")
        assert it.routed == (70, 30)
        assert it.status.next_check_at is not None
        assert (it.status.next_check_at - it.now).total_seconds() == 60, "a whole step from now"

    def test_a_paused_release_stays_paused(self) -> None:
        it = releasing()
        ask(it, "pause")
        ask(it, "skip-step")
        it.run(600)
        assert it.routed == (80, 20)


def _at_rest() -> World:
    return initialized()


def _unready() -> World:
    it = initialized()
    it.unready = {"2.0.0"}
    it.release("2.0.0")
    it.settle()
    return it


def _without_a_primary() -> World:
    it = releasing()
    it.unready = {"1.0.0"}
    it.pods_changed()
    return it


def _on_a_ramp() -> World:
    evidence = {"evidence": True}
    analysis = {"interval": "60s", "stepWeights": None, "ramp": {}, "promotion": evidence}
    it = initialized(analysis=analysis)
    it.release("2.0.0")
    it.settle()
    assert it.status.canary_weight
    return it


def _at_the_last_step() -> World:
    it = releasing()
    ask(it, "skip-step")
    ask(it, "skip-step")
    return it


def _paused() -> World:
    it = releasing()
    it.edit(paused=True)
    it.settle()
    return it


def _suspended() -> World:
    it = releasing()
    it.edit(suspend=True)
    it.settle()
    return it


def _promoting() -> World:
    it = releasing()
    it.unready = {"2.0.0"}
    ask(it, "promote")
    assert it.in_phase(Phase.PROMOTING)
    return it


def _asked(verb: str) -> Callable[[], World]:
    def make() -> World:
        it = releasing()
        ask(it, verb)
        return it

    return make


@pytest.mark.parametrize(
    ("make", "verb", "why"),
    [
        pytest.param(_at_rest, "promote", "no release of it is under way", id="promote at rest"),
        pytest.param(_at_rest, "abort", "no release of it is under way", id="abort at rest"),
        pytest.param(_at_rest, "pause", "no release of it is under way", id="pause at rest"),
        pytest.param(_at_rest, "resume", "no release of it is under way", id="resume at rest"),
        pytest.param(_at_rest, "retry", "it has not failed", id="retry what did not fail"),
        pytest.param(_at_rest, "skip-step", "no release of it is under", id="skip-step at rest"),
        pytest.param(releasing, "retry", "still under way", id="retry in mid-run"),
        pytest.param(releasing, "resume", "no request has paused it", id="resume what goes on"),
        pytest.param(_asked("pause"), "pause", "it is paused already", id="pause twice"),
        pytest.param(_asked("abort"), "abort", "ask for retry", id="abort what was taken back"),
        pytest.param(_asked("abort"), "promote", "ask for retry", id="promote what was taken back"),
        pytest.param(_unready, "promote", "not all of its pods are ready", id="promote unready"),
        pytest.param(_unready, "skip-step", "not all of its pods are ready", id="skip to unready"),
        pytest.param(
            _without_a_primary, "abort", "no pod of the primary is ready", id="abort to nothing"
        ),
        pytest.param(_on_a_ramp, "skip-step", "there are no steps", id="skip a step of a ramp"),
        pytest.param(_at_the_last_step, "skip-step", "ask for promote", id="skip the last step"),
        pytest.param(_paused, "promote", "spec.paused is true", id="promote against spec.paused"),
        pytest.param(_paused, "skip-step", "spec.paused is true", id="skip against spec.paused"),
        pytest.param(_paused, "resume", "spec.paused is true", id="resume what spec.paused holds"),
        pytest.param(_suspended, "abort", "spec.suspend is true", id="anything while suspended"),
        pytest.param(_promoting, "promote", "being promoted already", id="promote twice"),
        pytest.param(_promoting, "abort", "set the target back", id="abort a primary that changes"),
        pytest.param(_promoting, "pause", "being promoted already", id="pause a promotion"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(
    make: Callable[[], World], verb: str, why: str
) -> None:
    it = make()
    before = it.status
    ask(it, verb)
    assert not request(it).accepted
    assert why in request(it).message
    assert it.events[-1].reason == "RequestRefused"
    assert why in it.events[-1].message
    assert annotated(it) is None, "the next request can be made"
    for field in ("phase", "canary_weight", "revision", "paused_revision", "decisions"):
        assert getattr(it.status, field) == getattr(before, field)
    assert it.condition("Progressing").reason == next(
        c.reason for c in before.conditions if c.type == "Progressing"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("abort @0123456789", "it is for revision 0123456789", id="another revision"),
        pytest.param("abort", "it has no revision", id="no revision"),
        pytest.param("", "it has no revision", id="nothing"),
        pytest.param("abort @", "it has no revision", id="an empty revision"),
        pytest.param("explode @0123456789", "the verb is none of promote, abort", id="a new verb"),
        pytest.param("ABORT @0123456789", "the verb is none of", id="capitals"),
        pytest.param("x" * 10000, "it has no revision", id="a book"),
        pytest.param("\x00\n@\u2028", "it has no revision", id="rubbish"),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused_and_changes_nothing(text: str, why: str) -> None:
    it = releasing()
    it.ask(text)
    it.settle()
    assert why in request(it).message
    assert len(request(it).text) <= MAX_REQUEST
    assert it.reasons.count("RequestRefused") == 1
    assert it.routed == (90, 10)
    assert annotated(it) is None


def test_a_click_that_comes_late_does_not_hit_the_next_release() -> None:
    it = releasing()
    late = f"promote @{it.status.revision}"
    it.release("3.0.0")
    it.settle()
    it.ask(late)
    it.settle()
    assert it.in_phase(Phase.PROGRESSING)
    assert f"the newest is {it.status.revision}" in request(it).message


def test_a_click_between_a_commit_and_its_release_does_not_promote_the_old_revision() -> None:
    it = releasing()
    it.ask(f"promote @{it.status.revision}")
    it.release("3.0.0")
    it.settle()
    assert not request(it).accepted
    assert it.image("podinfo-primary") == "1.0.0"


@pytest.mark.parametrize("verb", list(Verb))
def test_a_crash_between_the_status_and_the_annotation_acts_on_nothing_twice(verb: Verb) -> None:
    it = failed() if verb is Verb.RETRY else releasing()
    if verb is Verb.RESUME:
        ask(it, "pause")
    it.ask(f"{verb} @{it.status.revision}")
    decision = decide(it.canary, it.observation(), it.now)
    assert it.canary_object is not None
    it.canary_object["status"] = decision.status.to_object()  # and here it is killed
    told = it.reasons.count("RequestRefused")
    it.settle()
    assert request(it).accepted
    assert it.reasons.count("RequestRefused") == told
    assert annotated(it) is None
    assert not request(it).present
    if verb is Verb.SKIP_STEP:
        assert it.status.canary_weight == 20


def test_the_same_words_are_a_new_request_once_the_first_was_handled() -> None:
    it = releasing()
    for weight in (20, 30):
        ask(it, "skip-step")
        assert it.status.canary_weight == weight


class TestARequestInAnAppliedManifest:
    """Somebody keeps putting it back: it is handled once, and left where it is."""

    @staticmethod
    def _client_side(it: World, text: str) -> None:
        applied = {"metadata": {"annotations": {REQUEST_ANNOTATION: text}}}
        assert it.canary_object is not None
        meta = it.canary_object["metadata"]
        meta.setdefault("annotations", {})[LAST_APPLIED_ANNOTATION] = json.dumps(applied)
        it.ask(text)

    @staticmethod
    def _server_side(it: World, text: str) -> None:
        fields: dict[str, Any] = {"f:metadata": {"f:annotations": {f"f:{REQUEST_ANNOTATION}": {}}}}
        assert it.canary_object is not None
        it.canary_object["metadata"]["managedFields"] = [
            {"manager": "m", "operation": "Update", "fieldsV1": {"f:status": {}}},
            {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": fields},
        ]
        it.ask(text)

    @pytest.mark.parametrize("how", ["client_side", "server_side"])
    def test_is_handled_once_and_stays(self, how: str) -> None:
        it = releasing()
        text = f"skip-step @{it.status.revision}"
        getattr(self, f"_{how}")(it, text)
        it.settle()
        assert it.status.canary_weight == 20
        assert annotated(it) == text
        it.run(30)
        assert it.status.canary_weight == 20

    @pytest.mark.parametrize("how", ["client_side", "server_side"])
    def test_is_not_new_when_it_is_put_back_after_a_click(self, how: str) -> None:
        it = releasing()
        declared = f"skip-step @{it.status.revision}"
        getattr(self, f"_{how}")(it, declared)
        it.settle()
        assert it.canary_object is not None
        it.canary_object["metadata"].pop("managedFields", None)
        ask(it, "pause")
        assert it.status.paused_revision == it.status.revision
        assert annotated(it) is None, "a click is taken away"
        getattr(self, f"_{how}")(it, declared)
        it.settle()
        assert annotated(it) == declared
        assert it.status.canary_weight == 20

    def test_that_another_manifest_replaces_is_a_new_one(self) -> None:
        it = releasing()
        self._client_side(it, f"skip-step @{it.status.revision}")
        it.settle()
        self._client_side(it, f"abort @{it.status.revision}")
        it.settle()
        assert it.in_phase(Phase.FAILED)

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"metadata": []}', "[" * 100_000])
    def test_is_not_taken_for_one_where_the_annotation_of_apply_is_broken(self, text: str) -> None:
        it = releasing()
        assert it.canary_object is not None
        it.canary_object["metadata"].setdefault("annotations", {})[LAST_APPLIED_ANNOTATION] = text
        ask(it, "abort")
        assert annotated(it) is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["release 2", "release 3", "set back", "fail", "crash", "wait"]),
            st.sampled_from([str(verb) for verb in Verb]),
            st.text(max_size=20),
        ),
        max_size=16,
    )
)
def test_any_history_of_requests_keeps_the_invariants(history: list[str]) -> None:
    """Every request is answered and taken away; traffic goes only where pods are ready."""
    it = initialized()
    for event in history:
        if event.startswith("release "):
            it.release(f"{event[-1]}.0.0")
        elif event == "set back":
            it.release("1.0.0")
        elif event == "fail":
            it.release("4.0.0-bad")
        elif event == "crash":
            it.unready ^= {"2.0.0"}
            it.pods_changed()
        elif event == "wait":
            it.run(7)
        else:
            known = event in set(Verb)
            it.ask(f"{event} @{it.status.revision}" if known else event)
            it.settle()
            assert annotated(it) is None
            assert not request(it).present
        it.run(3)
        before = copy.deepcopy((it.canary_object, it.objects))
        decision = it.step()
        assert decision.actions == ()
        assert (it.canary_object, it.objects) == before


@given(st.sampled_from(list(Verb)), st.from_regex(r"[a-z0-9]{1,63}", fullmatch=True))
def test_a_request_reads_as_it_is_written(verb: Verb, revision: str) -> None:
    request = Request(verb, revision)
    assert Request.parse(str(request)) == request


@given(st.text())
def test_no_text_makes_reading_fail_in_another_way(text: str) -> None:
    with contextlib.suppress(ValueError):
        Request.parse(text)


class TestWithTwoDeploymentsOfTheUsersOwn:
    """linnet writes neither of them, so a release waits for Git at full weight."""

    @staticmethod
    def _under_analysis() -> World:
        it = at_rest(**SLOW)
        give(it, NEW, "2.0.0")
        it.settle()
        assert it.status.canary_weight == 10
        return it

    def test_promote_gives_everything_to_the_target_and_waits_for_git(self) -> None:
        it = self._under_analysis()
        ask(it, "promote")
        assert it.in_phase(Phase.PROMOTING)
        assert it.routed == (0, 100)
        assert it.condition("Progressing").reason == "WaitingForPrimary"

    def test_what_waits_for_git_can_be_aborted_and_tried_again(self) -> None:
        it = self._under_analysis()
        ask(it, "promote")
        ask(it, "abort")
        assert it.in_phase(Phase.FAILED)
        assert it.routed == (100, 0)
        it.run(600)
        assert it.in_phase(Phase.FAILED)
        ask(it, "retry")
        assert it.routed == (90, 10)

    def test_a_handover_that_was_committed_is_not_aborted(self) -> None:
        it = self._under_analysis()
        ask(it, "promote")
        it.unready = {"2.0.0"}
        give(it, OLD, "2.0.0")
        ask(it, "abort")
        assert not request(it).accepted
        assert it.in_phase(Phase.PROMOTING)
