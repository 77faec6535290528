"""What releases cost users, and the tables of it that a run of the tests ends with."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cluster.traffic import Request

SLOW_SECONDS = 0.4
"""From how long on an answer is as bad as none: the slow versions take longer than that."""
BY = {"GuardTripped": "guard", "AnalysisFailed": "checks"}
LEGEND = (
    "Costs of a release are the new version's failed and slow requests / seconds from its first\n"
    "traffic to weight 0, and what took it back."
)


def is_bad(request: Request) -> bool:
    """Tell whether a request failed, or was answered too slowly."""
    return not request.ok or request.seconds >= SLOW_SECONDS


@dataclass(frozen=True)
class Cost:
    """What one release cost: seconds are from the first traffic to weight 0.

    `reason` is that of its last decision, `bad` the new version's failed and slow requests.
    """

    phase: str
    reason: str
    bad: int
    seconds: float

    def __str__(self) -> str:
        if self.phase != "Failed":
            return f"{self.bad} / promoted"
        return f"{self.bad} / {self.seconds:.1f} s, {BY.get(self.reason, self.reason)}"


class Report:
    """Tables by title, each a list of rows; a row is its cells by column."""

    def __init__(self) -> None:
        self._tables: dict[str, list[dict[str, str]]] = {}

    def row(self, title: str, cells: Mapping[str, object]) -> None:
        """Add a row to a table; columns are in the order in which they first came."""
        self._tables.setdefault(title, []).append(
            {column: str(cell) for column, cell in cells.items()}
        )

    def lines(self) -> Iterator[str]:
        """Yield all tables, in Markdown that is readable as it is; nothing if there are none."""
        if self._tables:
            yield LEGEND
        for title, rows in self._tables.items():
            yield ""
            yield title
            yield ""
            yield from _table(rows)


def _table(rows: list[dict[str, str]]) -> Iterator[str]:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [columns, *([row.get(column, "") for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    head, *body = cells
    yield _line(head, widths)
    yield _line(("-" * width for width in widths), widths)
    for row in body:
        yield _line(row, widths)


def _line(cells: Iterable[str], widths: list[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"
