"""What can be tried out in a world: anything that decides on a release, scrape by scrape."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from linnet.analysis.tiles import Tile


class Outcome(StrEnum):
    """How a release ended; undecided while it goes on, or when the time was up."""

    ROLLED_BACK = "rolled_back"
    PROMOTED = "promoted"
    UNDECIDED = "undecided"


class Trial(Protocol):
    """One release in the hands of a decider."""

    @property
    def weight(self) -> int:
        """The canary's share of the traffic from now on, in percent."""

    @property
    def outcome(self) -> Outcome:
        """Undecided as long as it goes on."""

    @property
    def reason(self) -> str:
        """Why it ended, in a word; empty where there is but one way to end."""

    def see(self, at: float, tile: Tile, durations: Sequence[float]) -> None:
        """Take in what a scrape at second `at` has counted since the last one, and decide.

        `durations` counts the canary's requests by bucket, if they are measured.
        """


class Decider(Protocol):
    """A rule for releases."""

    @property
    def name(self) -> str:
        """What it is called in tables."""

    @property
    def looks_back(self) -> int:
        """How many tiles of the primary it wants to see that ended before the release."""

    def start(self, before: Sequence[Tile]) -> Trial:
        """Begin a release: the canary is ready, and gets its first traffic."""
