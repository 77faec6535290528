"""What can go wrong with the test cluster, as one exception that the command line prints."""


class ClusterError(Exception):
    """The message says what is wrong, where, and what to do about it."""
