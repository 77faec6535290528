"""`make bench`: what linnet costs and how fast it is, on the local cluster.

__main__   the command line
parts      what is measured, in parts that can be run alone
stand      the cluster and the operator under test, and what can be read of them
figures    every figure with its budget, and the verdict      pure
page       docs/benchmarks.md and the table on the terminal   pure
tiles      by itself: what the guard's counts cost, on a Prometheus alone
"""
