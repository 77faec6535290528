"""`make demo-gitops`: commits on one side, Argo CD, weights and real traffic on the other.

__main__   the command line
inside     in the cluster's namespaces: runs the show
show       the show: commit, watch, sum up
frame      one moment of it                             pure
view       that moment on a terminal, or as lines of a log
summary    what happened, and whether it was as promised pure
"""
