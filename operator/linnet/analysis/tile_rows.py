"""Reads what the queries for tiles returned into the tiles of each release.

Instant queries and range queries are read alike. No row of a side is no data, which is told; rows
that add up to nothing are no requests, which is something else.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from linnet.analysis.failures import OUTCOME_LABELS, failed, missing_label
from linnet.analysis.promql import NAMESPACE_LABEL, WORKLOAD_LABEL
from linnet.analysis.queries import REQUESTS, Workload, seen_by_others, without_label
from linnet.analysis.tile_promql import LATE
from linnet.analysis.tiles import Counts, Tile
from linnet.analysis.watch import REPORTERS, TileReading, Watch, Yardstick

_Index = int


@dataclass(slots=True)
class _Side:
    """What one reporter counted for one workload in one tile."""

    counted: bool = False
    requests: float = 0.0
    errors: float = 0.0
    missing: dict[str, float] = field(default_factory=dict)
    has_grpc_status: bool = False
    within: dict[float, float] = field(default_factory=dict)

    def unclear(self) -> str:
        """Return the label without which requests cannot be told apart, empty if all is clear."""
        for label, count in self.missing.items():
            if count and not (label == "grpc_response_status" and self.has_grpc_status):
                return label
        return ""

    def counts(self, edge: float | None) -> Counts:
        return Counts(self.requests, self.errors, self._slow(edge))

    def _slow(self, edge: float | None) -> float | None:
        if edge is None or math.inf not in self.within or edge not in self.within:
            return None
        # Proxies bring their histograms up to date later than their counters, by some seconds.
        return min(self.requests, max(0.0, self.within[math.inf] - self.within[edge]))


class TileRows:
    """The rows of some answers, all of them with tiles of the same length."""

    def __init__(self, seconds: float) -> None:
        self._yardstick = Yardstick(seconds)
        self._sides: dict[Workload, dict[_Index, dict[str, _Side]]] = defaultdict(dict)
        self.late = False
        """Whether a scrape of the newest tile is not there yet."""

    def add_outcomes(self, rows: Iterable[Any]) -> None:
        """Take in the answer to `outcomes_promql`."""
        for labels, index, value in self._values(rows):
            if LATE in labels:
                self.late = self.late or value > 0
                continue
            side = self._side(labels, index)
            bad, missing, grpc = _outcome(*(labels.get(label, "") for label in OUTCOME_LABELS))
            side.counted = True
            side.requests += value
            side.has_grpc_status |= grpc
            if bad:
                side.errors += value
            if missing:
                side.missing[missing] = side.missing.get(missing, 0.0) + value

    def add_durations(self, rows: Iterable[Any]) -> None:
        """Take in the answer to `durations_promql`."""
        for labels, index, value in self._values(rows):
            try:
                bound = float(labels.get("le", ""))
            except ValueError:
                continue
            within = self._side(labels, index).within
            within[bound] = within.get(bound, 0.0) + value

    def read(self, watch: Watch, indices: Iterable[int]) -> tuple[TileReading, ...]:
        """Return the release's tiles of these numbers. A side is None where nothing is known."""
        return tuple(self._tile(watch, index) for index in indices)

    def unseen(self, watch: Watch, index: int) -> tuple[Workload, ...]:
        """Return the workloads that the answers do not speak of at all in this tile."""
        return tuple(one for one in watch.workloads if not self._sides.get(one, {}).get(index))

    def _tile(self, watch: Watch, index: int) -> TileReading:
        by_workload = [self._sides.get(one, {}).get(index, {}) for one in watch.workloads]
        reporter = watch.yardstick.reporter or next(
            (name for name in REPORTERS if any(name in by for by in by_workload)), ""
        )
        counts: list[Counts | None] = []
        absent: list[str] = []
        for workload, by_reporter in zip(watch.workloads, by_workload, strict=True):
            side = by_reporter.get(reporter)
            # A histogram alone does not tell what failed.
            known = side is not None and side.counted and not side.unclear() and bool(reporter)
            counts.append(side.counts(watch.yardstick.edge) if side and known else None)
            if not known:
                absent.append(_why(workload, by_reporter, reporter))
        end = self._yardstick.end(index)
        return TileReading(end, Tile(*counts), "; ".join(filter(None, absent)))

    def _values(self, rows: Iterable[Any]) -> Iterator[tuple[Mapping[str, str], _Index, float]]:
        for row in rows:
            if not isinstance(row, Mapping):
                continue
            labels = row.get("metric") or {}
            points = row.get("values") or [row.get("value")]
            for point in points:
                try:
                    at, text = point
                    value = float(text)
                    index = self._yardstick.index(float(at))
                except (TypeError, ValueError):
                    continue
                if math.isfinite(value):
                    yield labels, index, value

    def _side(self, labels: Mapping[str, str], index: _Index) -> _Side:
        workload = labels.get(NAMESPACE_LABEL, ""), labels.get(WORKLOAD_LABEL, "")
        by_reporter = self._sides[workload].setdefault(index, {})
        reporter = labels.get("reporter", "")
        side = by_reporter.get(reporter)
        if side is None:
            side = by_reporter[reporter] = _Side()
        return side


def _why(workload: Workload, by_reporter: Mapping[str, _Side], reporter: str) -> str:
    """Say why there are rows of a side, but no counts; nothing when there are no rows."""
    side = by_reporter.get(reporter)
    if side is not None and side.counted and reporter:
        return without_label(REQUESTS, workload, side.unclear())
    if "" in by_reporter:
        return without_label(REQUESTS, workload, "reporter")
    others = {name for name, one in by_reporter.items() if one.counted}
    return seen_by_others(workload, others, reporter) if others else ""


@lru_cache(maxsize=4096)
def _outcome(*values: str) -> tuple[bool, str, bool]:
    """Return whether it failed, the label that is missing to tell, whether it has a gRPC status."""
    labels = dict(zip(OUTCOME_LABELS, values, strict=True))
    return failed(labels), missing_label(labels), bool(labels["grpc_response_status"])
