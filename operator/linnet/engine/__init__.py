"""What to do next: rules over one frozen observation. Pure."""

from linnet.engine.decide import decide, stall, wake_at, wanted_measurements

__all__ = ["decide", "stall", "wake_at", "wanted_measurements"]
