"""What to do next: rules over one frozen observation. Pure."""

from linnet.engine.decide import decide, stall, wake_at
from linnet.engine.wanted import Wanted, wanted

__all__ = ["Wanted", "decide", "stall", "wake_at", "wanted"]
