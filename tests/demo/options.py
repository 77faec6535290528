"""What a demo is told."""

import json
from dataclasses import asdict, dataclass
from typing import Self

NAMESPACE = "shop"
APP = "podinfo"
HOST = "podinfo.example.com"


@dataclass(frozen=True)
class Options:
    """All that differs between two demos. Versions are image tags (see `cluster.behaviour`)."""

    name: str = "demo"
    stable: str = "1.0.0"
    good: str = "1.1.0"
    bad: str = "1.2.0-errors-20"
    rps: float = 60.0
    interval: str = "5s"
    picture: str | None = None
    plain: bool = False

    def to_text(self) -> str:
        """Return all options as one argument of a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what `to_text` wrote."""
        return cls(**json.loads(text))


class DemoError(Exception):
    """The demo cannot go on; the message says why, and what to do if something can be done."""
