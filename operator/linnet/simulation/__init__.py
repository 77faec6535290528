"""A world in which releases can be tried out: seeded traffic, errors, deciders. Pure.

The policy that is tried is the operator's own, `linnet.analysis.policy`.
"""
