"""What to do next: rules over one frozen observation. Pure."""

from linnet.engine.decide import decide, stall, wake_at
from linnet.engine.glance import Glimpse
from linnet.engine.unreadable import unreadable
from linnet.engine.wanted import Wanted, wanted

__all__ = ["Glimpse", "Wanted", "decide", "stall", "unreadable", "wake_at", "wanted"]
