"""`make demo`: a good and a bad release under linnet, live, on the local cluster.

__main__   the command line
options    what it takes
stage      outside the cluster: builds it, brings it up, takes it down
inside     in the cluster's namespaces: runs the show
show       the show: release, watch, sum up
install    linnet on the cluster, as deploy/ has it
example    the objects of the show, from examples/
record     what the Canary's status said, and when         pure
figures    what requests say about primary and canary      pure
frame      one moment of the demo                          pure
story      that moment as a sentence for anybody           pure
screen     that moment on a terminal                       pure
chart      the weight over time on it                      pure
lines      the same as lines of a log
summary    what happened, and whether it was as promised   pure
output     a terminal, or a log
picture    the end as SVG
"""
