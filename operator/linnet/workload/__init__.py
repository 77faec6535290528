"""Reading the target and deriving the primary from it. Pure."""
