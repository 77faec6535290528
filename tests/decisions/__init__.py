"""`make bench-decisions`: how often linnet's decisions are right, how soon, at what cost."""
