"""Rules for releases: linnet's own policy, and those that it is compared with."""
