"""One moment of the demo. Pure."""

from dataclasses import dataclass, field

from cluster.traffic import Counts, Requests
from e2e.gitops.argo import Sighting

WINDOW = 3.0
"""Seconds of requests that a frame tells of."""


@dataclass
class Commit:
    """A commit; `sha` and `synced` (seconds of the epoch) are known once Argo CD has synced it."""

    message: str
    at: float
    sha: str = ""
    synced: float | None = None


@dataclass(frozen=True)
class Frame:
    """What is to be seen: on Git's side, and on the cluster's.

    `flashes` are those of OutOfSync that no commit had asked for; `in_git` and `live` are the
    weights of old and new version in the VirtualService.
    """

    title: str
    now: float
    began: float
    commits: tuple[Commit, ...] = ()
    argocd: Sighting | None = None
    states: int = 0
    flashes: int = 0
    phase: str = ""
    message: str = ""
    in_git: tuple[int, int] = (90, 10)
    live: tuple[int, int] | None = None
    recent: Requests = field(default_factory=Requests)
    counts: Counts = field(default_factory=lambda: Counts(0, 0, 0))
    over: bool = False

    @property
    def elapsed(self) -> float:
        return self.now - self.began
