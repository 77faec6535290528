"""Figures of primary and canary from requests."""

import pytest

from demo.figures import Side, blame, sides
from unit.demo.moments import request, traffic, unanswered


def test_shares_successes_and_latencies_are_those_of_each_side() -> None:
    requests = [request(n / 10, ms=3) for n in range(75)]
    requests += [
        request(8 + n / 10, "1.1.0", canary=True, ok=n % 5 != 0, ms=9 if n == 24 else 4)
        for n in range(25)
    ]
    primary, canary = sides(traffic(*requests), "podinfo", "1.0.0", "1.1.0")
    assert (primary.version, primary.requests, primary.succeeded) == ("1.0.0", 75, 1.0)
    assert primary.share == pytest.approx(0.75)
    assert (canary.version, canary.requests) == ("1.1.0", 25)
    assert canary.share == pytest.approx(0.25)
    assert canary.succeeded == pytest.approx(0.8)
    assert (canary.p50, canary.p99) == (0.004, 0.009)


def test_a_side_is_told_by_its_pods_not_by_its_version() -> None:
    """In a promotion both sides run the same version."""
    both = traffic(request(0, "1.1.0"), request(1, "1.1.0", canary=True))
    primary, canary = sides(both, "podinfo", "1.0.0", "1.1.0")
    assert (primary.requests, canary.requests) == (1, 1)
    assert primary.version == "1.1.0", "its last answer tells, not what it is thought to run"


def test_without_requests_there_are_no_figures() -> None:
    primary, canary = sides(traffic(), "podinfo", "1.0.0", "1.1.0")
    assert primary == Side("primary", "1.0.0")
    assert canary == Side("canary", "1.1.0")


def test_requests_that_no_pod_answered_are_on_no_side() -> None:
    primary, canary = sides(traffic(request(0), unanswered(1)), "podinfo", "1.0.0", "1.1.0")
    assert (primary.requests, primary.share, canary.share) == (1, 1.0, 0.0)


def test_failures_are_blamed_on_the_version_that_answered() -> None:
    found = blame(
        traffic(
            request(0),
            request(1, "1.2.0", canary=True, ok=False),
            request(2, "1.2.0", canary=True, ok=False),
            unanswered(3),
        )
    )
    assert found == {"1.2.0": 2, "": 1}
