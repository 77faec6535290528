"""Judging a canary: which queries to ask, what the answers mean. Pure."""
