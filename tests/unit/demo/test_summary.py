"""What happened, and whether it was what the demo promises."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from cluster.traffic import Request
from demo.record import Record
from demo.summary import Release, Result, claims, exposure, view
from linnet.api.status import Phase
from unit.demo.moments import START, canary, request, traffic, unanswered

GOOD, BAD = "1.1.0", "1.2.0-errors-20"
REQUESTS = [
    *(request(n) for n in range(10)),
    *(request(10 + n / 2, GOOD if n % 2 else "1.0.0", canary=bool(n % 2)) for n in range(20)),
    *(request(20 + n / 2, GOOD) for n in range(40)),
    request(41, BAD, canary=True),
    request(42.5, BAD, canary=True, ok=False),
    request(44, BAD, canary=True),
    *(request(46 + n / 2, GOOD) for n in range(20)),
]


def record() -> Record:
    told = Record()
    for state in (
        canary("Initialized"),
        canary("Progressing", 0, at=10),
        canary("Progressing", 10, at=11),
        canary("Progressing", 25, at=15),
        canary("Promoting", 25, at=20),
        canary("Finalising", 0, at=21.5),
        canary("Succeeded", 0, at=26.5),
        canary("Progressing", 10, at=40),
        canary("Failed", 0, at=45),
    ):
        told.take(state, now=0.0)
    return told


def release(version: str, began: float, ended: float, outcome: Phase, before: str) -> Release:
    return Release(
        version, before, version == BAD, START + began, START + ended, outcome, START + ended + 5
    )


def result(*more: Request) -> Result:
    return Result(
        traffic(*REQUESTS, *more),
        record(),
        release(GOOD, 10, 26.5, Phase.SUCCEEDED, "1.0.0"),
        release(BAD, 40, 45, Phase.FAILED, GOOD),
        f"stefanprodan/podinfo:{GOOD}",
    )


def text(found: Result, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(view(found))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_all_came_true() -> None:
    assert result().ok
    assert "✘" not in text(result())


def with_bad_promoted() -> Result:
    found = result()
    return replace(found, bad=replace(found.bad, outcome=Phase.SUCCEEDED))


def with_good_taken_back() -> Result:
    found = result()
    return replace(found, good=replace(found.good, outcome=Phase.FAILED))


def without_traffic_after_the_end() -> Result:
    found = result()
    return replace(found, requests=found.requests.between(0, START + 45))


def without_the_good_version() -> Result:
    found = result()
    return replace(found, requests=traffic(*(r for r in found.requests if r.version != GOOD)))


@pytest.mark.parametrize(
    ("found", "claim"),
    [
        pytest.param(with_good_taken_back(), 0, id="the good version was taken back"),
        pytest.param(
            replace(result(), primary_image="stefanprodan/podinfo:1.0.0"),
            0,
            id="the primary runs another version than the status says",
        ),
        pytest.param(without_the_good_version(), 0, id="no request ever reached the good version"),
        pytest.param(result(request(15, "1.0.0", ok=False)), 1, id="one failed in the good one"),
        pytest.param(result(unanswered(30)), 1, id="one failed just after the good one"),
        pytest.param(with_bad_promoted(), 2, id="the bad version was promoted"),
        pytest.param(result(request(47, BAD, canary=True)), 3, id="the bad version still answers"),
        pytest.param(result(unanswered(50)), 3, id="one fails after the rollback"),
        pytest.param(without_traffic_after_the_end(), 3, id="nobody looked after the rollback"),
        pytest.param(result(unanswered(43)), 4, id="one failed that no pod answered"),
        pytest.param(result(request(43, GOOD, ok=False)), 4, id="the primary failed one"),
    ],
)
def test_a_promise_that_is_broken_is_told_and_the_demo_fails(found: Result, claim: int) -> None:
    verdicts = [c.true for c in claims(found)]
    assert not verdicts[claim]
    assert not found.ok
    assert f"✘ not true: {claims(found)[claim].text}" in text(found, width=300)


def test_the_summary_counts() -> None:
    lines = [line.split() for line in text(result()).splitlines()]
    assert "Summary: 93 requests in 56 s" in text(result())
    assert ["1.0.0", "20", "0", "100.0", "%", "2", "ms", "2", "ms"] in lines
    assert [GOOD, "70", "0", "100.0", "%", "2", "ms", "2", "ms"] in lines
    assert [BAD, "3", "1", "66.7", "%", "2", "ms", "2", "ms"] in lines
    assert [GOOD, "Succeeded", "16.5", "10.0", "1.5", "5.0"] in lines
    assert [BAD, "Failed", "5.0", "5.0", "-", "-"] in lines
    wide = text(result(), width=200)
    assert "The good release: 0 of 43 requests failed." in wide
    assert "The bad release: 1 of 11 requests failed." in wide
    assert f"exposed to {BAD} for 3.0 s: 3 requests, at a weight of 10 % at most." in wide


def test_requests_that_no_pod_answered_have_a_row() -> None:
    assert "no pod answered" in text(result(unanswered(50)))
    assert "no pod answered" not in text(result())


def test_exposure_is_from_the_first_to_the_last_answer() -> None:
    assert exposure(traffic(*REQUESTS), BAD) == pytest.approx(3.0)
    assert exposure(traffic(*REQUESTS), "9.9.9") == 0.0


@pytest.mark.parametrize("width", [80, 100])
def test_the_tables_fit(width: int) -> None:
    assert "…" not in text(result(), width)
    assert max(map(len, text(result(), width).splitlines())) <= width
