"""What is read of the operator from outside."""

import os

import pytest

from bench.stand import Work, busy, queries, used

STAT = "4711 (python -m) linnet) S 1 4711 4711 0 -1 4194304 9 0 0 0 250 50 7 7 20 0 6 0 99 1 1"
STATUS = "Name:\tpython\nVmPeak:\t  900000 kB\nVmHWM:\t  100000 kB\nVmRSS:\t   80000 kB\n"


def test_processor_time_and_memory_are_those_of_the_process_alone() -> None:
    now = used(STAT, STATUS)
    assert now.cpu == pytest.approx(300 / os.sysconf("SC_CLK_TCK"))
    assert (now.memory, now.peak) == (80000 * 1024, 100000 * 1024)


def test_queries_are_counted_by_kind() -> None:
    found = queries(
        "# TYPE linnet_prometheus_queries_total counter\n"
        'linnet_prometheus_queries_total{kind="probe"} 2.0\n'
        'linnet_prometheus_queries_total{kind="request-success-rate"} 40.0\n'
        "# TYPE linnet_leader gauge\nlinnet_leader 1.0\n"
    )
    assert found == {"probe": 2, "request-success-rate": 40}


def test_a_machine_is_busy_with_all_but_idling_and_waiting() -> None:
    stat = "cpu  100 20 30 900 800 4 5 41 0 0\ncpu0 50 10 15 450 400 2 2 20 0 0\n"
    assert busy(stat) == pytest.approx(200 / os.sysconf("SC_CLK_TCK"))


def test_work_is_told_as_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    told = Work(at=110.0, operator=3.0, machine=27.0).since(Work(100.0, 1.0, 7.0))
    assert told == (
        "the machine was busy 100 % of the time, 10 % of that with the operator (2.0 s of CPU)"
    )
